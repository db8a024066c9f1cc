"""Logs that run from the newest line to the oldest, as log stores and `journalctl -r` give them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import pytest

from oomforensics.analysis.model import Judged
from oomforensics.parsers import newest_first
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.records import PAUSE, Record, SourceInfo
from oomforensics.parsers.sources import Source
from oomforensics.parsers.witness import Event
from oomforensics.pipeline.read import Settings, read
from oomforensics.pipeline.stop import Stop
from tests.support.variants import FIXTURES, FRAMINGS, Line, lines

_KERNEL = FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64"
_OLDER = FIXTURES / "kernels" / "5.10.0-32-cloud-amd64"
_SAID = lines(_KERNEL / "global-no-swap")
_TOLD = "runs from its newest line to its oldest"


def _csv(line: Line) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(
        [f"{line.moment:%Y-%m-%dT%H:%M:%SZ}", "web1", FRAMINGS["dmesg"](line)]
    )
    return out.getvalue()


STORES: dict[str, Callable[[Line], str]] = {
    "OpenSearch": lambda line: json.dumps(
        {"_source": {"@timestamp": line.moment.isoformat(), "host": {"name": "web1"}, "message": line.text}}
    ),
    "Loki": lambda line: json.dumps(
        {"ts": line.moment.isoformat(), "labels": {"host": "web1"}, "line": FRAMINGS["dmesg"](line)}
    ),
    "Graylog": lambda line: json.dumps(
        {"timestamp": f"{line.moment:%Y-%m-%dT%H:%M:%SZ}", "source": "web1", "message": line.text}
    ),
    "Splunk": lambda line: json.dumps(
        {"_time": line.moment.isoformat(), "host": "web1", "_raw": FRAMINGS["syslog"](line)}
    ),
    "CSV": _csv,
}
FORMS = FRAMINGS | STORES


def seen(data: bytes, name: str = "x.log") -> tuple[list[Judged], SourceInfo]:
    source = Source(name, datetime(2026, 3, 10, tzinfo=UTC), lambda: io.BytesIO(data))
    *judged, info = read(source, Settings(UTC), Stop())
    assert isinstance(info, SourceInfo)
    return [one for one in judged if isinstance(one, Judged)], info


OF_SEVERAL_LINES = ("journal export", "journal json-sse", "journal verbose")


def backwards(data: bytes) -> bytes:
    return b"".join(line + b"\n" for line in reversed(data.split(b"\n")) if line)


def told(info: SourceInfo) -> bool:
    return any(_TOLD in problem.reason and problem.severity == "info" for problem in info.problems)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_report(form: str) -> None:
    end = "\n\n" if form == "journal export" else "\n"
    said = [FORMS[form](line).rstrip("\n") + end for line in _SAID]
    (forwards,), plain = seen("".join(said).encode())
    (found,), turned = seen("".join(reversed(said)).encode())
    assert found.verdict.word == forwards.verdict.word
    assert found.incident_id == forwards.incident_id
    assert [(one.row.pid, one.badness_pages, one.rank) for one in found.candidates] == [
        (one.row.pid, one.badness_pages, one.rank) for one in forwards.candidates
    ]
    assert found.incident.missing == forwards.incident.missing
    assert (told(plain), told(turned)) == (False, True)


@pytest.mark.parametrize("form", [name for name in FORMS if name not in OF_SEVERAL_LINES])
def test_lines_keep_the_numbers_that_they_have_in_the_file(form: str) -> None:
    data = "".join(FORMS[form](line) + "\n" for line in _SAID).encode()
    (forwards,), _ = seen(data)
    (found,), _ = seen(backwards(data))
    count = len(_SAID)
    assert (found.incident.line_start, found.incident.line_end) == (
        count + 1 - forwards.incident.line_end,
        count + 1 - forwards.incident.line_start,
    )
    assert [(line.line, line.text) for line in found.incident.lines] == [
        (count + 1 - line.line, line.text) for line in forwards.incident.lines
    ]
    assert [row.line for row in found.incident.table.rows] == [  # type: ignore[union-attr]
        count + 1 - row.line
        for row in forwards.incident.table.rows  # type: ignore[union-attr]
    ]
    assert [kill.line for kill in found.incident.kills] == [count + 1 - kill.line for kill in forwards.incident.kills]
    assert set(found.verdict.evidence_lines) == {count + 1 - line for line in forwards.verdict.evidence_lines}


def test_no_field_that_numbers_a_line_is_forgotten() -> None:
    seen: set[str] = set()
    kinds: list[Any] = [Incident, Event]
    while kinds:
        kind = kinds.pop()
        for name, annotation in get_type_hints(kind).items():
            if "line" in name and annotation in (int, int | None):
                seen.add(name)
            parts = [annotation, *get_args(annotation)]
            kinds += [part for part in parts if is_dataclass(part) or hasattr(part, "_fields")]
    assert seen == newest_first.LINES


def test_several_boots_in_their_order() -> None:
    older = lines(_OLDER / "global-no-swap")
    data = "".join(FRAMINGS["dmesg"](line) + "\n" for line in [*older, *_SAID]).encode()
    forwards, _ = seen(data)
    found, _ = seen(backwards(data))
    assert [one.incident_id for one in found] == [one.incident_id for one in forwards]
    assert [one.incident.boot_index for one in found] == [0, 1]


@pytest.mark.parametrize("form", ["syslog", "Loki", "dmesg"])
def test_a_large_one_is_searched_in_windows(form: str) -> None:
    noise = [Line(at / 10, f"eth0: link is up, packet {at}") for at in range(80_000)]
    said = [*noise, *(Line(line.uptime_s + 9_000, line.text) for line in _SAID)]
    said += [Line(line.uptime_s + 10_000, line.text) for line in noise]
    data = "".join(FORMS[form](line) + "\n" for line in said).encode()
    assert len(data) > 4 << 20
    (forwards,), _ = seen(data)
    (found,), info = seen(backwards(data))
    assert told(info)
    assert (found.verdict.word, found.incident_id) == (forwards.verdict.word, forwards.incident_id)
    assert found.incident.line_end == len(said) + 1 - forwards.incident.line_start
    assert not [event for event in info.events if event.kind.startswith("lost_")]


def test_one_that_is_too_large_is_read_as_it_stands_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_first, "MOST_RECORDS", 50)
    data = "".join(FRAMINGS["syslog"](line) + "\n" for line in _SAID).encode()
    found, info = seen(backwards(data))
    assert [kill.pid for one in found for kill in one.incident.kills]
    (problem,) = info.problems
    assert _TOLD in problem.reason
    assert (problem.severity, "50" in problem.reason) == ("data_loss", True)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("kills of three boots, each with its uptime alone", b"".join(
            b"[%5d.000000] Killed process %d (a) total-vm:1kB, anon-rss:1kB, file-rss:0kB\n" % (900 - 300 * at, at + 5)
            for at in range(3)
        )),
        ("two hosts whose clocks differ", "".join(
            f"Mar  9 12:00:{10 + at - 7 * (at % 2):02d} web{at % 2} kernel: usb {at}: new device\n" for at in range(40)
        ).encode()),
        ("the clock was set back once", "".join(
            f"Mar  9 {11 + (at < 20)}:00:{at:02d} web1 kernel: usb {at}: new device\n" for at in range(40)
        ).encode()),
        ("CPUs that print slightly out of order", "".join(
            f"[  100.{at * 100 - 150 * (at % 3 == 0):06d}] usb {at}: new device\n" for at in range(2, 40)
        ).encode()),
        ("the older file behind the newer", b"".join(
            "".join(FRAMINGS["syslog"](line) + "\n" for line in part).encode() for part in (_SAID[40:], _SAID[:40])
        )),
        ("no stamp", "".join(f"{line.text}\n" for line in _SAID).encode()),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left_as_it_is(what: str, data: bytes) -> None:
    found, info = seen(data)
    assert not told(info), what
    assert all(one.incident.line_start <= one.incident.line_end for one in found)


def test_a_pipe_that_gives_it_is_waited_for() -> None:
    """`journalctl -r | oomforensics ingest -`"""
    data = backwards("".join(FRAMINGS["journal short-precise"](line) + "\n" for line in _SAID).encode())

    class Pipe(io.BytesIO):
        tells_pauses = False

        def readinto(self, buffer: memoryview, /) -> int | None:  # type: ignore[override]
            if self.tells_pauses and (self.tell() // 4096) % 2:
                self.seek(self.tell())
                self.tells_pauses = False
                return None
            return super().readinto(buffer[:4096])

    pieces = list(read(Source("-", None, lambda: Pipe(data)), Settings(UTC), Stop()))
    assert len([piece for piece in pieces if isinstance(piece, Judged)]) == 1
    assert told(pieces[-1])  # type: ignore[arg-type]


def _indented(form: Callable[[Line], str], width: int) -> list[str]:
    """What one printk of several lines looks like: its head has the stamp, the others a margin of that width."""
    text = (_KERNEL / "global-no-swap" / "kmsg").read_text()
    said = [found for line in text.splitlines() if (found := re.match(r"\d+,\d+,(\d+),[^;]*;(.*)", line))]
    lines = [Line(int(found[1]) / 1e6, found[2].replace(r"\x0a", "\n" + " " * width)) for found in said]
    assert sum("\n" in line.text for line in lines) >= 1
    return [form(line) for line in lines]


@pytest.mark.parametrize("form", ["dmesg", "journal short-precise"])
@pytest.mark.parametrize("by_entry", [True, False], ids=["journalctl -r", "tac"])
def test_a_message_of_several_lines(form: str, by_entry: bool) -> None:
    width = len(FRAMINGS[form](Line(1.5, "")))
    entries = _indented(FRAMINGS[form], width)
    text = "\n".join(entries) + "\n"
    (forwards,), _ = seen(text.encode())
    parts = entries if by_entry else text.splitlines()
    (found,), info = seen("".join(f"{part}\n" for part in reversed(parts)).encode())
    assert told(info)
    assert forwards.incident.meminfo is not None
    assert len(forwards.incident.meminfo.counters_pages) >= 20
    assert found.incident.meminfo is not None
    assert found.incident.meminfo.counters_pages == forwards.incident.meminfo.counters_pages
    assert [line.text for line in found.incident.lines] == [line.text for line in forwards.incident.lines]


def test_the_rest_of_a_message_whose_head_is_cut_is_kept() -> None:
    said = ["c", "b", "Node 0 active_anon:4kB\n free:2\n active_file:1", "active_anon:1", "Mem-Info:\n z\n y"]
    records = [Record(number, text, 100 - number) for number, text in enumerate(said, 1)]
    found = list(newest_first.oldest_first(records, SourceInfo("x")))
    assert [one.text for one in found] == [  # type: ignore[union-attr]
        " y\n z\nMem-Info:", "active_anon:1\n active_file:1\n free:2", "Node 0 active_anon:4kB", "b", "c",
    ]  # fmt: skip


def test_a_pipe_that_turns_out_to_run_forwards_is_not_waited_for() -> None:
    pulled: list[int] = []

    def records() -> Iterator[Record]:
        ticks = [*range(100, 80, -1), *range(200, 400)]
        for number, tick in enumerate(ticks, 1):
            yield Record(number, "usb 1-1: new device", tick)
        yield PAUSE
        pulled.append(len(ticks))
        yield Record(len(ticks) + 1, "usb 1-1: new device", 500)

    info = SourceInfo("-")
    found = newest_first.oldest_first(records(), info)
    assert [next(found).line for _ in range(220)] == list(range(1, 221))  # type: ignore[union-attr]
    assert pulled == []
    assert next(found) is PAUSE
    assert (len(list(found)), info.problems, info.last_line) == (1, [], None)
