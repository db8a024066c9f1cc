"""The recorder: one loop over one epoll, a bounded amount of work each time round."""

from __future__ import annotations

import os
import select
import time

from oomforensics.capture import blobs, files, frame, hierarchy, kmsg, pace, storms, survive, targets
from oomforensics.capture.cgroups import Cgroups
from oomforensics.capture.events_v1 import OOM as OOM_EVENTFD
from oomforensics.capture.events_v1 import EventsV1, Watch
from oomforensics.capture.events_v2 import KILLS, EventsV2, pressure_trigger
from oomforensics.capture.inotify import IN_CREATE, IN_DELETE, IN_Q_OVERFLOW, Inotify
from oomforensics.capture.processes import Processes
from oomforensics.capture.spool import Spool
from oomforensics.capture.system import System
from oomforensics.capture.tracepoint import MarkVictim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oomforensics.capture.cgroups import Group
    from oomforensics.capture.options import Options

_S = 1_000_000_000
_STEP_BUDGET_NS = _S // 4  # of reading processes in one step; the rest is read in the next
_FULL = 60  # steps after which everything is written in full again
_DISCOVER_NS = 30 * _S  # between two walks of the cgroup tree, where inotify tells of new ones
_DISCOVER_BLIND_NS = 2 * _S  # where it does not, or where there is no cgroup yet
_TAKES = 16  # times that the sources are read before what they said is written down
_ASIDE_S = 0.1  # of CPU that events may have in the midst of one look; what comes then waits for its end
_SPARE_FILES = 256  # descriptors that are kept for other things than processes and cgroups
_FEWEST_FILES = 64
_WATCHED_PRESSURE = 64  # cgroups with a pressure trigger of their own
_OOMS = (*KILLS, "under_oom", "oom_then_removed", "mark_victim")  # events that a spool keeps the neighbourhood of


