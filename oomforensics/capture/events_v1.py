"""cgroup v1: eventfds on memory.oom_control, on 90, 95 and 99 % of the limit, and on memory.pressure_level.

A wake says little: removal of the cgroup and an OOM of an ancestor wake it too, and the kernel wakes us before it
kills. So the counters are read after each wake, and again for a second while they do not tell yet what it was.
"""

from __future__ import annotations

import os

from oomforensics.capture import blobs, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomforensics.capture.cgroups import Group

MOST = 512  # cgroups with eventfds: three descriptors each
PERCENT = (90, 95, 99)
_LEVELS = ("medium", "critical")
_AGAIN_MS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
_LEAVES_NS = 250_000_000  # after which the kernel has told all that it had to tell of a cgroup that was removed
_WAITING = 256  # tasks of a stopped cgroup that are named
OOM, THRESHOLD, PRESSURE = range(3)


class Watch:
    """The eventfds of one cgroup and what its counters were."""

    __slots__ = ("again_ns", "fds", "group", "limit", "looks", "oom_kill", "under_oom", "wakes")

    def __init__(self, group: Group) -> None:
        self.group = group
        self.fds: dict[int, int] = {}  # eventfd -> what it is for
        self.limit: int | None = None  # that the thresholds are shares of
        self.oom_kill: int | None = None
        self.under_oom = False
        self.again_ns: int | None = None
        self.looks = 0
        self.wakes = 0  # that were found only when the cgroup had gone


