"""`journalctl -kf | oomforensics ingest -`: an incident is stored and told while the pipe goes on."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oomforensics.parsers.records import PAUSE
from oomforensics.pipeline.stop import AT_LEAST_EVERY_S, PAUSE_S, EndsWhenStopped, Stop
from tests.e2e.test_interrupted_ingest import ingest, reports, stored


@contextmanager
def running(db: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = ingest(db, "-")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def give(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


def told(process: subprocess.Popen[bytes], lines: int) -> list[str]:
    """The next lines on stderr."""
    assert process.stderr is not None
    data = b""
    deadline = time.monotonic() + 60
    while data.count(b"\n") < lines and time.monotonic() < deadline:
        if select.select([process.stderr], [], [], 0.5)[0]:
            data += os.read(process.stderr.fileno(), 65536)
    return data.decode().splitlines()


def entries_of(text: bytes) -> Iterator[dict[str, str]]:
    for line in text.decode().splitlines():
        stamp, _, message = line.partition("] ")
        uptime_us = int(stamp.strip("[ ").replace(".", ""))
        yield {
            "__REALTIME_TIMESTAMP": str(1_700_000_000_000_000 + uptime_us),
            "_SOURCE_MONOTONIC_TIMESTAMP": str(uptime_us),
            "_BOOT_ID": "1" * 32,
            "_TRANSPORT": "kernel",
            "_HOSTNAME": "db1",
            "MESSAGE": message,
        }


def as_journal_export(text: bytes) -> bytes:
    entries = []
    for number, fields in enumerate(entries_of(text)):
        shown = "".join(f"{name}={value}\n" for name, value in fields.items())
        entries.append(f"__CURSOR=s=1;i={number:x}\n{shown}\n")
    return "".join(entries).encode()


def as_journal_json(text: bytes) -> bytes:
    return b"".join(json.dumps(fields).encode() + b"\n" for fields in entries_of(text))


@pytest.mark.parametrize("framed", [bytes, as_journal_export, as_journal_json], ids=["dmesg", "export", "json"])
def test_a_report_is_told_before_more_comes(framed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    db, copy = tmp_path / "h.duckdb", tmp_path / "copy.duckdb"
    with running(db) as process:
        give(process, framed(reports(1)))
        assert [line.partition(": killed ")[2].partition(" (")[0] for line in told(process, 1)] == ["t4"]
        give(process, framed(reports(2, 1)))
        assert len(told(process, 2)) == 2
        for part in ("", ".wal"):  # as a power cut would leave it
            if (written := Path(f"{db}{part}")).exists():
                shutil.copy(written, f"{copy}{part}")
        assert stored(copy) == 3
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert b"3 incidents, 3 kills" in out and b"3 new incidents with 3 kills" in out and b"known" not in out
    assert stored(db) == 3


def test_a_pause_inside_a_report_does_not_break_it(tmp_path: Path) -> None:
    text = reports(1)
    whole, cut = tmp_path / "whole.duckdb", tmp_path / "cut.duckdb"
    with running(whole) as process:
        out, _ = process.communicate(text, timeout=60)
    middle = text.index(b"\n", len(text) // 2) + 5  # in a line
    with running(cut) as process:
        give(process, text[:middle])
        time.sleep(3 * PAUSE_S)
        out_cut, err = process.communicate(text[middle:], timeout=60)
    assert (err, out_cut) == (b"", out)
    assert b"1 new incident with 1 kill" in out


class Trickle:
    """Always a byte to give, never many."""

    def __init__(self) -> None:
        self.read_end, self._write_end = os.pipe()
        self.give()

    def give(self) -> None:
        os.write(self._write_end, b"x")

    def fileno(self) -> int:
        return self.read_end

    def readinto(self, buffer: memoryview, /) -> int:
        return os.readv(self.read_end, [buffer])

    def close(self) -> None:
        os.close(self.read_end)
        os.close(self._write_end)


def test_a_pipe_that_never_rests_pauses_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    source = Trickle()
    stream = EndsWhenStopped(source, Stop())
    stream.tells_pauses = True
    buffer = memoryview(bytearray(10))
    assert stream.readinto(buffer) == 1
    source.give()
    assert stream.readinto(buffer) == 1
    now[0] += AT_LEAST_EVERY_S + 1
    assert stream.readinto(buffer) is None
    source.give()
    assert stream.readinto(buffer) == 1
    source.close()


def test_a_pause_is_no_record() -> None:
    assert PAUSE.line == 0 and not PAUSE.text
