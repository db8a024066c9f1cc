"""No secret comes through redaction, in no format, and nothing else changes."""

from __future__ import annotations

import html
import json
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from oomforensics.analysis.judge import judge
from oomforensics.history.export import By, export
from oomforensics.history.redact import open_redacted
from oomforensics.history.save import save
from oomforensics.history.store import open_read, open_write
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.framings import records
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.reports import html as html_report
from oomforensics.reports import jsonreport, markdown
from oomforensics.reports.escape import visible
from oomforensics.reports.load import IncidentPage, load
from tests.support.printer import KERNELS, Report, Task

KEY = b"k" * 32
# No pseudonym, no word of ours and no script that the page carries holds this, so finding it is finding a secret.
MARK = "zq"
_WORD = st.text("abehiorstuwxyzABXYZ0123456789", min_size=2, max_size=8).map(lambda rest: MARK + rest)
_NAME = st.builds(
    lambda head, tail: f"{head}{tail}", _WORD, st.text(" ()[]<>&\"'`|:;,=.-_/@#%\\é\u202e\x07🔥x1", max_size=6)
)
_HEX = st.text("0123456789abcdef", min_size=64, max_size=64).filter(
    lambda one: any(letter in one for letter in "abcdef")
)
_UID = st.integers(1_001, 2**31 - 1)


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    """A report full of secrets, as a syslog shows it, and what must not be seen of it."""
    kernel = KERNELS[draw(st.sampled_from(sorted(KERNELS)))]
    host, label, folder, source = draw(_WORD), draw(_WORD), draw(_WORD), draw(_WORD)
    comms = [draw(_NAME).strip()[:15].strip() for _ in range(4)]
    group, container, slice_ = draw(_WORD), draw(_HEX), draw(_WORD)
    uid = draw(_UID)
    pod = "-".join((container[:8], container[8:12], container[12:16], container[16:20], container[20:32]))
    memcg = draw(
        st.sampled_from(
            [
                None,
                f"/{slice_}.slice/{slice_}-{group}.slice/{group}@{slice_}.service",
                f"/kubepods/burstable/pod{pod}/{container}",
                f"/docker/{container}/{group}",
                f"/user.slice/user-{uid}.slice/user@{uid}.service/app.slice/{group}.scope",
                f"/{group}",
            ]
        )
    )
    tasks = [
        Task(
            100 + place,
            comm,
            uid=uid,
            rss_anon=draw(st.integers(100, 50_000)),
            oom_score_adj=draw(st.sampled_from([0, 0, 300])),
        )
        for place, comm in enumerate(comms)
    ]
    tasks.append(Task(99, "sshd", uid=0, rss_anon=180, oom_score_adj=-1000))
    victim = max(tasks[:4], key=lambda task: task.rss + task.oom_score_adj * 600)
    lines = list(Report(kernel, tasks, victim, trigger=tasks[1], memcg=memcg, memsw_limit_kb=131_072).lines())
    foreign = draw(_WORD)
    noise = [
        f"Modules linked in: {foreign}_drv",
        f"Hardware name: QEMU Standard PC, BIOS {foreign}99X8 1.16",
        f"{foreign}[7]: user={foreign} {foreign}@{label}.example 10.11.12.13 /{folder}/{foreign}.key --token={foreign}",
        f"[  871]   113   871 {foreign}",
    ]
    for line in noise:
        lines.insert(draw(st.integers(1, len(lines))), line)
    if draw(st.booleans()):
        del lines[draw(st.integers(1, len(lines) - 1))]
    head = f"{host}.{label}.example"
    text = [
        f"Jul 10 12:00:{place % 60:02d} {head} kernel: [ 4711.{place:06d}] {line}" for place, line in enumerate(lines)
    ]
    return {
        "lines": text,
        "source": f"/home/{folder}/{source}.log",
        "words": {host, label, folder, source, group, slice_, foreign, *(comm for comm in comms if len(comm) > 3)},
        "others": {container, pod, pod.replace("-", "_"), f"uid={uid}", f"UID:{uid}", f"user-{uid}", "10.11.12.13"},
    }  # fmt: skip


@cache
def _own_text() -> str:
    """What every HTML report holds."""
    folder = resources.files("oomforensics.reports")
    parts = [file.read_text("utf-8") for name in ("assets", "templates") for file in folder.joinpath(name).iterdir()]
    return "".join(parts).lower()