class Recorder:
    """Raises OSError, Busy and NotFound from `__init__` only."""

    def __init__(self, options: Options, proc: str = "/proc", clock: Callable[[], int] = time.monotonic_ns) -> None:
        self._options = options
        self._proc = proc
        self._clock = clock
        self._base_ns = int(options.interval_s * _S)
        self.missing: list[str] = []
        self.sources: list[str] = []
        self._tree = hierarchy.find(proc)
        self._target = targets.find(options.kind, options.name, self._tree, proc)
        room = max(survive.more_files() - _SPARE_FILES, _FEWEST_FILES)
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._resting: list[int] = []  # descriptors that are not waited for until the next step
        self._inotify: Inotify | None = None
        self._folders: dict[int, str] = {}  # inotify watch -> folder of a cgroup
        self._v1: EventsV1 | None = None
        self._v2: EventsV2 | None = None
        self._kmsg: kmsg.Kmsg | None = None
        self._victims: MarkVictim | None = None
        self._pressure_fds: dict[int, str] = {}
        self._system = System(proc)
        self._processes = Processes(proc, room * 3 // 4)
        scopes = [(self._tree.version, self._target.folder)] if self._tree and self._target.folder else []
        self._cgroups = Cgroups(scopes, room // 8)
        self._open_sources()

        now = clock()
        self._began_ns = now
        self.spool = Spool(options.spool, self._header, now, options.max_size)
        self._end_ns = now + int(options.duration_s * _S) if options.duration_s is not None else None
        self._stop: str | None = None
        self._pace = pace.START
        self._steps = 0
        self._need_key = True
        self._need_full = True
        self._look = False
        self._urgent = False
        self._unwritten: list[tuple[int, int, int, Callable[[], bytes]]] = []  # kind, when it was read, flags, payload
        self._ask = False  # an OOM is known that not every source has told of yet
        self._aside_s = 0.0  # of CPU that events had since the present look began
        self._alarm_ns = 0
        self._newest_ns: int | None = None  # when the last cgroup appeared
        self._last_ns = 0  # when the last step began
        self._costs_s: tuple[float, ...] = (0.0, 0.0, 0.0)  # of the last looks
        self._cost_s = 0.0  # of a look, as they are now
        self._next_ns = now
        self._synced_ns = now
        self._discovered_ns = now
        self._vmstat_kills: int | None = None
        self._storms = storms.Storms(now)
        self._told_full = False
        self.ooms = 0

    def run(self) -> str:
        """Record until something ends it; says what."""
        while self._stop is None:
            self.round()
        self.note(f"stopped: {self._stop}")
        return self._stop

    def round(self) -> None:
        """Wait for what comes next, and do it."""
        due = [self._next_ns, *([self._end_ns] if self._end_ns is not None else [])]
        if self._v1 is not None and (again := self._v1.next_ns()) is not None:
            due.append(again)
        self._heed(max(min(due) - self._clock(), 0) / _S)
        self.work()

    def work(self) -> None:
        """What is due by the clock."""
        now = self._clock()
        if self._look and pace.may_look_now((now - self._last_ns) / _S, self._cost_s):
            self.step(pace.EVENT)
        elif self._look:
            self._next_ns = min(self._next_ns, self._last_ns + int(self._cost_s * pace.SHARE * _S))
            self._look = now < self._next_ns
        if now >= self._next_ns:
            self.step(None)
        if now - self._synced_ns >= self._base_ns:
            self._sync(now)
        if self._end_ns is not None and now >= self._end_ns:
            self.stop("an OOM was recorded" if self.ooms and self._options.until_oom else "duration")

    def stop(self, why: str) -> None:
        if self._stop is None:
            self._stop = why

    def step(self, reason: int | None) -> None:
        """One snapshot of everything."""
        began, began_cpu_s = self._clock(), time.thread_time()
        if self.spool.turn(began):
            self._need_key = self._need_full = True
            self._processes.name_all_again()
        self._tell_when_full()
        self._look = False
        self._aside_s = 0.0
        key = self._need_key or self._steps % _FULL == 0
        full = self._need_full or self._steps % _FULL == 0
        self._steps += 1
        self._discover(began)
        found = self._processes.step(self._pids(), self._clock, began + _STEP_BUDGET_NS, key, self._aside)
        identities = self._processes.identities(began)
        took_ns = self._clock() - began
        groups = self._cgroups.step(began, full, self._aside)
        for fd in self._v1.new_limits() if self._v1 is not None else ():
            self._listen(fd, self._on_eventfd)
        system = self._clocks() + self._system.step(began, full)
        self._vmstat()
        self._aside()
        # Where others have the CPU a step takes long and costs little: that is no time to look away.
        spent_s = time.thread_time() - began_cpu_s - self._aside_s
        self._costs_s = (*self._costs_s[1:], max(spent_s, (self._clock() - began) / _S / pace.SHARE))
        self._cost_s = pace.usual_cost_s(self._costs_s)
        planned_s, why = self._plan(began)
        head = (took_ns // 1000, int(planned_s * 1e6), why if reason is None else reason)
        self._need_key = not self.spool.write(frame.PROCESSES, found.payload(*head), began, frame.KEY if key else 0)
        if identities:
            self.spool.write(frame.IDENTITY, identities, began)
        if groups:
            self._need_full = not self.spool.write(frame.CGROUPS, groups, began, chain=True)
        self.spool.write(frame.SYSTEM, system, began, chain=True)
        self._last_ns = began
        self._next_ns = began + int(planned_s * _S)
        self._heed()
        for fd in self._resting:
            if fd in self._handlers:
                self._wait_for(fd)
        self._resting.clear()

    def note(self, text: str) -> None:
        """Something about the recording itself."""
        self.spool.write(frame.NOTE, text.encode("utf-8", "replace"), self._clock())

    def remark(self, text: str) -> None:
        """A note from a signal handler, which may come in the midst of writing: it is written later."""
        self._unwritten.append((frame.NOTE, self._clock(), 0, lambda: text.encode("utf-8", "replace")))

    def close(self) -> None:
        self.spool.close()
        for part in (
            self._processes, self._cgroups, self._system, self._v1, self._kmsg, self._victims, self._inotify,
        ):  # fmt: skip
            if part is not None:
                part.close()
        for fd in self._pressure_fds:
            os.close(fd)
        self._epoll.close()

    def wake_by(self, fd: int) -> None:
        """A descriptor whose readiness only ends the wait: of signals."""
        self._listen(fd, _drain)

    def _open_sources(self) -> None:
        """Everything that can tell of an OOM; what this machine does not have is remembered."""
        self.missing += [f"/proc/{name}" for name in self._system.missing]
        try:
            self._kmsg = kmsg.Kmsg(self._options.kmsg)
            self._listen(self._kmsg.fd, self._on_kmsg)
            self.sources.append("kmsg")
        except OSError as error:
            self.missing.append(f"/dev/kmsg: {error.strerror}")
        try:
            self._victims = MarkVictim(self._proc)
            for fd in self._victims.fds:
                self._listen(fd, self._on_victim)
            self.sources.append("oom:mark_victim")
        except OSError as error:
            self.missing.append(f"oom:mark_victim: {error.strerror or error}")
        try:
            fd, trigger = pressure_trigger(f"{self._proc}/pressure/memory")
            self._listen_pressure(fd, "")
            self.sources.append(f"pressure trigger ({trigger.decode()})")
        except OSError as error:
            self.missing.append(f"pressure triggers: {error.strerror or error}")
        if self._tree is None:
            self.missing.append("cgroups: no memory controller is mounted here")
            return
        if self._target.folder is None:
            return
        try:
            self._inotify = Inotify()
            self._listen(self._inotify.fd, self._on_inotify)
        except OSError as error:
            self.missing.append(f"inotify: {error.strerror}")
        if self._tree.version == 1:
            self._v1 = EventsV1(self._proc)
        elif self._inotify is not None:
            self._v2 = EventsV2(self._inotify)
        self._cgroups.on_new, self._cgroups.on_gone = self._on_group, self._on_no_group
        self._cgroups.discover()
        if self._v1 is not None:
            if self._v1.watches:
                self.sources.append(f"eventfd in {len(self._v1.watches)} cgroups (v1)")
            if self._v1.refused is not None:
                self.missing.append(f"some eventfds of cgroup v1: {self._v1.refused}")
        if self._v2 is not None:
            self.sources.append(f"memory.events of {len(self._cgroups.groups)} cgroups (v2)")
        if self._cgroups.untold:
            self.missing.append(f"{self._cgroups.untold} cgroups: too many")

    def _header(self) -> bytes:
        """What a reader must know of this machine and of this recording; every segment begins with it."""
        name = os.uname()
        boot_id = files.read(f"{self._proc}/sys/kernel/random/boot_id", 64) or b""
        facts: list[tuple[str, object]] = [
            ("format", frame.VERSION),
            ("page_size", os.sysconf("SC_PAGE_SIZE")),
            ("clock_ticks", os.sysconf("SC_CLK_TCK")),
            ("boot_id", boot_id.decode("ascii", "replace").strip()),
            ("kernel_release", name.release),
            ("kernel_version", name.version),
            ("machine", name.machine),
            ("host", name.nodename),
            ("cpus", os.cpu_count()),
            ("mono_ns", time.clock_gettime_ns(time.CLOCK_MONOTONIC)),
            ("wall_ns", time.clock_gettime_ns(time.CLOCK_REALTIME)),
            ("boottime_ns", time.clock_gettime_ns(time.CLOCK_BOOTTIME)),
            ("recorder_pid", os.getpid()),
            ("began_ns", self._began_ns),
            ("interval_us", self._base_ns // 1000),
            ("target", self._target.told),
            ("cgroup_version", self._tree.version if self._tree else 0),
            ("cgroup_mount", self._tree.mount if self._tree else ""),
            *(("source", source) for source in self.sources),
            *(("missing", what) for what in self.missing),
        ]
        lines = [
            f"{key}={str(value).replace(chr(92), chr(92) * 2).replace(chr(10), chr(92) + 'n')}\n"
            for key, value in facts
        ]
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _pids(self) -> list[int]:
        if self._options.kind == "system":
            return self._processes.pids()
        pids = self._cgroups.pids()
        alone = self._target.pid
        if alone is not None and os.path.isdir(f"{self._proc}/{alone}"):
            return sorted({*pids, alone})
        if alone is not None and not pids:
            self.stop(f"process {alone} has gone")
        return pids

    def _plan(self, now: int) -> tuple[float, int]:
        left_s = min(self._cgroups.time_left_s(), self._system.time_left_s())
        passed_s = (now - self._last_ns) / _S if self._last_ns else 0.0
        alarmed = now < self._alarm_ns
        new_s = (now - self._newest_ns) / _S if self._newest_ns is not None else float("inf")
        planned_s, why, self._pace = pace.plan(
            self._pace, self._options.interval_s, passed_s, left_s, alarmed, self._cost_s, new_s
        )
        return planned_s, why

    def _clocks(self) -> bytes:
        wall, boot = time.clock_gettime_ns(time.CLOCK_REALTIME), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        mono = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        return blobs.pack(0, b"clock", b"%d %d %d" % (mono, wall, boot))

    def _discover(self, now: int) -> None:
        blind = self._inotify is None or not self._cgroups.groups
        if self._target.folder is not None and now - self._discovered_ns >= (
            _DISCOVER_BLIND_NS if blind else _DISCOVER_NS
        ):
            self._discovered_ns = now
            self._cgroups.discover()
            self._storms.forget(now)

    def _tell_when_full(self) -> None:
        if self.spool.full and not self._told_full:
            self.note("the spool is full of OOMs and their neighbourhoods: no more samples, only events")
        self._told_full = self.spool.full

    # What the sources say.

    def _heed(self, wait_s: float = 0.0) -> None:
        """Read and stamp what the sources say until they are silent; then write it down, and read again in between."""
        takes = _TAKES if self._take(wait_s) else 0
        while True:
            while takes and self._take():
                takes -= 1
            if not self._unwritten:
                break
            kind, mono_ns, flags, payload = self._unwritten.pop(0)
            self.spool.write(kind, payload(), mono_ns, flags)
        if self._urgent:
            self._sync(self._clock())

    def _aside(self) -> None:
        """In the midst of a look, for a bounded time: an event is not kept waiting for its end."""
        if self._aside_s < _ASIDE_S:
            began_s = time.thread_time()
            self._heed()
            self._aside_s += time.thread_time() - began_s

    def _take(self, wait_s: float = 0.0) -> bool:
        """Had any of them something to say?"""
        ready = self._epoll.poll(wait_s, 64)
        for fd, _ in ready:
            handler = self._handlers.get(fd)
            if handler is not None:
                handler(fd)
        if self._v1 is not None:
            now = self._clock()
            for watch in self._v1.due(now):
                said = self._v1.look(watch, now)
                if said is not None:
                    self._v1_event(watch, said, "memory.oom_control")
            for group in self._v1.left(now):
                self._event(group, "oom_then_removed", "eventfd")
        if self._ask:
            self._ask_all()
            self._ask = False
        return bool(ready)

    def _ask_all(self) -> None:
        """Somebody was killed, says one of them: the others know it already, and the kernel wakes us for them later.

        It counts before it kills, holds back word of its counters (v2), and wakes readers of its log at the next tick.
        """
        for fd in self._victims.fds if self._victims is not None else ():
            self._read_victims(fd)
        for found in self._v2.again() if self._v2 is not None else ():
            self._event(*found)
        if self._kmsg is not None:
            self._on_kmsg(self._kmsg.fd)

    def _sync(self, now: int) -> None:
        self.spool.sync()
        self._urgent = False
        self._synced_ns = now

    def _on_group(self, group: Group) -> None:
        if self._inotify is not None:
            watch = self._inotify.watch_folder(group.folder)
            if watch is not None:
                self._folders[watch] = group.folder
        if self._v1 is not None:
            for fd in self._v1.add(group):
                self._listen(fd, self._on_eventfd)
        if self._v2 is not None:
            self._v2.add(group)
            if len(self._pressure_fds) < _WATCHED_PRESSURE:
                self._watch_pressure(group.folder)

    def _on_no_group(self, group: Group) -> None:
        for watch in [watch for watch, folder in self._folders.items() if folder == group.folder]:
            del self._folders[watch]
        if self._v1 is not None:
            for fd in self._v1.remove(group.folder, self._clock()):
                if self._handlers.pop(fd, None) is not None:
                    self._epoll.unregister(fd)
        if self._v2 is not None:
            self._v2.remove(group.folder)
        for fd in [fd for fd, folder in self._pressure_fds.items() if folder == group.folder]:
            self._drop_pressure(fd)

    def _on_eventfd(self, fd: int) -> None:
        if self._v1 is None:
            return
        found = self._v1.woken(fd, self._clock())
        if found is None:
            return
        watch, what, cause = found
        if watch.fds.get(fd) != OOM_EVENTFD:
            self._rest(fd)
        self._v1_event(watch, what, cause)

    def _v1_event(self, watch: Watch, what: str, cause: str) -> None:
        self._event(watch.group, what, cause)
        if what == "cgroup_removed":
            self._cgroups.remove(watch.group.folder)

    def _on_inotify(self, fd: int) -> None:
        for watch, mask, name in self._inotify.read() if self._inotify is not None else ():
            if mask & IN_Q_OVERFLOW:
                self._cgroups.discover()
                continue
            found = self._v2.changed(watch) if self._v2 is not None else None
            if found is not None:
                self._event(*found)
                continue
            parent = self._folders.get(watch)
            if parent is None or self._tree is None:
                continue
            if mask & IN_CREATE and os.path.isdir(f"{parent}/{name}"):
                self._cgroups.add_tree(self._tree.version, f"{parent}/{name}")
                self._newest_ns = self._clock()
                if (wait_s := pace.look_at_new_s(self._pace, self._cost_s)) is not None:
                    self._next_ns = min(self._next_ns, self._newest_ns + int(wait_s * _S))
            elif mask & IN_DELETE:
                self._cgroups.remove(f"{parent}/{name}")

    def _on_pressure(self, fd: int) -> None:
        folder = self._pressure_fds[fd]
        if folder and not os.path.isdir(folder):
            self._drop_pressure(fd)
            return
        self._rest(fd)
        self._event(self._cgroups.groups.get(folder), "pressure", "memory.pressure" if folder else "pressure/memory")

    def _on_kmsg(self, fd: int) -> None:
        records, lost, oom = self._kmsg.read() if self._kmsg is not None else ([], 0, False)
        if lost:
            self.note(f"{lost} records of the kernel's log were lost before they could be read")
        if records:
            flags = frame.OOM if oom else 0
            self._unwritten.append((frame.KMSG, self._clock(), flags, lambda: kmsg.pack(records)))
        if oom:
            self._urgent = self._look = True
            self._alarm_ns = self._clock() + int(pace.ALARM_S * _S)
            if self._target.folder is None or self._options.kind == "system":
                self._saw_oom()
            self._ask = True

    def _on_victim(self, fd: int) -> None:
        if self._victims is not None and not self._read_victims(fd) and self._victims.drop_ended(fd):
            del self._handlers[fd]

    def _read_victims(self, fd: int) -> bool:
        chosen = self._victims.read(fd) if self._victims is not None else []
        for when_ns, pid, raw in chosen:
            form = self._victims.format if self._victims is not None else b""
            extra = [(b"chosen_ns", b"%d" % when_ns), (b"record", raw), (b"format", form)]
            scoped = self._options.kind == "system" or pid in self._processes
            parts = b"".join([blobs.pack(0, name, value) for name, value in extra])
            self._event(None, "mark_victim", "oom:mark_victim", parts, scoped)
        return bool(chosen)

    def _vmstat(self) -> None:
        """The last resort: the kernel counts its kills, without saying who."""
        kills = self._system.oom_kill
        if kills is not None and self._vmstat_kills is not None and kills > self._vmstat_kills:
            self._event(None, "oom_kill", "vmstat", scoped=self._options.kind == "system")
        self._vmstat_kills = kills

    def _event(self, group: Group | None, what: str, cause: str, extra: bytes = b"", scoped: bool = True) -> None:
        now = self._clock()
        folder = group.folder if group is not None else ""
        oom = what in _OOMS
        admitted = self._storms.admit(folder, what, oom, now)
        if self._storms.dropped:
            self.note(f"{self._storms.dropped} events were not recorded: more than {storms.MOST} in a second")
            self._storms.dropped = 0
        if not admitted:
            return
        flags = frame.OOM if oom else 0
        self._unwritten.append((frame.EVENT, now, flags, lambda: self._told(group, what, cause) + extra))
        self._urgent = self._urgent or oom
        self._ask = self._ask or oom
        if what != "cgroup_removed":
            self._look = True
            self._alarm_ns = now + int(pace.ALARM_S * _S)
        if oom and scoped:
            self._saw_oom()

    def _told(self, group: Group | None, what: str, cause: str) -> bytes:
        parts = [blobs.pack(0, b"what", what.encode()), blobs.pack(0, b"cause", cause.encode())]
        if group is not None:
            parts += [blobs.pack(group.number, b"folder", b"%d %s" % (group.version, os.fsencode(group.folder)))]
            parts += [self._cgroups.now(group)]
            if what == "under_oom" and self._v1 is not None:
                parts += [self._v1.waiting(group)]
        return b"".join(parts)

    def _saw_oom(self) -> None:
        self.ooms += 1
        if self._options.until_oom and self.ooms == 1:
            end = self._clock() + int(self._options.then_s * _S)
            self._end_ns = end if self._end_ns is None else min(self._end_ns, end)

    # Waiting.

    def _listen(self, fd: int, handler: Callable[[int], None], pri: bool = False) -> None:
        self._handlers[fd] = handler
        self._epoll.register(fd, select.EPOLLPRI if pri else select.EPOLLIN)

    def _watch_pressure(self, folder: str) -> None:
        try:
            fd = pressure_trigger(folder + "/memory.pressure")[0]
        except OSError:
            return  # the system's own trigger was tried already, and said why
        self._listen_pressure(fd, folder)

    def _listen_pressure(self, fd: int, folder: str) -> None:
        self._pressure_fds[fd] = folder
        self._listen(fd, self._on_pressure, pri=True)

    def _drop_pressure(self, fd: int) -> None:
        del self._pressure_fds[fd]
        self._handlers.pop(fd, None)
        os.close(fd)

    def _rest(self, fd: int) -> None:
        """Not waited for until the next step: pressure can wake thousands of times a second."""
        if fd in self._handlers:
            self._epoll.modify(fd, 0)
            self._resting.append(fd)

    def _wait_for(self, fd: int) -> None:
        try:
            self._epoll.modify(fd, select.EPOLLPRI if fd in self._pressure_fds else select.EPOLLIN)
        except OSError:
            self._handlers.pop(fd, None)


def _drain(fd: int) -> None:
    os.read(fd, 64)
