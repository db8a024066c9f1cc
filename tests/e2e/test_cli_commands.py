"""The commands as a user or a script meets them: stdout, stderr and exit codes of real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oomforensics.kernel.eras import ERAS
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES

HOSTILE = "ev\x07\u202eil"


def run(
    *arguments: str | Path, db: Path | None = None, stdin: str | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "OOMFORENSICS_DB")}
    where = {"OOMFORENSICS_DB": str(db)} if db else {}
    return subprocess.run(
        [sys.executable, "-m", "oomforensics", *map(str, arguments)],
        input=stdin if stdin is not None else "",
        capture_output=True,
        text=True,
        check=False,
        env={**kept, **where, **environment},
        timeout=120,
    )


def log(pid: int = 700, comm: str = "leaker", *, memcg: str | None = None) -> str:
    victim = Task(pid, comm, rss_anon=90_000)
    tasks = [Task(1, "systemd", rss_anon=900), victim]
    return "\n".join(stamped(Report(KERNELS["6.12"], tasks, victim, memcg=memcg).lines())) + "\n"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of two incidents, one of them by a process that attacks terminals."""
    folder = tmp_path_factory.mktemp("history")
    (folder / "a.log").write_text(log())
    (folder / "b.log").write_text(log(800, HOSTILE, memcg="/pod"))
    done = run("ingest", folder / "a.log", folder / "b.log", db=folder / "history.duckdb")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("2 sources read; 2 new incidents with 2 kills\n")
    return folder / "history.duckdb"


def test_ingesting_again_changes_nothing(db: Path) -> None:
    done = run("ingest", db.parent, db=db)
    assert "0 new incidents with 0 kills; 2 already known" in done.stdout
    counted = run("sql", "SELECT count(*) n FROM incidents", "--json", db=db)
    assert json.loads(counted.stdout) == [{"n": 2}]


def test_bad_input_is_named_and_all_else_stored(tmp_path: Path) -> None:
    good, binary = tmp_path / "good.log", tmp_path / "binary"
    good.write_text(log())
    (tmp_path / "empty.log").touch()
    binary.write_bytes(bytes(range(256)) * 100)
    done = run("ingest", good, tmp_path / "none", binary, tmp_path / "empty.log", "--json", db=tmp_path / "h.duckdb")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "none") in done.stderr
    result = json.loads(done.stdout)
    assert (result["new"], result["new_kills"]) == (1, 1)
    assert [len(source["problems"]) for source in result["sources"]] == [0, 1, 1, 1]
    rows = run(
        "sql", "SELECT count(*) n, count(DISTINCT source) s FROM source_problems", "--json", db=tmp_path / "h.duckdb"
    )
    assert json.loads(rows.stdout) == [{"n": 3, "s": 3}]


def test_no_kill_is_no_failure_and_said(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.log"
    quiet.write_text("[    1.000000] usb 1-1: new device\n" * 50)
    done = run("ingest", quiet, db=tmp_path / "h.duckdb")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no OOM kill found" in done.stdout


def test_standard_input_and_several_processes(tmp_path: Path) -> None:
    assert "1 new incident" in run("ingest", "-", db=tmp_path / "h.duckdb", stdin=log()).stdout
    for number in range(4):
        (tmp_path / f"{number}.log").write_text(log(900 + number))
    done = run("ingest", *sorted(tmp_path.glob("*.log")), tmp_path / "none", "--jobs", "2", db=tmp_path / "j.duckdb")
    assert done.returncode == 1
    assert "5 sources read; 4 new incidents with 4 kills" in done.stdout


def test_incidents_fits_the_terminal_and_obeys_nothing(db: Path) -> None:
    done = run("incidents", db=db, COLUMNS="70")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 70
    assert "\x07" not in done.stdout
    assert "ev\\x07\\u202eil" in run("incidents", db=db).stdout


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--victim", "LEAK"], 1),
        (["--victim", "800"], 1),
        (["--scope", "memcg"], 1),
        (["--cgroup", "/pod"], 1),
        (["--host", "web-1"], 0),
        (["--since", "7d"], 0),
    ],
)
def test_filters(db: Path, options: list[str], count: int) -> None:
    done = run("incidents", *options, "--json", db=db)
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == count
    assert ("no wall-clock time" in done.stderr) == ("--since" in options)


def test_explain(db: Path) -> None:
    listed = json.loads(run("incidents", "--victim", "leaker", "--json", db=db).stdout)
    key = listed[0]["incident_id"]
    done = run("explain", key[:6], db=db)
    assert done.returncode == 0
    assert "leaker (pid 700) was killed" in done.stdout
    assert json.loads(run("explain", key, "--json", db=db).stdout)["incidents"][0]["incident_id"] == key
    hostile = run("explain", run_id(db, "memcg"), db=db)
    assert "\x07" not in hostile.stdout