class EventsV1:
    def __init__(self, proc: str = "/proc") -> None:
        self._proc = proc
        self.watches: dict[str, Watch] = {}
        self.by_fd: dict[int, Watch] = {}
        self.refused: str | None = None  # why the last registration failed
        self.unwatched = 0
        self._leaving: list[tuple[int, Watch]] = []

    def add(self, group: Group) -> list[int]:
        """Eventfds to wait for. None where the kernel refuses, as for a hierarchy's root."""
        if group.folder in self.watches:
            return []
        if len(self.watches) >= MOST:
            self.unwatched += 1
            return []
        watch = Watch(group)
        made = [self._register(watch, OOM, "memory.oom_control", "")]
        for level in _LEVELS:
            made.append(self._register(watch, PRESSURE, "memory.pressure_level", level, share=True))
        made += self.thresholds(watch)
        watch.oom_kill, watch.under_oom = _state(_control(group))
        if watch.fds:
            self.watches[group.folder] = watch
        return [fd for fd in made if fd is not None]

    def thresholds(self, watch: Watch) -> list[int]:
        """Of its present limit, where that is not what they were set for."""
        limit = files.whole_number(files.read(f"{watch.group.folder}/{watch.group.kind.limit}"))
        if limit is None or limit >= 1 << 60 or limit == watch.limit:
            return []
        watch.limit = limit
        made = [
            self._register(watch, THRESHOLD, watch.group.kind.usage, str(limit * percent // 100), share=True)
            for percent in PERCENT
        ]
        return [fd for fd in made if fd is not None]

    def new_limits(self) -> list[int]:
        """Eventfds to wait for, where a look saw a limit that thresholds are not set for: mostly it comes after the cgroup."""
        known = (watch for watch in self.watches.values() if watch.group.limit not in (None, watch.limit))
        return [fd for watch in known for fd in self.thresholds(watch)]

    def remove(self, folder: str, now_ns: int) -> list[int]:
        """Eventfds that nobody need wait for any more. `left` tells later what they were woken for."""
        watch = self.watches.pop(folder, None)
        if watch is None:
            return []
        for fd in watch.fds:
            self.by_fd.pop(fd, None)
        self._leaving.append((now_ns + _LEAVES_NS, watch))
        return list(watch.fds)

    def left(self, now_ns: int) -> list[Group]:
        """Cgroups that are gone, and had an OOM, or an ancestor's, that was not seen before they went.

        Removal wakes once, from a queue of the kernel's; an OOM before it makes that twice or more.
        """
        found = []
        while self._leaving and self._leaving[0][0] <= now_ns:
            watch = self._leaving.pop(0)[1]
            for fd, what in watch.fds.items():
                if what == OOM:
                    watch.wakes += _wakes(fd)
                os.close(fd)
            if watch.wakes > 1:
                found.append(watch.group)
        return found

    def woken(self, fd: int, now_ns: int) -> tuple[Watch, str, str] | None:
        """Whose eventfd it is, what happened and which source says so. None: one that was closed meanwhile."""
        watch = self.by_fd.get(fd)
        if watch is None:
            return None
        wakes = _wakes(fd)
        if not wakes:
            return None  # read already, or another's number: the descriptor was closed in this round
        what = watch.fds[fd]
        if not os.path.isdir(watch.group.folder):
            watch.wakes = wakes if what == OOM else 0
            return watch, "cgroup_removed", "eventfd"
        if what == OOM:
            watch.looks = 0
            return watch, self.look(watch, now_ns) or "oom_notified", "memory.oom_control"
        if what == THRESHOLD:
            usage = files.whole_number(files.read(f"{watch.group.folder}/{watch.group.kind.usage}"))
            limit = watch.limit or 0
            if usage is None or usage * 100 < limit * PERCENT[0]:
                return None  # it went down again
            return watch, "usage_threshold", watch.group.kind.usage
        return watch, "pressure_level", "memory.pressure_level"

    def look(self, watch: Watch, now_ns: int) -> str | None:
        """What the counters say that they did not say before; looked at again in a while otherwise."""
        control = _control(watch.group)
        if control is None:
            watch.again_ns = None
            return "cgroup_removed"
        kills, under = _state(control)
        said = None
        if kills is not None and watch.oom_kill is not None and kills > watch.oom_kill:
            said = "oom_kill"
        elif under and not watch.under_oom:
            said = "under_oom"
        elif watch.under_oom and not under:
            said = "under_oom_cleared"
        watch.oom_kill, watch.under_oom = kills, under
        self._later(watch, now_ns)
        return said

    def due(self, now_ns: int) -> list[Watch]:
        return [watch for watch in self.watches.values() if watch.again_ns is not None and watch.again_ns <= now_ns]

    def next_ns(self) -> int | None:
        again = [watch.again_ns for watch in self.watches.values() if watch.again_ns is not None]
        return min([*again, *(due_ns for due_ns, _ in self._leaving)], default=None)

    def waiting(self, group: Group) -> bytes:
        """The tasks of a cgroup that sleep until somebody ends its OOM: where they sleep, and their stat."""
        parts = []
        folders = [folder for folder in self.watches if (folder + "/").startswith(group.folder + "/")]
        tids = [tid for folder in folders for tid in (files.read_all(folder + "/tasks") or b"").split()]
        for tid in tids[:_WAITING]:
            where = f"{self._proc}/{tid.decode()}"
            stat = files.read(where + "/stat", 1024) or b""
            state = stat[stat.rfind(b")") + 2 :][:1]
            channel = files.read(where + "/wchan", 128) or b""
            if b"oom" in channel or (state == b"D" and channel.strip() in (b"", b"0")):
                parts.append(b"%s %s\n" % (channel.strip() or b"?", stat.strip().replace(b"\n", b"\\n")))
        return blobs.pack(group.number, b"waiting", b"".join(parts))

    def close(self) -> None:
        for folder in list(self.watches):
            self.remove(folder, 0)
        self.left(_LEAVES_NS)
        for _, watch in self._leaving:
            for fd in watch.fds:
                os.close(fd)

    def _later(self, watch: Watch, now_ns: int) -> None:
        if watch.looks < len(_AGAIN_MS):
            watch.again_ns = now_ns + _AGAIN_MS[watch.looks] * 1_000_000
            watch.looks += 1
        else:
            watch.again_ns = now_ns + _AGAIN_MS[-1] * 1_000_000 if watch.under_oom else None

    def _register(self, watch: Watch, what: int, name: str, argument: str, share: bool = False) -> int | None:
        """A new eventfd; None where one of this kind served before, or the kernel refused."""
        known = next((fd for fd, known in watch.fds.items() if share and known == what), None)
        folder = watch.group.folder
        fd = known
        try:
            if fd is None:
                fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            file = os.open(f"{folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                control = os.open(f"{folder}/cgroup.event_control", os.O_WRONLY | os.O_CLOEXEC)
                try:
                    os.write(control, f"{fd} {file} {argument}".rstrip().encode())
                finally:
                    os.close(control)
            finally:
                os.close(file)
        except OSError as error:
            self.refused = f"{name}: {error.strerror}"
            if fd is not None and known is None:
                os.close(fd)
            return None
        if known is not None:
            return None
        watch.fds[fd] = what
        self.by_fd[fd] = watch
        return fd


def _wakes(fd: int) -> int:
    """How often an eventfd was signalled since it was read."""
    try:
        return os.eventfd_read(fd)
    except OSError:
        return 0


def _control(group: Group) -> bytes | None:
    return files.read(f"{group.folder}/memory.oom_control")


def _state(control: bytes | None) -> tuple[int | None, bool]:
    """Kills so far (None before 4.13), and whether tasks wait."""
    if control is None:
        return None, False
    return files.number_after(control, b"oom_kill "), files.number_after(control, b"under_oom ") == 1
