from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from oomforensics.capture import frame
from oomforensics.capture.read import Losses, read
from oomforensics.capture.spool import Busy, Spool, recorder_pid, segments

MIB = 1 << 20


def header() -> bytes:
    return b"format=1\n"


def fill(spool: Spool, segments_more: int, oom: bool = False) -> None:
    """Until that many new segments have begun; what is written does not pack."""
    goal, clock = spool.number + segments_more, 0
    if oom:
        assert spool.write(frame.EVENT, b"oom", clock, frame.OOM)
    while spool.number < goal:
        clock += 1
        spool.turn(clock)
        assert spool.write(frame.PROCESSES, os.urandom(8192), clock), "no room"
        spool.flush()


def numbers(folder: Path) -> list[int]:
    return [int(name[:8]) for name in segments(str(folder))]


def test_the_ring_drops_the_oldest(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0, MIB)
    fill(spool, 40)
    kept = numbers(tmp_path)
    assert kept == list(range(kept[0], spool.number + 1)) and kept[0] > 20
    assert sum(path.stat().st_size for path in tmp_path.glob("*.oomspool")) == spool.total <= MIB
    spool.close()


def test_the_neighbourhood_of_an_oom_is_never_dropped(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0, MIB)
    fill(spool, 3)
    there = spool.number
    fill(spool, 50, oom=True)
    assert {there - 1, there, there + 1} <= set(numbers(tmp_path))
    assert there - 2 not in numbers(tmp_path)
    spool.close()
    # Another recorder on the same spool knows it too.
    spool = Spool(str(tmp_path), header, 0, MIB)
    fill(spool, 50)
    assert {there - 1, there, there + 1} <= set(numbers(tmp_path))
    assert spool.total <= MIB
    spool.close()


def test_a_ring_of_nothing_but_ooms_takes_events_and_no_samples(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0, MIB)
    for _ in range(200):
        spool.turn(0)
        spool.write(frame.EVENT, b"oom", 0, frame.OOM)
        spool.write(frame.PROCESSES, os.urandom(32768), 0)
        spool.flush()
    assert spool.full
    assert not spool.write(frame.PROCESSES, b"", 0)
    assert spool.write(frame.EVENT, b"another", 0, frame.OOM)
    assert spool.total < 2 * MIB
    assert numbers(tmp_path)[0] == 1
    spool.close()


def test_events_end_at_twice_the_size(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0, MIB)
    for _ in range(200):
        spool.turn(0)
        spool.write(frame.EVENT, os.urandom(32768), 0, frame.OOM)
        spool.flush()
    assert spool.total < 2 * MIB + 65536
    spool.close()


def test_a_second_recorder_is_refused(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0)
    with pytest.raises(Busy, match=str(os.getpid())):
        Spool(str(tmp_path), header, 0)
    assert recorder_pid(str(tmp_path)) == os.getpid()
    spool.close()
    assert recorder_pid(str(tmp_path)) is None
    Spool(str(tmp_path), header, 0).close()
    assert numbers(tmp_path) == [1, 2]


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from oomforensics.capture.spool import Spool\n"
        "Spool(sys.argv[1], lambda: b'', 0); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == -9
    assert recorder_pid(str(tmp_path)) is None
    Spool(str(tmp_path), header, 0).close()


# RLIMIT_FSIZE cuts a write short, as a full disk does. What happens between two flushes is as good as at once.
_FULL_DISK = """
import os, resource, signal, sys
from oomforensics.capture import frame
from oomforensics.capture.spool import Spool

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(sys.argv[1], lambda: b"", 0)
done = []

def write(kind, payload, flags=0, chain=False):
    done.append(spool.write(kind, payload, len(done), flags, chain=chain))

def limit(size):
    spool.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))

"""


