"""The kernel's log, cgroup counters and small files, each from what a kernel gives."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.capture import blobs, files, kmsg
from oomforensics.capture.cgroups import Cgroups
from oomforensics.capture.events_v2 import EventsV2, counters
from oomforensics.capture.inotify import IN_CREATE, Inotify

S = 1_000_000_000


def nothing() -> None:
    """Nothing happens in the midst of a look."""


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_records_come_back(records: list[bytes]) -> None:
    assert kmsg.unpack(kmsg.pack(records)) == records


@given(st.binary(max_size=60))
def test_any_bytes_are_records_or_refused(raw: bytes) -> None:
    try:
        records = kmsg.unpack(raw)
    except ValueError:
        return
    assert sum(map(len, records)) <= len(raw)


class FakeKmsg(kmsg.Kmsg):
    """One read() gives one record, as of a socket of packets; EPIPE cannot be had that way."""

    def __init__(self, records: list[bytes]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for record in records:
            theirs.send(record)
        ours.setblocking(False)
        self.fd = os.dup(ours.fileno())
        self._kept = theirs
        self._expected = None
        self.lost = 0
        ours.close()

    def close(self) -> None:
        super().close()
        self._kept.close()


def test_a_gap_in_the_numbers_is_a_loss() -> None:
    log = FakeKmsg([b"6,100,5,-;a\n", b"6,101,6,-;b\n", b"6,110,7,-;c\n"])
    records, lost, oom = log.read()
    assert (len(records), lost, oom) == (3, 8, False)
    log.close()


@pytest.mark.parametrize(
    ("text", "oom"),
    [
        (b"3,1,2,-;Out of memory: Killed process 77 (x) total-vm:1kB\n", True),
        (b"3,1,2,-;Memory cgroup out of memory: Killed process 77 (x)\n", True),
        (b"4,1,2,-;stress invoked oom-killer: gfp_mask=0xcc0\n", True),
        (b"6,1,2,-;usb 1-1: new device\n", False),
        (b"6,1,2,-;oom_control is deprecated and will be removed.\n", False),
    ],
)
def test_the_kernels_own_words_for_an_oom(text: bytes, oom: bool) -> None:
    log = FakeKmsg([text])
    assert log.read()[2] is oom
    log.close()


@given(st.lists(st.tuples(st.integers(0, 1 << 40), st.binary(max_size=80))))
def test_copies_come_back(entries: list[tuple[int, bytes]]) -> None:
    payload = b"".join(blobs.pack(owner, b"memory.stat", raw) for owner, raw in entries)
    assert list(blobs.unpack(payload)) == [(owner, "memory.stat", raw) for owner, raw in entries]
    for cut in range(0, len(payload), 7):
        found = list(blobs.unpack(payload[:cut]))
        assert [(owner, raw) for owner, _, raw in found] == entries[: len(found)]


def test_numbers_of_files() -> None:
    meminfo = b"MemTotal:  8000 kB\nMemAvailable:   77 kB\n"
    assert files.number_after(meminfo, b"MemTotal") == 8000
    assert files.number_after(meminfo, b"MemAvailable") == 77
    assert files.number_after(meminfo, b"SwapFree") is None
    assert files.number_after(b"oom_kill_disable 0\nunder_oom 1\noom_kill 5\n", b"oom_kill ") == 5
    assert files.whole_number(b"max\n") is None and files.whole_number(b"12\n") == 12


def v2_group(root: Path, name: str, current: int, limit: str = "max", cache: int = 0) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.stat").write_text(f"anon {current - cache}\nfile {cache}\ninactive_file {cache}\nactive_file 0\n")
    (folder / "cgroup.procs").write_text("")
    return folder


def copied(payload: bytes) -> dict[str, set[str]]:
    names: dict[int, str] = {}
    found: dict[str, set[str]] = {}
    for number, name, raw in blobs.unpack(payload):
        if name == "folder":
            names[number] = Path(raw.decode()).name
        else:
            found.setdefault(names.get(number, str(number)), set()).add(name)
    return found


def test_only_files_that_changed_are_copied(tmp_path: Path) -> None:
    v2_group(tmp_path, "a", 100)
    v2_group(tmp_path, "a/b", 50)
    groups = Cgroups([(2, str(tmp_path / "a"))], 100)
    groups.discover()
    first = copied(groups.step(0, full=True, aside=nothing))
    assert first == {
        "a": {"memory.current", "memory.max", "memory.stat"},
        "b": {"memory.current", "memory.max", "memory.stat"},
    }
    assert groups.step(S, full=False, aside=nothing) == b""
    v2_group(tmp_path, "a/b", 60)
    later = [name for _, name, _ in blobs.unpack(groups.step(2 * S, full=False, aside=nothing))]
    assert "memory.current" in later and "memory.max" not in later
    groups.close()


def test_cgroups_that_appear_and_go(tmp_path: Path) -> None:
    v2_group(tmp_path, "a", 100)
    groups = Cgroups([(2, str(tmp_path / "a"))], 100)
    groups.discover()
    groups.step(0, full=True, aside=nothing)
    late = v2_group(tmp_path, "a/late", 7)
    groups.discover()
    assert "late" in copied(groups.step(S, full=False, aside=nothing))
    for path in late.iterdir():
        path.unlink()
    late.rmdir()
    groups.discover()
    assert next(name for _, name, _ in blobs.unpack(groups.step(2 * S, full=False, aside=nothing))) == "gone"
    groups.close()


def test_the_time_to_the_limit_counts_the_cache_out(tmp_path: Path) -> None:
    groups = Cgroups([(2, str(tmp_path / "a"))], 100)
    for second, (current, cache) in enumerate([(500, 300), (900, 300), (1000, 300)]):
        v2_group(tmp_path, "a", current, "1000", cache)
        groups.discover()
        groups.step(second * S, full=True, aside=nothing)
    assert groups.time_left_s() == pytest.approx(300 / 100)
    groups.close()


def test_no_limit_is_no_haste(tmp_path: Path) -> None:
    groups = Cgroups([(2, str(tmp_path / "a"))], 100)
    for second in range(3):
        v2_group(tmp_path, "a", 1000 * second)
        groups.discover()
        groups.step(second * S, full=True, aside=nothing)
    assert groups.time_left_s() == float("inf")
    groups.close()


def test_memory_events_names_the_worst_counter_that_rose(tmp_path: Path) -> None:
    folder = v2_group(tmp_path, "a", 1)
    events = folder / "memory.events"
    events.write_text("low 0\nhigh 0\nmax 3\noom 0\noom_kill 0\noom_group_kill 0\n")
    inotify = Inotify()
    groups = Cgroups([(2, str(folder))], 10)
    told = EventsV2(inotify)
    groups.on_new = told.add
    groups.discover()

    def happened() -> list[tuple[str, str]]:
        found = [told.changed(watch) for watch, _, _ in inotify.read()]
        return [(one[1], one[2]) for one in found if one is not None]

    events.write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert happened() == [("oom_kill", "memory.events")]
    events.write_text("low 0\nhigh 0\nmax 11\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert happened() == [("max", "memory.events")]
    events.write_text("low 0\nhigh 0\nmax 11\noom 1\noom_kill 1\noom_group_kill 0\n")
    assert happened() == []
    told.remove(str(folder))
    groups.close()
    inotify.close()


def test_counters_that_rose_lately_are_read_again_without_the_kernels_word(tmp_path: Path) -> None:
    inotify = Inotify()
    groups = Cgroups([(2, str(tmp_path / "top"))], 100)
    told = EventsV2(inotify)
    groups.on_new = told.add
    for number in range(60):
        (v2_group(tmp_path, f"top/{number}", 1) / "memory.events").write_text("max 0\noom_kill 0\n")
    groups.discover()
    for number in range(60):
        (tmp_path / f"top/{number}/memory.events").write_text("max 1\noom_kill 0\n")
    assert len([one for watch, _, _ in inotify.read() if (one := told.changed(watch)) is not None]) == 60
    (v2_group(tmp_path, "top/new", 1) / "memory.events").write_text("max 0\noom_kill 0\n")
    groups.discover()
    assert told.again() == []
    for name in ("3", "59", "new"):  # 3 was not among the last that rose
        (tmp_path / f"top/{name}/memory.events").write_text("max 1\noom_kill 1\n")
    assert {(Path(group.folder).name, what) for group, what, _ in told.again()} == {
        ("59", "oom_kill"),
        ("new", "oom_kill"),
    }
    assert [one[1] for watch, _, _ in inotify.read() if (one := told.changed(watch)) is not None] == ["oom_kill"]
    told.remove(str(tmp_path / "top/59"))
    assert told.again() == []
    groups.close()
    inotify.close()


def test_a_cgroup_may_go_in_the_midst_of_a_look(tmp_path: Path) -> None:
    for name in ("top", *(f"top/{number}" for number in range(40))):
        v2_group(tmp_path, name, 1)
    groups = Cgroups([(2, str(tmp_path / "top"))], 100)
    groups.discover()
    later = list(groups.groups)[-1]
    copies = copied(groups.step(0, full=True, aside=lambda: groups.remove(later)))
    assert Path(later).name not in copies and len(copies) == 40
    assert [name for _, name, _ in blobs.unpack(groups.step(S, full=False, aside=nothing))] == ["gone"]
    groups.close()


def test_counters_of_any_text() -> None:
    assert counters(b"oom 1\n\nnonsense\nmax x\nhigh 2 3\noom_kill 4") == {"oom": 1, "oom_kill": 4}


def test_inotify_tells_of_new_folders(tmp_path: Path) -> None:
    inotify = Inotify()
    watch = inotify.watch_folder(str(tmp_path))
    assert watch is not None
    (tmp_path / "new").mkdir()
    assert [(number, bool(mask & IN_CREATE), name) for number, mask, name in inotify.read()] == [(watch, True, "new")]
    assert inotify.read() == []
    assert inotify.watch_folder(str(tmp_path / "absent")) is None
    inotify.close()
