from __future__ import annotations

import os
import subprocess
import sys
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


def test_a_full_disk_tears_no_frame(tmp_path: Path) -> None:
    """RLIMIT_FSIZE cuts a write short, as a full disk does."""
    code = (
        "import os, resource, signal, sys; from oomforensics.capture.spool import Spool\n"
        "from oomforensics.capture import frame\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "spool = Spool(sys.argv[1], lambda: b'', 0)\n"
        "spool.write(frame.SYSTEM, b'first ' * 50, 1, chain=True)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, -1))\n"
        "done = [spool.write(frame.SYSTEM, os.urandom(500), 2, chain=True)]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))\n"
        "done.append(spool.write(frame.SYSTEM, b'third ' * 50, 3, chain=True))\n"
        "print(done, spool.lost_frames); spool.close()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[False, True] 1"
    losses = Losses()
    found = [one.frame.payload for one in read(tmp_path, losses)]
    assert found == [b"", b"first " * 50, b"third " * 50]
    assert losses == Losses()


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
