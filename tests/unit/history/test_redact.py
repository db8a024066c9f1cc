"""What every column holds, what a name becomes, and that a redacted history has nothing else to show."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from oomforensics.errors import UsageError
from oomforensics.history import redact, vocabulary
from oomforensics.history.export import By, export
from oomforensics.history.places import SAID
from oomforensics.history.pseudonyms import Pseudonyms
from oomforensics.history.redact import COLUMNS, is_redacted, key_beside, key_of, open_redacted, read_key
from oomforensics.history.redact_text import Texts
from oomforensics.history.save import save
from oomforensics.history.schema import Connection
from oomforensics.history.store import open_read, open_write
from oomforensics.parsers.cgroup_identity import identify
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.witness import Event, Says, Witness
from oomforensics.parsers.witnesses import WITNESSES
from tests.support import logs
from tests.support.samples import printed_logs
from tests.support.witness_logs import LOGS
from tests.unit.history.events import judged, report, seen

KEY = b"k" * 32
POD, CONTAINER = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", "9a" * 32
POD_PATH = (
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/"
    f"cri-containerd-{CONTAINER}.scope"
)


@pytest.fixture
def names() -> Pseudonyms:
    return Pseudonyms(KEY)


@pytest.fixture
def texts(names: Pseudonyms) -> Texts:
    taught = Texts(names)
    for comm in ("ruby worker", "total", "postgres", "sshd", "[   42] 0", "café"):
        taught.learn_comm(comm)
    taught.learn_host("db7.acme.com")
    taught.learn_host("node7")
    taught.learn_cgroup("/app.slice/shop.service")
    taught.learn_path("/home/alice/acme-case/kern.log")
    taught.learn_release("5.4.0-db7-generic")
    taught.learn_release("2.6.34.7")
    return taught


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "history.duckdb"
    source = "/home/alice/kern.log"
    with open_write(made) as con:
        one = seen(report(), source, host="db7.acme.com", wall_us=1_780_000_000_000_000)
        problem = Problem(source, 3, "wibble /srv/acme lost")
        save(con, judged(one), [SourceInfo(source, 5, "9f" * 32, "dmesg", problems=[problem])])
    return made


# -- columns -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Connection]:
    empty = tmp_path / "empty.duckdb"
    with open_write(empty):
        pass
    with open_read(empty) as con:
        yield con


def test_every_public_column_has_a_class(public: Connection) -> None:
    """A new column of a view: add it to COLUMNS in history/redact.py, under what it holds."""
    views = {
        name for (name,) in public.execute("SELECT view_name FROM duckdb_views() WHERE comment IS NOT NULL").fetchall()
    }
    found = public.execute("SELECT table_name, column_name FROM duckdb_columns()").fetchall()
    unclassed = [f"{view}.{name}" for view, name in found if view in views and redact.class_of(view, name) is None]
    assert not unclassed


def test_no_column_has_two_classes_and_every_class_is_known(names: Pseudonyms) -> None:
    for classes in COLUMNS.values():
        listed = " ".join(classes.values()).split()
        assert len(listed) == len(set(listed))
        assert all(how == "keep" or hasattr(Texts(names), how) or hasattr(names, how) for how in classes)


def test_what_is_kept_is_no_free_text(public: Connection) -> None:
    """Kept texts are words of ours; the list is looked at whenever it grows."""
    found = public.execute("SELECT table_name, column_name, data_type FROM duckdb_columns()").fetchall()
    kept = {name for view, name, kind in found if "VARCHAR" in kind and redact.class_of(view, name) == "keep"}
    assert kept <= {
        "ts_source", "era", "scope", "verdict", "missing", "era_alternatives", "outcomes", "container_runtime", "pod_qos",
        "job_scheduler", "ineligible_reason", "reason", "kind", "finding", "severity", "framing", "says", "mechanism",
        "node", "parent", "also",
        "tied_by", "evidence", "witnesses", "confidence", "advice", "cause", "migratetype", "highest_zone", "zone", "shape",
        "seen_in",
        "culprit_kind",
    }  # fmt: skip


# -- names -------------------------------------------------------------------------------------------------------------


def test_pseudonyms_are_stable_and_distinct(names: Pseudonyms) -> None:
    made = [names.comm(f"app-{number}") for number in range(5_000)]
    assert len(set(made)) == 5_000
    assert made == [Pseudonyms(KEY).comm(f"app-{number}") for number in range(5_000)]
    assert not set(made) & {Pseudonyms(b"other" * 8).comm(f"app-{number}") for number in range(5_000)}
    assert all(len(one) <= 15 for one in made), "a kernel's name has 15 bytes"
    uids = [names.uid(uid) for uid in range(1, 2_000)]
    assert len(set(uids)) == 1_999
    assert all(2**31 <= uid < 2**32 for uid in uids)


def test_the_same_name_has_the_same_digits_everywhere(names: Pseudonyms) -> None:
    digits = names.comm("shop").removeprefix("proc-")
    assert names.cgroup("/shop.service") == f"/cg-{digits}.service"
    assert names.path("/srv/shop/x.log").split("/")[2] == f"file-{digits}"
    assert names.host("SHOP") == names.host("shop") == f"host-{digits}"


@pytest.mark.parametrize(
    "name",
    [
        "systemd",
        "sshd",
        "init",
        "(sd-pam)",
        "kthreadd",
        "kswapd0",
        "kworker/u8:2-events_unbound",
        "jbd2/sda1-8",
        "migration/3",
    ],
)
def test_names_that_every_linux_has_stay(names: Pseudonyms, name: str) -> None:
    assert names.comm(name) == name


@pytest.mark.parametrize(
    "name", ["java", "kworker/secret", "kworker/0:1-acme", "jbd2/sdacme-8", "systemd-acme", "sshd2"]
)
def test_names_that_only_look_so_go(names: Pseudonyms, name: str) -> None:
    assert re.fullmatch(r"proc-[0-9a-f]{10}", names.comm(name))


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/", "/"),
        ("/system.slice/sshd.service", "/system.slice/sshd.service"),
        ("/system.slice/acme-web@eu.service", r"/system\.slice/cg-\w{10}\.service"),
        ("/user.slice/user-1000.slice/session-3.scope", r"/user\.slice/user-\d{10}\.slice/session-3\.scope"),
        (
            "/user.slice/user-1000.slice/user@1000.service/app.slice",
            r"/user\.slice/user-\d{10}\.slice/user@\d{10}\.service/app\.slice",
        ),
        ("/docker/" + CONTAINER, r"/docker/[0-9a-f]{64}"),
        (f"/kubepods/burstable/pod{POD}/{CONTAINER}", r"/kubepods/burstable/pod[0-9a-f-]{36}/[0-9a-f]{64}"),
        ("/acme-web.slice/acme-web-eu.slice", r"/cg-\w{10}-cg-\w{10}\.slice/cg-\w{10}-cg-\w{10}-cg-\w{10}\.slice"),
        ("/slurm/uid_1000/job_4711/step_0", r"/slurm/uid_\d{10}/job_\d{10}/step_0"),
        ("/with, odd=name task=x/../é", r"/cg-\w{10}/\.\./cg-\w{10}"),
    ],
)  # fmt: skip
def test_control_groups(names: Pseudonyms, path: str, shape: str) -> None:
    assert re.fullmatch(shape, names.cgroup(path)), names.cgroup(path)


@pytest.mark.parametrize(
    "path",
    [
        POD_PATH,
        f"/kubepods/besteffort/pod{POD}/{CONTAINER}",
        f"/docker/{CONTAINER}",
        "/user.slice/user-1000.slice/user@1000.service/app.slice/acme.service",
        "/system.slice/acme.service",
        "/slurm/uid_1000/job_4711/step_batch",
        f"/nomad.slice/share.slice/{POD}.acme.scope",
        f"/ecs/{'0f' * 16}/{CONTAINER}",
        "/lxc.payload.acme-db",
        "/machine.slice/systemd-nspawn@acme\\x2d1.service",
        "/machine.slice/machine-qemu\\x2d7\\x2dacmevm.scope",
    ],
)
def test_a_redacted_path_still_says_who_it_is(names: Pseudonyms, path: str) -> None:
    """The columns that come from a path agree with the path, although each is redacted by itself."""
    before, after = identify(path), identify(names.cgroup(path))
    how: dict[str, Callable[[str], str]] = {
        "container_id": names.ident,
        "pod_uid": names.ident,
        "job_id": names.ident,
        "job_step": names.step,
    }
    for name in ("systemd_slice", "systemd_unit", "systemd_user_unit"):
        how[name] = names.cgroup
    for name in before.__slots__:
        value = getattr(before, name)
        if name == "login_uid":
            value = value if value is None else names.uid(value)
        elif value is not None and name in how:
            value = how[name](value)
        assert getattr(after, name) == value, name
    assert "acme" not in names.cgroup(path)


def test_short_container_ids_are_the_beginning_of_long_ones(names: Pseudonyms) -> None:
    for length in (12, 20):
        assert names.ident(CONTAINER).startswith(names.ident(CONTAINER[:length]))
    assert names.ident(POD) != names.ident(POD.replace("0b", "0c"))
    assert names.ident(POD.replace("-", "_")) == names.ident(POD).replace("-", "_")


def test_hosts_and_files(names: Pseudonyms) -> None:
    assert re.fullmatch(r"host-\w{10}\.dom-\w{10}", names.host("db7.acme.com"))
    assert names.host("db7.acme.com").startswith(names.host("db7"))
    assert names.host("10.1.2.3").startswith("ip-")
    assert names.host("localhost") == "localhost"
    assert re.fullmatch(r"/home/file-\w{10}/var/log/kern\.log\.2\.gz", names.path("/home/alice/var/log/kern.log.2.gz"))
    assert re.fullmatch(r"file-\w{10}\.tar\.xz", names.path("sosreport-db7-2026-07-01.tar.xz"))


# -- texts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            "Out of memory: Killed process 7 (ruby worker) total-vm:4kB, UID:1001 pgtables:8kB",
            r"Out of memory: Killed process 7 \(proc-\w+\) total-vm:4kB, UID:\d{10} pgtables:8kB",
        ),
        (
            "[  871]   113   871    50000    42100      503808        0             0 [   42] 0",
            r"\[  871\]   \d{10}   871    50000    42100      503808        0             0 proc-\w+",
        ),
        (
            "[  871]   113   871    50000    42100      503808        0             0 unread name",
            r"\[  871\] .* 0 proc-\w+",
        ),
        ("[  402]     0   402    50000      680      503808        0         -1000 sshd", r".* -1000 sshd"),
        (
            "Killed process 7 (total) total-vm:4kB, anon-rss:0kB",
            r"Killed process 7 \(proc-\w+\) total-vm:4kB, anon-rss:0kB",
        ),
        (
            "Memory cgroup stats for /app.slice/shop.service: cache:0KB rss:8KB",
            r"Memory cgroup stats for /app\.slice/cg-\w+\.service: cache:0KB rss:8KB",
        ),
        (
            "CPU: 0 PID: 7 Comm: postgres Not tainted 2.6.34.7 #1",
            r"CPU: 0 PID: 7 Comm: proc-\w+ Not tainted 2\.6\.34\.7 #1",
        ),
        ("x on 5.4.0-db7-generic", r"x on 5\.4\.0-host-\w+-generic"),
        (
            "Hardware name: Acme R640/0H28RR, BIOS 2.1 S/N VMW4411XQ7",
            r"Hardware name: Acme R640/0H28RR, BIOS 2\.1 S/N serial-\w+",
        ),
        (
            "login bob@initech.example from 10.1.2.3 at 00:16:3e:aa:bb:cc fe80::1 07:15:00",
            r"login mail-\w+ from ip-\w+ at mac-\w+ ip-\w+ 07:15:00",
        ),
        (
            f"oom {CONTAINER} (image=web, io.kubernetes.pod.uid={POD}, name=web)",
            r"oom [0-9a-f]{64} \(image=name-\w+, io\.kubernetes\.pod\.uid=[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}, name=.*\)",
        ),
        ("boot 0b1c2d3e4f5061728394a5b6c7d8e9f0", r"boot [0-9a-f]{32}"),
        ("db7 kernel: DB7 db7.acme.com acme", r"host-\w+ kernel: name-\w+ host-\w+\.dom-\w+ dom-\w+"),
        (
            "/home/alice/acme-case/kern.log /opt/initech/bin/run --password=hunter2",
            r"/home/file-\w+/file-\w+/kern\.log /opt/file-\w+/bin/run name-\w+=name-\w+",
        ),
        ("ev\x07il\u202esecret🔥🔥🔥🔥", r"name-\w+"),
        ("Modules linked in: acme_drv nvidia(POE)", r"Modules linked in: \[2 names redacted\]"),
        ("node7 oom03 Node 0 DMA32 active_file_2", r"host-\w+ name-\w+ Node 0 DMA32 active_file_2"),
        (" out_of_memory+0x4b/0x60 [initech_drv]", r" out_of_memory\+0x4b/0x60 \[name-\w+\]"),
        (
            "active_anon:69704 inactive_file:66 Node 0 Normal free:44672kB",
            "active_anon:69704 inactive_file:66 Node 0 Normal free:44672kB",
        ),
    ],
)  # fmt: skip
def test_lines(texts: Texts, line: str, shown: str) -> None:
    assert re.fullmatch(shown, texts.line(line), re.DOTALL), texts.line(line)


@pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.name)
def test_what_a_witness_names_goes(names: Pseudonyms, witness: Witness) -> None:
    """Also a name that is a word of ours, and a number that is an id: the witness's own pattern says what it is."""
    for sample in witness.samples:
        for pattern in witness.patterns:
            for match in pattern.finditer(sample):
                shown = Texts(names).line(sample)
                for group, value in match.groupdict().items():
                    how = SAID.get(group)
                    if value is None or how is None:
                        continue
                    hidden = str(names.uid(int(value))) if how == "uid" else Texts(names).by_class(how, value)
                    assert hidden in shown, (group, shown)
                    assert hidden == value or value not in shown, (group, shown)


