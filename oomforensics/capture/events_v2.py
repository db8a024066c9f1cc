"""cgroup v2: memory.events, memory.events.local and memory.swap.events through inotify, and pressure triggers.

The kernel tells at most every 10 ms that a file changed (CGROUP_FILE_NOTIFY_MIN_INTV, kernel/cgroup/cgroup.c), not what in
it: its counters are compared. A cgroup at its limit has had word of `max` just before a kill, so word of the kill is late.
"""

from __future__ import annotations

import os

from oomforensics.capture import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomforensics.capture.cgroups import Group
    from oomforensics.capture.inotify import Inotify

FILES = ("memory.events.local", "memory.events", "memory.swap.events")
# Counters in the order in which the worst names the event.
_WORST = ("oom_group_kill", "oom_kill", "oom", "fail", "max", "high", "low", "sock_throttled")
KILLS = ("oom_kill", "oom_group_kill")
# Stall and window in microseconds; the second is allowed without privileges, from 6.4 on.
_LATELY = 32  # files that are new, or whose counters rose last: they are read again when a kill is known from elsewhere
_TRIGGERS = (b"some 50000 500000", b"some 100000 2000000")


class EventsV2:
    def __init__(self, inotify: Inotify) -> None:
        self._inotify = inotify
        self._watches: dict[int, tuple[Group, str]] = {}
        self._counters: dict[tuple[str, str], dict[str, int]] = {}
        self._lately: dict[int, None] = {}  # watches, the latest last
        self.unwatched = 0

    def add(self, group: Group) -> None:
        for name in FILES:
            path = f"{group.folder}/{name}"
            raw = files.read(path)
            if raw is None:
                continue
            watch = self._inotify.watch_file(path)
            if watch is None:
                self.unwatched += 1
                continue
            self._watches[watch] = group, name
            self._counters[group.folder, name] = counters(raw)
            self._stir(watch)

    def remove(self, folder: str) -> None:
        for watch in [watch for watch, (group, _) in self._watches.items() if group.folder == folder]:
            del self._watches[watch]
            self._lately.pop(watch, None)
        for name in FILES:
            self._counters.pop((folder, name), None)

    def changed(self, watch: int) -> tuple[Group, str, str] | None:
        """Whose file it is, the worst counter that rose, the file. None: none rose, or it is no watch of these."""
        found = self._watches.get(watch)
        if found is None:
            return None
        group, name = found
        raw = files.read(f"{group.folder}/{name}")
        if raw is None:
            return None
        now, before = counters(raw), self._counters.get((group.folder, name), {})
        self._counters[group.folder, name] = now
        risen = [counter for counter in now if now[counter] > before.get(counter, 0)]
        if not risen:
            return None
        self._stir(watch)
        return group, next((counter for counter in _WORST if counter in risen), risen[0]), name

    def again(self) -> list[tuple[Group, str, str]]:
        """As `changed`, of the files that are likely to have, without waiting for the kernel's word."""
        return [found for watch in list(self._lately) if (found := self.changed(watch)) is not None]

    def _stir(self, watch: int) -> None:
        self._lately.pop(watch, None)
        self._lately[watch] = None
        if len(self._lately) > _LATELY:
            del self._lately[next(iter(self._lately))]


def counters(raw: bytes) -> dict[str, int]:
    found = {}
    for line in raw.split(b"\n"):
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            found[words[0].decode("ascii", "replace")] = int(words[1])
    return found


def pressure_trigger(path: str) -> tuple[int, bytes]:
    """A descriptor that is ready (EPOLLPRI) when tasks stalled, and the trigger. Raises OSError."""
    refused = OSError("no pressure trigger")
    for trigger in _TRIGGERS:
        fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, trigger + b"\0")
        except OSError as error:
            os.close(fd)
            refused = error
            continue
        return fd, trigger
    raise refused
