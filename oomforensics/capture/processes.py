"""What processes hold: statm of each at every step, the dearer files of those where it changed.

A row of unchanged values costs nothing in the spool. Of the others the differences are stored, in columns.
"""

from __future__ import annotations

import os
import struct
import zlib
from operator import sub

from oomforensics.capture import columns, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# took us, planned us until the next, processes known, not read for lack of time, new, gone, rows; reason
HEAD = struct.Struct("<IIIIIIIB")
VALUES = (
    "vm_size_kb",
    "rss_anon_kb",
    "rss_file_kb",
    "rss_shmem_kb",
    "pgtables_kb",
    "swap_kb",
    "oom_score_adj",
    "oom_score",
)
UNKNOWN = -(1 << 20)  # a value that this kernel does not show, or not to us; below every true one
_ZEROS = (0,) * len(VALUES)
_STATUS = (b"\nRssAnon:", b"\nRssFile:", b"\nRssShmem:", b"\nVmPTE:", b"\nVmSwap:")
_NO_MEMORY = b"0 0 0 0 0 0 0\n"
_PF_KTHREAD = 0x00200000
_SLICE = 32  # steps in which every process's dearer files are read once, though its statm never changes
_FEW = 128  # processes between two looks at the clock, and at what else has happened
_FEW_CHANGED = 32  # the same, where more than statm is read of each
_IDENTITIES = 256  # command lines read in one step: a storm of forks waits its turn
# After a process's first step its command line is looked at again so much later: a fork is mostly followed by an exec.
_YOUNG_NS = (20_000_000, 100_000_000, 500_000_000)
_LONGEST = 4096  # bytes of a command line or cgroup file
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


class _Task:
    __slots__ = ("cmdline_crc", "comm", "fd", "row", "starttime", "statm", "stored")

    def __init__(self, fd: int, statm: bytes, starttime: int, comm: bytes) -> None:
        self.fd = fd  # of statm; -1 where there were no more file descriptors
        self.statm = statm
        self.starttime = starttime
        self.comm = comm
        self.cmdline_crc: int | None = None  # as the spool has it
        self.row: tuple[int, ...] = _ZEROS
        self.stored: tuple[int, ...] = _ZEROS  # as the spool has it


