"""Which events are recorded when thousands come in a second. Those of an OOM always are."""

from __future__ import annotations

MOST = 200  # events in a second
_S = 1_000_000_000
_PASSING = ("usage_threshold", "pressure_level", "pressure", "max", "high", "low", "sock_throttled")
_PASSING_NS = _S // 10  # between two recorded events of this kind in one cgroup


class Storms:
    def __init__(self, now_ns: int) -> None:
        self._passed: dict[tuple[str, str], int] = {}  # folder and what -> when it was recorded last
        self._second_ns = now_ns
        self._events = 0  # in this second
        self._dropped = 0
        self.dropped = 0  # in a second that is over, and of which nobody has told yet

    def admit(self, folder: str, what: str, oom: bool, now_ns: int) -> bool:
        if what in _PASSING:
            if now_ns - self._passed.get((folder, what), -_S) < _PASSING_NS:
                return False
            self._passed[folder, what] = now_ns
        if now_ns - self._second_ns >= _S:
            self.dropped += self._dropped
            self._second_ns, self._events, self._dropped = now_ns, 0, 0
        self._events += 1
        if self._events > MOST and not oom:
            self._dropped += 1
            return False
        return True

    def forget(self, now_ns: int) -> None:
        """Cgroups that are gone do not stay here for ever."""
        self._passed = {what: when for what, when in self._passed.items() if when > now_ns - _S}
