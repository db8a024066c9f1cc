"""What the recorder is asked to do, as it is handed from the command line of one process to that of the other."""

from __future__ import annotations


class Options:
    __slots__ = ("duration_s", "interval_s", "kind", "kmsg", "max_size", "name", "spool", "then_s", "until_oom")

    def __init__(
        self,
        spool: str,
        kind: str = "system",
        name: str = "",
        interval_s: float = 1.0,
        duration_s: float | None = None,
        until_oom: bool = False,
        then_s: float = 5.0,
        max_size: int | None = None,
        kmsg: str = "/dev/kmsg",
    ) -> None:
        self.spool = spool
        self.kind = kind  # system, cgroup, unit, container or pid
        self.name = name
        self.interval_s = interval_s
        self.duration_s = duration_s
        self.until_oom = until_oom
        self.then_s = then_s
        self.max_size = max_size
        self.kmsg = kmsg

    def argv(self) -> list[str]:
        """For `from_argv` of the recorder's own process."""
        return [
            self.spool,
            self.kind,
            self.name,
            repr(self.interval_s),
            "" if self.duration_s is None else repr(self.duration_s),
            "1" if self.until_oom else "",
            repr(self.then_s),
            "" if self.max_size is None else str(self.max_size),
        ]


def from_argv(argv: list[str]) -> Options:
    """Raises ValueError."""
    spool, kind, name, interval, duration, until_oom, then, max_size = argv
    return Options(
        spool,
        kind,
        name,
        float(interval),
        float(duration) if duration else None,
        bool(until_oom),
        float(then),
        int(max_size) if max_size else None,
    )