class Processes:
    def __init__(self, proc: str, max_open: int) -> None:
        self._proc = proc
        self._max_open = max_open
        self._open = 0
        self._tasks: dict[int, _Task] = {}
        self._kernel_threads: set[int] = set()
        self._unnamed: dict[int, None] = {}  # pids whose command line has still to be read, in that order
        self._young: dict[int, tuple[int, ...]] = {}  # pid -> when to look again
        self._turn = 0
        self._resume_after = 0  # a pid: the step before had no time for those beyond

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, pid: int) -> bool:
        return pid in self._tasks

    def pids(self) -> list[int]:
        """Of all processes, ascending as the kernel lists them."""
        return [int(name) for name in os.listdir(self._proc) if name.isdigit()]

    def step(
        self, pids: Sequence[int], clock: Callable[[], int], deadline_ns: int, key: bool, aside: Callable[[], None]
    ) -> _Step:
        """Read them, and call `aside` now and then. Where `clock` has passed `deadline_ns` the rest waits for the next step."""
        tasks, pread = self._tasks, os.pread
        listed = set(pids)
        gone = [pid for pid in tasks if pid not in listed]
        for pid in gone:
            self._leave(pid)
        self._kernel_threads &= listed
        kernel_threads = self._kernel_threads
        new: list[int] = []
        changed: list[int] = []
        order = pids if not self._resume_after else _rotated(pids, self._resume_after)
        self._resume_after, unread, left = 0, 0, _FEW
        for place, pid in enumerate(order):
            task = tasks.get(pid)
            if task is not None:
                try:
                    statm = pread(task.fd, 128, 0) if task.fd >= 0 else self._statm(pid)
                except OSError:
                    self._leave(pid)
                    gone.append(pid)
                    task = None
                else:
                    if statm != task.statm:
                        task.statm = statm
                        changed.append(pid)
            if task is None and pid not in kernel_threads and self._meet(pid):
                new.append(pid)
                changed.append(pid)
            left -= 1
            if left == 0:
                left = _FEW
                aside()
                if clock() > deadline_ns:
                    unread = len(order) - place - 1
                    self._resume_after = pid if unread else 0
                    break
        self._refresh(pids, changed)
        rows = []
        for place, pid in enumerate(changed):
            if pid in tasks and self._read(pid, tasks[pid]):
                rows.append(pid)
            if place % _FEW_CHANGED == 0:
                aside()
        return _Step(self, [pid for pid in new if pid in tasks], gone, rows, unread, key)

    def identities(self, now_ns: int) -> bytes:
        """Command line, cgroup and stat of new processes, as many as one step may read; empty where none is new."""
        parts: list[bytes] = []
        for pid in list(self._unnamed)[:_IDENTITIES]:
            del self._unnamed[pid]
            task = self._tasks.get(pid)
            if task is not None:
                if task.cmdline_crc is None:
                    self._young[pid] = tuple(now_ns + later_ns for later_ns in _YOUNG_NS)
                self._name(pid, task, parts)
        due = [pid for pid, looks in self._young.items() if looks[0] <= now_ns]
        for pid in due[:_IDENTITIES]:
            later = tuple(look_ns for look_ns in self._young.pop(pid) if look_ns > now_ns)
            if later:
                self._young[pid] = later
            task = self._tasks.get(pid)
            if task is not None and zlib.crc32(self._cmdline(pid)) != task.cmdline_crc:
                self._name(pid, task, parts)
        return b"".join(parts)

    def name_all_again(self) -> None:
        """A new segment tells the command line of every process."""
        self._unnamed = dict.fromkeys(self._tasks)

    def close(self) -> None:
        for pid in list(self._tasks):
            self._leave(pid)

    def payload(self, new: list[int], gone: list[int], rows: list[int], key: bool) -> tuple[int, int, int, bytes]:
        """Columns of a step: how many are new, gone, changed, and the bytes."""
        tasks = self._tasks
        if key:
            new, gone, rows = list(tasks), [], list(tasks)
            values = [tasks[pid].row for pid in rows]
        else:
            values = [tuple(map(sub, tasks[pid].row, tasks[pid].stored)) for pid in rows]
        for pid in rows:
            tasks[pid].stored = tasks[pid].row
        parts = [_ascending(gone), _ascending(new), _ascending([tasks[pid].starttime for pid in new]), _ascending(rows)]
        parts += [columns.pack(column) for column in zip(*values, strict=True)]
        return len(new), len(gone), len(rows), b"".join(parts)

    def _cmdline(self, pid: int) -> bytes:
        return files.read(f"{self._proc}/{pid}/cmdline", _LONGEST) or b""

    def _name(self, pid: int, task: _Task, parts: list[bytes]) -> None:
        folder = f"{self._proc}/{pid}"
        stat, cgroup = files.read(folder + "/stat", 1024) or b"", files.read(folder + "/cgroup", _LONGEST) or b""
        cmdline = self._cmdline(pid)
        if not cmdline and task.cmdline_crc is not None:
            return  # it is ending, and has no memory to show any more: what is known of it stays
        task.cmdline_crc = zlib.crc32(cmdline)
        try:
            uid = os.stat(folder).st_uid
        except OSError:
            uid = -1
        parts.append(b"%d %d %d %d %d %d\n" % (pid, task.starttime, uid, len(stat), len(cmdline), len(cgroup)))
        parts += (stat, cmdline, cgroup)

    def _statm(self, pid: int) -> bytes:
        fd = os.open(f"{self._proc}/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, 128, 0)
        finally:
            os.close(fd)

    def _meet(self, pid: int) -> bool:
        """A process seen for the first time; False where it is a kernel thread, or has gone already."""
        stat = files.read(f"{self._proc}/{pid}/stat", 1024)
        parts = parse_stat(stat) if stat else None
        if parts is None:
            return False
        comm, flags, starttime = parts
        fd = -1
        try:
            statm = self._statm(pid)
            if flags & _PF_KTHREAD and statm == _NO_MEMORY:
                self._kernel_threads.add(pid)
                return False
            if self._open < self._max_open:
                fd = os.open(f"{self._proc}/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
                self._open += 1
        except OSError:
            if fd < 0 and not os.path.exists(f"{self._proc}/{pid}"):
                return False
            statm = b""
        self._tasks[pid] = _Task(fd, statm, starttime, comm)
        self._unnamed[pid] = None
        return True

    def _leave(self, pid: int) -> None:
        task = self._tasks.pop(pid)
        self._unnamed.pop(pid, None)
        self._young.pop(pid, None)
        if task.fd >= 0:
            os.close(task.fd)
            self._open -= 1

    def _refresh(self, pids: Sequence[int], changed: list[int]) -> None:
        """A share of the processes whose statm is the same: oom_score_adj changes without it."""
        self._turn = (self._turn + 1) % _SLICE
        known = set(changed)
        for pid in pids[self._turn :: _SLICE]:
            if pid in self._tasks:
                if pid not in known:
                    changed.append(pid)
            elif pid in self._kernel_threads:  # looked at again: the pid may have found another owner
                self._kernel_threads.discard(pid)

    def _read(self, pid: int, task: _Task) -> bool:
        """The values of a process; False where they are as the spool has them."""
        folder = f"{self._proc}/{pid}"
        status = files.read(folder + "/status", 4096)
        if status is None:
            return False  # it has gone; the next listing says so
        row = _values(status, task.statm)
        adj, score = files.read(folder + "/oom_score_adj", 16), files.read(folder + "/oom_score", 16)
        task.row = (*row, _signed(adj), _signed(score))
        comm = status[6 : status.find(b"\n")]
        if comm != task.comm:  # it has called exec, or has another name now
            if task.comm != _escaped(comm):
                self._unnamed[pid] = None
            task.comm = comm
        return task.row != task.stored


class _Step:
    """What a step found; `payload` makes the frame once it is known how long the step took."""

    __slots__ = ("_processes", "gone", "key", "new", "rows", "unread")

    def __init__(
        self, processes: Processes, new: list[int], gone: list[int], rows: list[int], unread: int, key: bool
    ) -> None:
        self._processes = processes
        self.new = new
        self.gone = gone
        self.rows = rows
        self.unread = unread
        self.key = key

    def payload(self, took_us: int, planned_us: int, reason: int) -> bytes:
        new, gone, rows, body = self._processes.payload(self.new, self.gone, self.rows, self.key)
        return HEAD.pack(took_us, planned_us, len(self._processes), self.unread, new, gone, rows, reason) + body


def parse_stat(stat: bytes) -> tuple[bytes, int, int] | None:
    """comm, flags and starttime of /proc/PID/stat. A name may hold anything, parentheses too."""
    begin, end = stat.find(b"("), stat.rfind(b")")
    words = stat[end + 1 :].split()
    if begin < 0 or len(words) < 20 or not words[6].isdigit() or not words[19].isdigit():
        return None
    return stat[begin + 1 : end], int(words[6]), int(words[19])


def _values(status: bytes, statm: bytes) -> tuple[int, ...]:
    words = statm.split()
    if len(words) != 7:
        words = [b"0"] * 7
    size, resident, shared = int(words[0]) * _PAGE_KB, int(words[1]) * _PAGE_KB, int(words[2]) * _PAGE_KB
    found = []
    at = 0
    for name in _STATUS:  # in the order in which every kernel writes them
        where = status.find(name, at)
        if where < 0:
            found.append(UNKNOWN)
            continue
        at = where + len(name)
        found.append(int(status[at : status.find(b" kB", at)]))
    if found[0] == UNKNOWN:
        if not resident:  # a zombie, or a process that is leaving: no memory at all
            return (size, 0, 0, 0, 0, 0)
        found[0], found[1] = resident - shared, shared  # before 4.5: shared memory is among the files
    return (size, *found)


def _signed(raw: bytes | None) -> int:
    stripped = raw.strip() if raw else b""
    return int(stripped) if stripped.lstrip(b"-").isdigit() else UNKNOWN


def _escaped(comm: bytes) -> bytes:
    """As /proc/PID/stat writes a name that status escapes: the inverse for the two escapes it has."""
    return comm.replace(b"\\n", b"\n").replace(b"\\\\", b"\\")


def _ascending(numbers: list[int]) -> bytes:
    return columns.pack(map(sub, numbers, [0, *numbers[:-1]]))


def _rotated(pids: Sequence[int], after: int) -> list[int]:
    return [pid for pid in pids if pid > after] + [pid for pid in pids if pid <= after]