def _store(path: Path, case: dict[str, Any]) -> list[str]:
    source = case["source"]
    context = Context(source=source, timezone=UTC, not_after=datetime(2026, 11, 23, tzinfo=UTC))
    data = (line.encode() for line in case["lines"])
    found = list(assemble(list(records(enumerate(data, start=1), context, [])), source))
    info = SourceInfo(source, 5, "9f" * 32, "rfc3164", problems=[Problem(source, 3, f"cannot be read: {source}")])
    with open_write(path) as con:
        save(con, judge(found), [info])
        return [key for (key,) in con.execute("SELECT incident_id FROM incidents ORDER BY line_start").fetchall()]


def _parquet(folder: Path) -> str:
    shown = [str(file.relative_to(folder)) for file in folder.rglob("*")]
    with duckdb.connect() as con:
        for file in folder.rglob("*.parquet"):
            shown.append(repr(con.execute(f"FROM read_parquet('{file}')").fetchall()))
    return "\n".join([*shown, (folder / "manifest.json").read_text()])


def _figures(page: IncidentPage) -> dict[str, Any]:
    """All that is no name."""
    kept = {name: value for name, value in asdict(page).items() if not isinstance(value, (str, list, tuple, dict))}
    del kept["victim_uid"], kept["login_uid"]
    names = {"comm", "uid", "arithmetic", "message", "source"}
    children = [*map(asdict, page.candidates), *map(asdict, page.kills)]
    rows = [{name: value for name, value in row.items() if name not in names} for row in children]
    roots = [row.uid == 0 for row in page.candidates]
    return {
        **kept,
        "verdict": page.verdict,
        "rows": rows,
        "roots": roots,
        "scope": page.scope,
        "lines": len(page.lines),
    }


def _look(name: str, text: str, case: dict[str, Any]) -> None:
    plain = text.lower()
    for secret in case["words"]:
        forms = {
            secret,
            visible(secret),
            html.escape(secret),
            json.dumps(secret)[1:-1],
            secret.encode("unicode_escape").decode(),
        }
        for form in forms:
            assert form.lower() not in plain, f"{form!r} in {name}: …{_around(text, form)}…"
    for secret in case["others"]:
        assert secret not in text, f"{secret!r} in {name}: …{_around(text, secret)}…"


def _around(text: str, form: str) -> str:
    at = text.lower().find(form.lower())
    return text[max(0, at - 60) : at + 60]


@pytest.mark.slow
@given(cases())
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_no_secret_comes_through(case: dict[str, Any]) -> None:
    assume(not any(word.lower() in _own_text() for word in case["words"]))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "history.duckdb"
        ids = _store(path, case)
        with open_read(path) as con:
            before = [_figures(load(con, key)) for key in ids]
        with open_redacted(path, KEY, ids) as (con, hidden):
            pages = [load(con, key) for key in hidden]
            assert [_figures(page) for page in pages] == before
            for form in (html_report, markdown, jsonreport):
                _look(form.__name__, form.render(con, hidden), case)
            for page in pages:
                assert len({row.comm for row in page.candidates}) == len(
                    {row[0] for row in _comms(path, page, ids, hidden)}
                )
        (folder / "out").mkdir()
        export(path, folder / "out", By.HOST_MONTH, KEY)
        _look("parquet", _parquet(folder / "out"), case)


def _comms(path: Path, page: IncidentPage, ids: list[str], hidden: list[str]) -> list[tuple[Any, ...]]:
    key = ids[hidden.index(page.incident_id)]
    with open_read(path) as con:
        return con.execute("SELECT DISTINCT comm FROM candidates WHERE incident_id = ?", [key]).fetchall()


@given(cases())
@settings(max_examples=30)
def test_a_redacted_log_is_read_as_before(case: dict[str, Any]) -> None:
    """The lines that are left still give the kernel's choice: nothing that counts was taken for a name."""
    from oomforensics.history.pseudonyms import Pseudonyms
    from oomforensics.history.redact_text import Texts
    from tests.support.logs import incidents

    before = incidents(case["lines"])
    texts = Texts(Pseudonyms(KEY))
    for one in before:
        for comm in [*(row.comm for row in (one.table.rows if one.table else [])), *(kill.comm for kill in one.kills)]:
            texts.learn_comm(comm)
    for one in before:
        stamped = [f"[ 4711.{place:06d}] {texts.line(line.text)}" for place, line in enumerate(one.lines)]
        control = [f"[ 4711.{place:06d}] {line.text}" for place, line in enumerate(one.lines)]
        assert [_sum(found) for found in judge(incidents(stamped))] == [
            _sum(found) for found in judge(incidents(control))
        ]


def _sum(one: Any) -> tuple[Any, ...]:
    return (
        one.verdict.word,
        one.victim_pid,
        one.totalpages.pages,
        [(it.row.pid, it.badness_pages, it.points, it.rank) for it in one.candidates],
    )
