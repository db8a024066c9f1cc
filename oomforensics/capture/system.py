"""Memory of the whole machine: meminfo, vmstat and pressure at every step, zones and free lists now and then."""

from __future__ import annotations

import os

from oomforensics.capture import blobs, files, pace

_FAST = ("meminfo", "vmstat", "pressure/memory", "pressure/io", "pressure/cpu", "loadavg")
_SLOW = ("zoneinfo", "buddyinfo", "swaps")
_SETTINGS = ("overcommit_memory", "swappiness", "panic_on_oom", "oom_kill_allocating_task", "min_free_kbytes")
# Bytes of a setting. The kernel has a buffer of the size asked for made, and where memory is short 64 KiB may take it a second.
_SETTING = 64
_SLOW_EVERY_NS = 30_000_000_000


class System:
    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._fds: dict[str, int] = {}
        self._slow_ns: int | None = None
        self.missing: list[str] = []
        self.available_kb: int | None = None  # MemAvailable and SwapFree
        self.slope_kb = 0.0  # lost in a second
        self._stamp_ns = 0
        self.oom_kill: int | None = None  # of vmstat, since 4.13
        for name in _FAST:
            try:
                self._fds[name] = os.open(f"{proc}/{name}", os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                self.missing.append(name)

    def step(self, now_ns: int, full: bool) -> bytes:
        parts = []
        for name, fd in self._fds.items():
            try:
                raw = files.read_again(fd)
            except OSError:
                continue
            parts.append(blobs.pack(0, name.encode(), raw))
            if name == "meminfo":
                self._available(raw, now_ns)
            elif name == "vmstat":
                self.oom_kill = files.number_after(raw, b"oom_kill ")
        if full or self._slow_ns is None or now_ns - self._slow_ns >= _SLOW_EVERY_NS:
            self._slow_ns = now_ns
            for name in _SLOW:
                slow = files.read_all(f"{self._proc}/{name}")
                if slow is not None:
                    parts.append(blobs.pack(0, name.encode(), slow))
            for name in _SETTINGS:
                setting = files.read(f"{self._proc}/sys/vm/{name}", _SETTING)
                if setting is not None:
                    parts.append(blobs.pack(0, f"sys/vm/{name}".encode(), setting))
        return b"".join(parts)

    def time_left_s(self) -> float:
        """Until nothing is left, if it goes on as now."""
        if self.available_kb is None or self.slope_kb <= 0:
            return float("inf")
        return self.available_kb / self.slope_kb

    def close(self) -> None:
        for fd in self._fds.values():
            os.close(fd)

    def _available(self, meminfo: bytes, now_ns: int) -> None:
        memory = files.number_after(meminfo, b"MemAvailable")
        if memory is None:  # before 3.14
            memory = files.number_after(meminfo, b"MemFree") or 0
        available = memory + (files.number_after(meminfo, b"SwapFree") or 0)
        elapsed_s = (now_ns - self._stamp_ns) / 1e9
        if self.available_kb is not None and elapsed_s > 0:
            self.slope_kb = pace.slope(self.slope_kb, (self.available_kb - available) / elapsed_s, elapsed_s)
        self.available_kb, self._stamp_ns = available, now_ns