@pytest.mark.parametrize("log", LOGS)
def test_what_a_witness_says_keeps_its_figures_and_their_names(names: Pseudonyms, log: str) -> None:
    for seen_event in LOGS[log]:
        shown = json.loads(Texts(names).said(json.dumps(seen_event.detail)))
        assert list(shown) == list(seen_event.detail)
        for key, value in seen_event.detail.items():
            assert shown[key] == value or not isinstance(value, (int, float)), key


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('earlyoom: cmdline="java -p 12 of memory"', "earlyoom: cmdline= [5 words redacted]"),
        ("sudo: COMMAND=/bin/ls 4711", "sudo: COMMAND= [2 words redacted]"),
        ("Kernel command line: root=/dev/sda1 quiet", "Kernel command line: [2 words redacted]"),
        ("Killed process 7 (args=x) total-vm:4kB", r"Killed process 7 \(proc-\w+\) total-vm:4kB"),
    ],
)
def test_command_lines_go_as_a_whole(names: Pseudonyms, line: str, shown: str) -> None:
    hidden = Texts(names).line(line)
    assert hidden == shown or re.fullmatch(shown, hidden)
    assert re.fullmatch(r"cmd-\w{10}", names.command("java -p 12 of memory"))
    assert names.command("[kthreadd]") == "[kthreadd]"


