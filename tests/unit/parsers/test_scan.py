"""Windows: nothing of a report is lost, line numbers are exact, every way to search gives the same."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from oomforensics.parsers import scan
from oomforensics.parsers.records import Problem

KIB = 1024
NOISE = b"Jun  1 00:00:00 web1 sshd[77]: Accepted publickey for bob from 10.0.0.1 room 7\n"
HEAD = b"Jun  1 00:00:01 web1 kernel: java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0\n"
ROW = b"Jun  1 00:00:01 web1 kernel: [%7d]     0 %7d    12345     678   901120        0             0 java\n"
KILL = b"Jun  1 00:00:01 web1 kernel: Out of memory: Killed process 7 (java) total-vm:1kB, anon-rss:1kB\n"
BANNER = b"Jun  1 00:00:00 web1 kernel: Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)\n"
ENGINES = list(scan.ENGINES)


def noise(kib: int) -> bytes:
    return NOISE * (kib * KIB // len(NOISE))


def table(rows: int) -> bytes:
    return b"".join(ROW % (pid, pid) for pid in range(1, rows + 1))


def windows(data: bytes, whole: int = 0, make: Callable[[], scan.Engine] | None = None) -> list[scan.Window]:
    return list(scan.windows(io.BytesIO(data), [], "x.log", make() if make else None, whole))


def joined(found: list[scan.Window]) -> list[tuple[int, int, bytes]]:
    """(line, offset, bytes) of windows, with the parts of one put together."""
    whole: list[tuple[int, int, bytes]] = []
    for window in found:
        if window.adjoins:
            line, offset, data = whole.pop()
            whole.append((line, offset, data + window.data))
        else:
            whole.append((window.line, window.offset, window.data))
    return whole


@pytest.fixture(params=ENGINES, ids=lambda make: make.__name__)
def engine(request: pytest.FixtureRequest) -> Callable[[], scan.Engine]:
    make: Callable[[], scan.Engine] = request.param
    try:
        make()
    except ImportError:
        pytest.skip(f"{make.__name__} is not installed")
    return make


def check(data: bytes, found: list[scan.Window]) -> None:
    """What holds for any windows of any data."""
    end = 0
    for window in found:
        assert window.offset >= end
        assert window.adjoins == (0 < window.offset == end)
        assert window.data and data[window.offset : window.offset + len(window.data)] == window.data
        assert window.line == 1 + data.count(b"\n", 0, window.offset)
        end = window.offset + len(window.data)


@pytest.mark.parametrize("size", [1, 1000, scan.SMALL])
def test_a_small_source_is_one_window(size: int) -> None:
    data = (NOISE * (size // len(NOISE) + 1))[:size]
    assert windows(data, scan.WHOLE) == [scan.Window(1, 0, data)]


@pytest.mark.parametrize("found", [KILL, b"pods: OOMKilled\n", ROW % (5, 5)])
@pytest.mark.parametrize("size", [scan.SMALL, scan.WHOLE - 500])
def test_a_source_of_some_size_is_one_window_if_it_is_worth_one(found: bytes, size: int) -> None:
    data = (NOISE * (size // len(NOISE) + 1))[:size]
    whole = data[: size // 2] + found + data[size // 2 :]
    assert windows(whole, scan.WHOLE) == [scan.Window(1, 0, whole)]
    assert windows(data + b"\n", scan.WHOLE) == []


def test_an_empty_source_has_none() -> None:
    assert windows(b"", scan.WHOLE) == []


def test_noise_is_left_out(engine: Callable[[], scan.Engine]) -> None:
    assert windows(noise(6000), make=engine) == []


@pytest.mark.parametrize("rows", [0, 20, 600])
def test_a_report_comes_with_what_stands_around_it(engine: Callable[[], scan.Engine], rows: int) -> None:
    before, after = noise(2000), noise(3000)
    data = before + HEAD + table(rows) + KILL + after
    found = windows(data, make=engine)
    check(data, found)
    ((_, offset, text),) = joined(found)
    assert 2 * KIB <= data.index(b"oom-kill") - offset < 16 * KIB
    assert 4 * KIB <= offset + len(text) - data.index(KILL) < 4 * KIB + 200
    assert text.startswith(b"Jun ") and text.endswith(b"\n")


def test_a_report_without_its_kill_line_goes_on_for_longer(engine: Callable[[], scan.Engine]) -> None:
    data = noise(2000) + HEAD + noise(3000)
    ((_, offset, text),) = joined(windows(data, make=engine))
    assert 64 * KIB <= offset + len(text) - data.index(b"oom-kill") < 64 * KIB + 200


def test_the_end_of_one_report_is_not_that_of_another_mixed_with_it(engine: Callable[[], scan.Engine]) -> None:
    """Two hosts in one file: the second is still printing."""
    data = noise(2000) + HEAD + HEAD + KILL + noise(40) + table(20) + KILL + noise(3000)
    ((_, offset, text),) = joined(windows(data, make=engine))
    assert offset <= data.index(HEAD) and offset + len(text) > data.rindex(KILL)


def test_a_report_is_waited_for_until_a_kill_ends_it() -> None:
    data = noise(300) + HEAD + noise(60) + table(20) + noise(300) + HEAD + noise(30) + KILL + noise(300)
    (_, _, first), (_, _, second) = joined(windows(data))
    assert table(20) in first and not first.count(KILL)
    assert second.count(HEAD) == second.count(KILL) == 1 and len(second.partition(KILL)[2]) < 5 * KIB


def test_a_reaper_far_behind_the_kill_is_found(engine: Callable[[], scan.Engine]) -> None:
    reaper = b"Jun  1 00:00:03 web1 kernel: oom_reaper: reaped process 7 (java), now anon-rss:0kB\n"
    data = noise(300) + HEAD + table(50) + KILL + noise(200) + reaper + noise(100)
    found = windows(data, make=engine)
    check(data, found)
    assert [window.data for window in found[1:]] == [reaper]


def test_a_window_does_not_grow_for_the_report_in_it(engine: Callable[[], scan.Engine]) -> None:
    """Only what looks like a report beyond it makes it longer."""
    report = HEAD + table(50) + KILL
    (window,) = windows(noise(300) + report + noise(300), make=engine)
    around = len(window.data) - len(report)
    assert around <= (2 + 4) * KIB + 2 * len(NOISE)
    (window,) = windows(noise(300) + table(100) + report + noise(300), make=engine)
    assert table(100) in window.data


def test_a_long_table_is_one_window(engine: Callable[[], scan.Engine]) -> None:
    data = noise(500) + HEAD + table(50_000) + KILL + noise(500)
    found = windows(data, make=engine)
    check(data, found)
    ((_, offset, text),) = joined(found)
    assert offset <= data.index(HEAD) and offset + len(text) >= data.index(KILL) + len(KILL)
    assert max(len(window.data) for window in found) < 2 * scan.MAX_WINDOW


def test_a_table_whose_head_was_lost_is_found_from_its_end() -> None:
    rows = table(1500)
    data = noise(900) + rows + KILL + noise(300)
    ((_, offset, _),) = joined(windows(data))
    assert offset <= data.index(rows)


def test_a_table_without_end_is_bounded() -> None:
    data = HEAD + table(200_000)
    (found,) = joined(windows(data))
    assert scan.MAX_GROWTH <= len(found[2]) < scan.MAX_GROWTH + 256 * KIB


def test_a_boot_banner_is_its_line_alone() -> None:
    data = noise(100) + BANNER + noise(100) + BANNER + BANNER
    found = joined(windows(data))
    assert [text for _, _, text in found] == [BANNER, BANNER + BANNER]


def test_a_report_after_a_banner_keeps_what_stands_before() -> None:
    data = noise(200) + b"just before\n" + BANNER + HEAD + noise(200)
    ((_, _, text),) = joined(windows(data))
    assert b"just before\n" in text and len(text.partition(b"just before")[0]) > KIB


@pytest.mark.parametrize(
    "line",
    [
        b"x invoked oom-killer: gfp_mask=0xd0\n",
        b"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null)\n",
        b"Memory cgroup out of memory: Kill process 5 (x) score 9 or sacrifice child\n",
        b"Killed process 5 (x) total-vm:1kB\n",
        b"systemd[1]: a.service: A process of this unit has been killed by the OOM killer.\n",
        b"systemd[1]: a.service: Failed with result 'oom-kill'.\n",
        b"systemd-oomd[6]: Killed /user.slice/a due to memory pressure for /user.slice being 80% > 50%\n",
        b'earlyoom[7]: sending SIGTERM to process 6 uid 0 "x": badness 9, VmRSS 1 MiB\n',
        b'kubelet[7]: "System OOM encountered, victim process: x, pid: 5"\n',
        b'containerd[7]: msg="TaskOOM event container_id:x"\n',
        b"lowmemorykiller: Killing 'x' (5), adj 900\n",
        b"x: page allocation failure: order:4, mode:0xcc0\n",
    ],
)
def test_every_kind_of_event_is_found(line: bytes, engine: Callable[[], scan.Engine]) -> None:
    data = noise(300) + line + noise(300)
    found = windows(data, make=engine)
    check(data, found)
    assert [line in text for _, _, text in joined(found)] == [True]


@pytest.mark.parametrize("shift", range(0, 40, 3))
def test_an_anchor_across_two_chunks_is_found(shift: int, engine: Callable[[], scan.Engine]) -> None:
    filler = (NOISE * (scan.CHUNK // len(NOISE) + 1))[: scan.CHUNK - shift - 1] + b"\n"
    data = filler + b"xx page allocation failure: order:4\n" + noise(400)
    assert len(windows(data, make=engine)) == 1


def random_log(seed: int) -> bytes:
    rng = random.Random(seed)
    parts: list[bytes] = []
    for _ in range(rng.randrange(1, 25)):
        parts.append(noise(rng.choice([0, 1, 5, 40, 70, 90, 300])))
        parts.append(rng.choice([HEAD, KILL, BANNER, table(3), HEAD + table(2000) + KILL, b"z" * 90_000 + b"\n", b""]))
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(30))
def test_all_engines_find_the_same(seed: int) -> None:
    data = random_log(seed)
    results = []
    for make in ENGINES:
        try:
            results.append(windows(data, make=make))
        except ImportError:
            continue
    check(data, results[0])
    assert all(result == results[0] for result in results)
    found = joined(results[0])
    for needle in (HEAD, KILL, BANNER):
        assert sum(text.count(needle) for _, _, text in found) == data.count(needle)


class Pipe:
    """Gives as few bytes at a time as pipes do."""

    def __init__(self, data: bytes, piece: int) -> None:
        self._data = io.BytesIO(data)
        self._piece = piece

    def readinto(self, buffer: memoryview) -> int:
        return self._data.readinto(buffer[: self._piece])


@pytest.mark.parametrize("piece", [4096, 65_536])
def test_a_pipe_gives_the_same_as_a_file(piece: int) -> None:
    data = random_log(99)
    assert list(scan.windows(Pipe(data, piece), [], whole=0)) == windows(data)


@pytest.mark.parametrize("whole", [0, 100_000, scan.WHOLE])
def test_lines_are_counted_where_a_window_never_ends(whole: int) -> None:
    data = b"".join(b"%d Killed process 5 (x)\n\n" % number for number in range(250_000))
    found = windows(data, whole)
    check(data, found)
    assert b"".join(window.data for window in found) == data


class Failing(Pipe):
    def readinto(self, buffer: memoryview) -> int:
        count = super().readinto(buffer)
        if not count:
            raise OSError(5, "Input/output error")
        return count


def test_what_was_read_before_an_error_is_kept() -> None:
    problems: list[Problem] = []
    data = noise(500) + HEAD
    found = list(scan.windows(Failing(data, 10_000), problems, "x.log", whole=0))
    assert found[-1].data.endswith(HEAD)
    assert [(problem.source, problem.severity) for problem in problems] == [("x.log", "data_loss")]


class Endless:
    """A log of any size that takes no room."""

    def __init__(self, size: int, *blocks: bytes) -> None:
        self._left = size
        self._blocks = self._forever(blocks)
        self._rest = b""

    @staticmethod
    def _forever(blocks: tuple[bytes, ...]) -> Iterator[bytes]:
        while True:
            yield from blocks

    def readinto(self, buffer: memoryview) -> int:
        self._rest = self._rest or next(self._blocks)
        count = min(len(buffer), len(self._rest), self._left)
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._left -= count
        return count


@pytest.mark.parametrize("blocks", [(noise(256),), (noise(256), HEAD + table(4000) + KILL), (b"x" * 65_536,)])
def test_memory_is_flat(blocks: tuple[bytes, ...]) -> None:
    tracemalloc.start()
    try:
        for window in scan.windows(Endless(100 * KIB * KIB, *blocks), []):
            assert len(window.data) < 2 * scan.MAX_WINDOW
        assert tracemalloc.get_traced_memory()[1] < 20 * KIB * KIB
    finally:
        tracemalloc.stop()


def test_an_anchor_without_a_window_hides_no_other() -> None:
    """The fastest engine reports matches that do not overlap: what an anchor hides must lie in its own window."""
    for one in scan.ANCHORS:
        for other in scan.ANCHORS:
            overlap = [n for n in range(1, len(other.needle)) if one.needle.endswith(other.needle[:n])]
            assert one is other or other.needle not in one.needle
            assert not overlap or (one.before and one.after)