@pytest.mark.parametrize(
    ("happens", "done", "lost", "payloads"),
    [
        pytest.param(
            "write(frame.SYSTEM, b'first ' * 50, chain=True); limit(400); write(frame.SYSTEM, os.urandom(500), chain=True);"
            "limit(-1); write(frame.SYSTEM, b'third ' * 50, chain=True)",
            [True, True, True], 1, [b"", b"first " * 50, b"third " * 50], id="known when the next is written",
        ),
        pytest.param(
            "write(frame.PROCESSES, b'p'); limit(100); write(frame.SYSTEM, os.urandom(500)); write(frame.NOTE, b'behind');"
            "limit(-1); write(frame.PROCESSES, b'differences'); write(frame.PROCESSES, b'in full'); write(frame.NOTE, b'n')",
            [True, True, True, False, True, True], 2, [b"", b"p", b"in full", b"n"], id="values are told anew",
        ),
        pytest.param(
            "limit(10); spool._restart(spool._sequence, 1 << 30); spool.turn(1); write(frame.NOTE, b'gone'); limit(-1);"
            "write(frame.NOTE, b'there')",
            [True, True], 2, [b"", b"", b"there"], id="the header of a segment is written again",
        ),
    ],
)  # fmt: skip
def test_a_full_disk_tears_no_frame(
    tmp_path: Path, happens: str, done: list[bool], lost: int, payloads: list[bytes]
) -> None:
    code = f"{_FULL_DISK}{happens}; spool.close(); print(done, spool.lost_frames)"
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert ran.stdout.strip() == f"{done} {lost}", ran.stderr
    losses = Losses()
    assert [one.frame.payload for one in read(tmp_path, losses)] == payloads
    assert losses == Losses()


def test_a_slow_disk_does_not_keep_the_recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a guest of Linux 7.2 that swapped: a write of some hundred bytes took 412 ms."""
    spool = Spool(str(tmp_path), header, 0)
    spool.flush()
    go_on, write = threading.Event(), os.write

    def slow(fd: int, raw: bytes) -> int:
        assert go_on.wait(30)
        return write(fd, raw)

    monkeypatch.setattr(os, "write", slow)
    taken = [spool.write(frame.PROCESSES, os.urandom(60_000), number) for number in range(50)]
    spool.sync()
    assert taken[:30] == [True] * 30 and not taken[-1]  # what waits has its bounds, too
    lost = taken.count(False)
    go_on.set()
    spool.close()
    losses = Losses()
    kept = [one for one in read(tmp_path, losses) if one.frame.kind == frame.PROCESSES]
    assert len(kept) == taken.count(True) and spool.lost_frames == lost
    assert losses == Losses()


def test_what_is_written_while_a_sync_takes_long_is_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(str(tmp_path), header, 0)
    go_on, begun, synced = threading.Event(), threading.Semaphore(0), []

    def slow(fd: int) -> None:
        begun.release()
        assert go_on.wait(30)
        synced.append(os.fstat(fd).st_size)

    monkeypatch.setattr(os, "fdatasync", slow)
    spool.write(frame.NOTE, b"one", 1)
    spool.sync()
    assert begun.acquire(timeout=30)
    spool.write(frame.NOTE, b"two", 2)
    spool.sync()
    spool.flush()
    (name,) = segments(str(tmp_path))
    size = (tmp_path / name).stat().st_size
    assert size == spool.total and not synced
    go_on.set()
    assert begun.acquire(timeout=30)  # the one that was asked for meanwhile
    spool.close()
    assert synced == [size, size, size] and not spool.failures


def test_what_is_chained_starts_anew_in_a_segment(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), header, 0, MIB)
    text = os.urandom(9000)
    while spool.number < 4:
        spool.turn(0)
        spool.write(frame.SYSTEM, text + os.urandom(4000), 0, chain=True)
    spool.close()
    for name in segments(str(tmp_path)):
        losses = Losses()
        alone = [one for one in read(tmp_path / name, losses) if one.frame.kind == frame.SYSTEM]
        assert alone and losses == Losses()
        assert alone[0].frame.payload.startswith(text)