@pytest.mark.parametrize(
    ("release", "shown"),
    [
        ("6.12.107+deb13-cloud-amd64", "6.12.107+deb13-cloud-amd64"),
        ("3.10.0-1160.el7.x86_64", "3.10.0-1160.el7.x86_64"),
        ("4.18.0-553.el8_10.x86_64", "4.18.0-553.el8_10.x86_64"),
        ("5.4.17-2136.el8uek.x86_64", "5.4.17-2136.el8uek.x86_64"),
        ("6.6.87.2-microsoft-standard-WSL2", "6.6.87.2-microsoft-standard-WSL2"),
        ("5.15.0-1051-azure", "5.15.0-1051-azure"),
        ("6.1.119-129.201.amzn2023.x86_64", "6.1.119-129.201.amzn2023.x86_64"),
        ("6.1.0-initech-prod+", r"6\.1\.0-name-\w{10}-name-\w{10}\+"),
    ],
)
def test_releases_keep_what_distributions_add(names: Pseudonyms, release: str, shown: str) -> None:
    hidden = Texts(names).release(release)
    assert hidden == shown or re.fullmatch(shown, hidden)


def test_sentences(texts: Texts) -> None:
    said = texts.prose(
        "ruby worker (pid 7) had 4 pages in total; total (pid 8) is next. victim 7 (total): rss 4 on /app.slice/shop.service"
    )
    ruby, total = texts.pseudonyms.comm("ruby worker"), texts.pseudonyms.comm("total")
    unit = texts.pseudonyms.cgroup("/app.slice/shop.service")
    assert said == f"{ruby} (pid 7) had 4 pages in total; {total} (pid 8) is next. victim 7 ({total}): rss 4 on {unit}"