def run_id(db: Path, scope: str) -> str:
    found = json.loads(run("incidents", "--scope", scope, "--json", db=db).stdout)
    return str(found[0]["incident_id"])


@pytest.mark.parametrize(("name", "begins"), [("r.html", "<!"), ("r.md", "#"), ("r.json", "{")])
def test_report_never_replaces_a_file_by_itself(db: Path, tmp_path: Path, name: str, begins: str) -> None:
    target = tmp_path / name
    done = run("report", "--all", "-o", target, db=db)
    assert (done.returncode, done.stdout) == (0, "")
    assert target.read_text().startswith(begins)
    target.write_text("mine")
    refused = run("report", "-o", target, db=db)
    assert (refused.returncode, target.read_text()) == (2, "mine")
    assert run("report", "-o", target, "--force", db=db).returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert run("report", "-o", "-", "--format", target.suffix[1:], db=db).stdout.startswith(begins)


def test_report_into_a_pipe_leaves_the_pipe(db: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        done = run("report", "-o", pipe, "--format", "md", "--force", db=db)
        text = reader.communicate(timeout=60)[0]
    assert (done.returncode, text[:1], pipe.is_fifo()) == (0, "#", True)
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


def test_sql_formats_and_files(db: Path, tmp_path: Path) -> None:
    query = "SELECT victim_pid, victim_comm FROM incidents ORDER BY 1"
    assert run("sql", query, "--format", "csv", db=db).stdout == f"victim_pid,victim_comm\n700,leaker\n800,{HOSTILE}\n"
    assert "\x07" not in run("sql", query, db=db).stdout
    for form in ("csv", "json", "parquet", "table"):
        target = tmp_path / f"out.{form}"
        assert run("sql", query, "--format", form, "-o", target, db=db).returncode == 0
        assert target.stat().st_size > 20
        assert run("sql", query, "--format", form, "-o", target, db=db).returncode == 2
    names = [line.split()[0] for line in run("sql", "--list").stdout.splitlines()]
    assert len(names) >= 6
    for name in names:
        assert run("sql", "--run", name, db=db).returncode == 0


def test_sql_prompt_from_a_pipe(db: Path) -> None:
    done = run("sql", db=db, stdin="SELECT 1 AS a;\nSELECT\n2 AS b\n;\n.tables\n.quit\nSELECT 3;\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("a\n1\nb\n2\n")
    assert "source_problems" in done.stdout
    assert "3" not in done.stdout.splitlines()
    wrong = run("sql", db=db, stdin="SELECT nonsense;\nSELECT 1 AS a")
    assert (wrong.returncode, wrong.stdout) == (2, "a\n1\n")
    assert wrong.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "query",
    ["SELECT * FROM read_text('/etc/passwd')", "COPY incidents TO 'x.csv'", "DELETE FROM t_incidents", "SELEC 1"],
)
def test_sql_that_may_not_or_cannot_run(db: Path, query: str) -> None:
    done = run("sql", query, db=db)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("oomforensics: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["ingest"],
        ["ingest", "x", "--timezone", "Mars/Olympus"],
        ["incidents", "--since", "yesteryear"],
        ["incidents", "--scope", "galaxy"],
        ["explain", "zzz"],
        ["report", "--all", "x", "-o", "-"],
        ["report"],
        ["sql", "SELECT 1", "--format", "parquet"],
        ["sql", "--run", "nonsense"],
    ],
)
def test_wrong_usage(db: Path, arguments: list[str]) -> None:
    done = run(*arguments, db=db)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments", [["incidents"], ["explain"], ["report", "-o", "-"], ["sql", "SELECT 1"], ["ingest", "/dev/null"]]
)
def test_a_database_of_no_use(tmp_path: Path, arguments: list[str]) -> None:
    path = tmp_path / "h.duckdb"
    path.write_bytes(b"not a database" * 100)
    done = run(*arguments, "--db", path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert str(path) in done.stderr
    assert path.read_bytes() == b"not a database" * 100


def test_a_reader_that_leaves_early(db: Path) -> None:
    command = f"{sys.executable} -m oomforensics sql 'SELECT * FROM range(200000)' --format csv --db {db} | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "range\n", "")


def test_an_unforeseen_failure_is_one_line(db: Path, tmp_path: Path) -> None:
    script = (
        "from oomforensics.history import lookup\nfrom oomforensics.cli.main import run\n"
        "def fail(*_): raise RuntimeError('first\\nsecond')\nlookup.incidents = fail\nrun()\n"
    )
    for debug in ([], ["--debug"]):
        done = subprocess.run(
            [sys.executable, "-c", script, "incidents", "--db", str(db), *debug],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert ("Traceback" in done.stderr) == bool(debug)
        assert done.stderr.splitlines()[-1].startswith("oomforensics: unforeseen RuntimeError: first")


def test_help_has_examples_and_loads_nothing_heavy() -> None:
    heavy = "duckdb pandas numpy plotly jinja2 rich pydantic"
    script = (
        "import sys\nfrom oomforensics.cli.main import app\nsys.argv = ['oomforensics', *sys.argv[1:]]\n"
        "try: app()\nexcept SystemExit: pass\n"
        f"sys.exit(','.join(sorted(set('{heavy}'.split()) & set(sys.modules))))\n"
    )
    for name in ([], ["ingest"], ["incidents"], ["explain"], ["report"], ["what-if"], ["eras"], ["sql"], ["demo"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *name, "--help"], capture_output=True, text=True, check=False
        )
        assert done.stderr in ("", "\n")
        assert "Example" in done.stdout


def test_eras_lists_all_of_them() -> None:
    shown = run("eras").stdout.splitlines()
    assert [line.split()[0] for line in shown[1:]] == [era.name for era in ERAS]
    listed = json.loads(run("eras", "--json").stdout)
    assert [row["era"].removesuffix(" (unverified)") for row in listed] == [era.name for era in ERAS]


@pytest.mark.parametrize(
    ("release", "era"),
    [
        ("6.1.0-18-amd64", "5.9-6.1"), ("2.6.32-754.el6.x86_64", "rhel6.5-6.10"), ("3.10.0-327.el7", "rhel7.0-7.2"),
        ("2.6.32-042stab120.1", None),
    ],
)  # fmt: skip
def test_eras_of_a_release(release: str, era: str | None) -> None:
    told = json.loads(run("eras", release, "--json").stdout)
    assert (told["of"], told["era"], told["certain"]) == (release, era, False)
    assert told["evidence"]
    assert (told["rules"] is None) == (era is None)
    assert run("eras", release).stdout.startswith(f"{release}: {era or 'no era'}")


def test_eras_of_an_incident(db: Path) -> None:
    incident_id = run_id(db, "global")
    told = json.loads(run("eras", incident_id, "--json", db=db).stdout)
    assert told["of"] == f"incident {incident_id}"
    assert (told["era"], told["certain"], told["rules"]["equals"]) == ("6.8-6.19", True, "the last one scanned")
    assert any("rss_anon" in reason for reason in told["evidence"])
    assert run("eras", "nothing", db=db).returncode == 2


def test_eras_obeys_no_release() -> None:
    shown = run("eras", "6.1\x1b]0;owned\x07").stdout
    assert shown.startswith("6.1")
    assert not {"\x1b", "\x07"} & set(shown)


def what_if(db: Path, *arguments: str) -> dict[str, Any]:
    done = run("what-if", *arguments, "--json", db=db)
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_what_if_repeats_the_selection(tmp_path: Path) -> None:
    victim = Task(700, "postgres", rss_anon=90_000)
    tasks = [Task(1, "systemd", rss_anon=900), Task(701, "java", rss_anon=60_000), Task(702, "java", rss_anon=50_000),
             Task(703, "sshd", rss_anon=500, oom_score_adj=-1000), victim]  # fmt: skip
    (tmp_path / "log").write_text("\n".join(stamped(Report(KERNELS["6.12"], tasks, victim).lines())) + "\n")
    db = tmp_path / "h.duckdb"
    assert run("ingest", tmp_path / "log", db=db).returncode == 0
    plain = what_if(db)
    assert plain["chosen_before"] == plain["chosen"] == {"pid": 700, "comm": "postgres", "oom_score_adj": 0}
    assert [one["pid"] for one in plain["order"]] == [700, 701, 702]
    unit = plain["totalpages"] // 1000
    saved = what_if(db, "--save", "postgres")["save"]
    assert saved["instead"]["pid"] == 701
    needed = saved["needed_oom_score_adj"]
    gap = plain["order"][0]["badness"] - plain["order"][1]["badness"]
    assert (-needed - 1) * unit <= gap <= -needed * unit
    assert what_if(db, "--oom-score-adj", f"postgres={needed}")["chosen"]["pid"] == 701
    assert what_if(db, "--oom-score-adj", f"postgres={needed + 1}")["chosen"]["pid"] == 700
    assert [one["pid"] for one in saved["others"]] == [701, 702]  # nothing is advised about the shielded one
    for other in saved["others"]:
        change = f"{other['pid']}={other['needed_oom_score_adj']}"
        assert what_if(db, "--oom-score-adj", change)["chosen"]["pid"] == other["pid"]
    assert what_if(db, "--gone", "700", "--gone", "java")["chosen"] is None
    assert what_if(db, "--save", "java")["save"]["was_chosen"] is False
    told = run("what-if", "--save", "postgres", "--kill-order", db=db).stdout
    assert f"spared with oom_score_adj {needed} or less" in told


def test_what_if_with_other_sizes_and_by_another_kernel(tmp_path: Path) -> None:
    (recording,) = FIXTURES.glob("kernels/6.1.*-cloud-amd64/memcg-v2-adj-favours-smaller/kmsg")
    db = tmp_path / "h.duckdb"
    assert run("ingest", recording, db=db).returncode == 0
    as_it_was = what_if(db, "--memory-limit", "48M", "--swap", "0")
    assert as_it_was["order"] == what_if(db)["order"]
    assert as_it_was["changed"]["totalpages"] == as_it_was["totalpages"] == 12_288
    doubled = what_if(db, "--memory-limit", "96M")
    assert doubled["changed"]["totalpages"] == 24_576
    more = {one["pid"]: one["badness"] for one in doubled["order"]}
    for one in as_it_was["order"]:  # a share of oom_score_adj is a thousandth of the total, rounded down
        assert more[one["pid"]] == one["badness"] + one["oom_score_adj"] * (24 - 12)
    assert what_if(db, "--swap", "48M")["changed"]["totalpages"] == 24_576
    old = what_if(db, "--kernel", "3.2.0-4-amd64")
    assert old["changed"]["era"] == "3.2-3.4"
    assert all(1 <= one["badness"] <= 1000 for one in old["order"])
    assert any("Page tables" in caveat for caveat in old["caveats"])
    save = what_if(db, "--save", "small")["save"]
    assert [(one["what"], one["at_least_bytes"]) for one in save["allocation"]] == [
        ("the memory limit", 49_156 * 1024), ("the swap limit", 4096),
    ]  # fmt: skip
    told = run("what-if", "--save", "small", "--memory-limit", "96M", db=db).stdout
    assert "limit 24576 pages + 0 of swap = 24576" in told
    assert "the memory limit needed at least 50,335,744 bytes" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--save", "none"], ["--oom-score-adj", "leaker"], ["--oom-score-adj", "700=1001"], ["--gone", ""],
        ["--memory-limit", "1G"], ["--swap", "much"], ["--kernel", "2.6.30"], ["--kernel", "2.6.32-042stab145.3"],
    ],
)  # fmt: skip
def test_what_if_refuses(db: Path, arguments: list[str]) -> None:
    done = run("what-if", run_id(db, "global"), *arguments, db=db)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_what_if_of_a_report_without_its_table(tmp_path: Path) -> None:
    kill = [line for line in log().splitlines() if "Killed process" in line]
    (tmp_path / "log").write_text("\n".join(kill) + "\n")
    run("ingest", tmp_path / "log", db=tmp_path / "h.duckdb")
    done = run("what-if", db=tmp_path / "h.duckdb")
    assert done.returncode == 2
    assert "nothing to repeat (insufficient_data)" in done.stderr


def test_what_if_promises_nothing_to_who_died_with_its_group(tmp_path: Path) -> None:
    (recording,) = FIXTURES.glob("kernels/7.*-cloud-amd64/memcg-v2-oom-group/kmsg")
    db = tmp_path / "h.duckdb"
    assert run("ingest", recording, db=db).returncode == 0
    chosen = what_if(db)["chosen"]["pid"]
    members = json.loads(run("sql", "SELECT pid FROM candidates WHERE is_victim", "--json", db=db).stdout)
    other = next(member["pid"] for member in members if member["pid"] != chosen)
    done = run("what-if", "--save", other, db=db)
    assert (done.returncode, done.stdout) == (2, "")
    assert "without being the first choice (oom_group)" in done.stderr


def test_what_if_obeys_no_name(db: Path) -> None:
    shown = run("what-if", run_id(db, "memcg"), "--save", "800", db=db)
    assert shown.returncode == 0
    assert "\x07" not in shown.stdout


def test_version() -> None:
    from oomforensics import __version__

    assert run("--version").stdout == f"oomforensics {__version__}\n"