def test_a_sentence_may_name_what_only_a_line_holds(texts: Texts) -> None:
    line = texts.line("foreign: wibble-9 died")
    assert texts.prose("The line names wibble-9.") == f"The line names {line.split()[1]}."


def test_structures(texts: Texts) -> None:
    hidden = json.loads(
        texts.json(
            json.dumps(
                [
                    {
                        "path": "/app.slice/shop.service",
                        "unit": "kB",
                        "values": {"cache": 4, "wibble": 1},
                        "uid": 7,
                        "note": "bob",
                    }
                ]
            )
        )
    )[0]
    assert hidden["path"] == texts.pseudonyms.cgroup("/app.slice/shop.service")
    assert hidden["values"]["cache"] == 4
    assert hidden["uid"] == texts.pseudonyms.uid(7)
    assert "wibble" not in str(hidden)
    assert "bob" not in str(hidden)


def test_no_line_is_too_hostile(texts: Texts) -> None:
    for line in (
        "(" * 60_000,
        "Kill process 1 (" * 4_000,
        "a " * 30_000,
        "zq-" * 20_000,
        "0" * 60_000,
        "[" + " 1" * 30_000,
    ):
        texts.line(line)


def test_lines_of_reports_are_figures_and_words(names: Pseudonyms) -> None:
    """What a kernel prints by itself stays readable: every pseudonym in a report stands for a name."""
    texts = Texts(names)
    for lines in printed_logs().values():
        for one in logs.incidents(lines):
            for row in one.table.rows if one.table else []:
                texts.learn_comm(row.comm)
            for line in one.lines:
                assert "name-" not in texts.line(line.text.removesuffix("made for a test")), line.text


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_is_the_owners(tmp_path: Path) -> None:
    history = tmp_path / "h.duckdb"
    key, kept = key_of(history)
    assert kept
    assert (key_of(history), key_beside(history).stat().st_mode & 0o777) == ((key, True), 0o600)
    assert [file.name for file in tmp_path.iterdir()] == ["h.duckdb.redact-key"]
    nowhere = tmp_path / "none" / "h.duckdb"
    assert key_of(nowhere)[1] is False
    assert key_of(nowhere)[0] != key_of(nowhere)[0]
    (tmp_path / "short").write_text("secret")
    for wrong in ("short", "none"):
        with pytest.raises(UsageError):
            read_key(tmp_path / wrong)


# -- the copy ----------------------------------------------------------------------------------------------------------


def test_a_redacted_history_is_cut_off_from_its_file(path: Path) -> None:
    with open_read(path) as con:
        ids = [key for (key,) in con.execute("SELECT incident_id FROM incidents").fetchall()]
        assert not is_redacted(con)
    with open_redacted(path, KEY, ids) as (con, hidden):
        assert is_redacted(con)
        assert con.execute("SELECT incident_id FROM incidents").fetchall() == [(hidden[0],)]
        assert hidden != ids
        assert con.execute("SELECT database_name FROM duckdb_databases() WHERE NOT internal").fetchall() == [
            ("memory",)
        ]
        with pytest.raises(duckdb.Error):
            con.execute(f"FROM read_text('{path}')")
        host, source = con.execute("SELECT host, source FROM incidents").fetchall()[0]
        assert re.fullmatch(r"host-\w+\.dom-\w+", host)
        assert re.fullmatch(r"/home/file-\w+/kern\.log", source)
        reasons = con.execute(
            "SELECT reason FROM source_problems UNION ALL SELECT problems[1].reason FROM sources"
        ).fetchall()
        assert re.fullmatch(r"name-\w+ /srv/dom-\w+ lost", reasons[0][0])
        assert reasons[0] == reasons[1]


def test_a_column_that_nobody_classed_is_not_shown(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE OR REPLACE VIEW findings AS SELECT *, 'zqsecret' AS odd, ['zqsecret'] AS odder, 4711 AS oddest"
            " FROM t_findings"
        )
        con.execute("COMMENT ON COLUMN findings.odd IS 'zqsecret'")
        con.execute("INSERT INTO t_findings VALUES ('x', 'f', 'info', 't', NULL, NULL, NULL)")
    known = ["incident_id", "finding", "severity", "text", "evidence", "advice", "confidence"]
    with open_redacted(path, KEY, ["x"]) as (con, _):
        shown = con.execute("FROM findings")
        assert [name for name, *_ in shown.description] == known
        assert len(shown.fetchall()) == 1
    (path.parent / "out").mkdir()
    export(path, path.parent / "out", By.NONE, KEY)
    manifest = (path.parent / "out/manifest.json").read_text()
    assert list(json.loads(manifest)["views"]["findings"]["columns"]) == known
    assert "zqsecret" not in manifest
    with duckdb.connect() as con:
        shown = con.execute(f"FROM '{path.parent}/out/findings/*.parquet'")
        assert [name for name, *_ in shown.description] == known


def test_what_other_killers_say_is_redacted_too(path: Path) -> None:
    """In every view that shows it, with the same pseudonyms."""
    detail = {
        "cmdline": "/srv/zqsecret/run --key zqsecret",
        "candidates": [{"path": "/zqsecret.slice", "uid": 7}],
        "zqsecret": 1,
    }
    event = Event("earlyoom_kill", Says.KILL, "earlyoom", "/home/alice/kern.log", 9, "sending SIGKILL to zqsecret")
    event.program, event.host, event.pid, event.comm, event.uid = "earlyoom", "zqsecret.acme.com", 7, "zqsecret", 1001
    event.cgroup, event.unit, event.detail = "/system.slice/zqsecret.service", "zqsecret.service", detail
    with open_write(path) as con:
        save(con, [], [SourceInfo("/home/alice/kern.log", 5, "9f" * 32, "dmesg", events=[event])])
    (path.parent / "out").mkdir()
    export(path, path.parent / "out", By.NONE, KEY)
    with duckdb.connect() as con:
        rows = {
            view: con.execute("FROM read_parquet(?)", [f"{path.parent}/out/{view}/*.parquet"]).fetchall()
            for view in COLUMNS
        }
        (found,) = con.execute(
            f"SELECT program, host, comm, unit, cgroup, text FROM '{path.parent}/out/memory_events/*.parquet'"
        ).fetchall()
    assert "zqsecret" not in repr(rows)
    digits = Pseudonyms(KEY).comm("zqsecret").removeprefix("proc-")
    assert found[0] == "earlyoom"
    assert all(digits in value for value in found[1:])
    assert len(rows["deaths"]) == 2


def test_the_vocabulary_names_no_application() -> None:
    for name in ("java", "postgres", "mysqld", "python", "nginx", "chrome", "node.js", "redis"):
        assert not vocabulary.is_kept_task(name)


def test_a_group_is_shown_with_all_its_incidents_or_not_at_all(path: Path) -> None:
    """Its counts and times are of others too, which were not asked for."""
    with open_write(path) as con:
        save(con, judged(seen(report(701, start_s=200.0), "/home/alice/kern.log", host="db7.acme.com")), [])
        ids = [key for (key,) in con.execute("SELECT incident_id FROM incidents ORDER BY 1").fetchall()]
        assert con.execute("SELECT incidents FROM recurrences").fetchall() == [(2,)]
    with open_redacted(path, KEY, ids[:1]) as (con, _):
        assert con.execute("FROM recurrences").fetchall() == []
    with open_redacted(path, KEY, ids) as (con, hidden):
        ((host, place, victim, shown),) = con.execute(
            "SELECT host, place, victim_comm, incident_ids FROM recurrences"
        ).fetchall()
    assert set(shown) == set(hidden)
    assert host.startswith("host-") and place is None and victim.startswith("proc-")
