"""Losses that nobody announces: gaps in the kernel's sequence numbers, and a log whose beginning is gone.

Both are said of the source alone: somebody may have left the lines out on purpose, and they are not there all the same.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from oomforensics.parsers.loss_notices import PREFIX
from oomforensics.parsers.records import Record
from oomforensics.parsers.witness import Event, Says

GAP = f"{PREFIX}kmsg"
HEAD = f"{PREFIX}head"
MAX_GAPS = 1000  # of one source
_SERIES = 64  # ends of earlier series that are remembered
_BOOTED_US = 10_000_000  # a kernel says its version long before
_HEAD_LINES = 64  # before the first stamp: a mail's header, a command line
# What stands between the first line of a report and its kill; a kill line may be all that was printed.
_INSIDE = re.compile(
    r"\[ *\d+\] +\d+ +\d+ +\d+ +\d+ |\[ *pid *\] |Mem-Info:|active_anon:|Node \d+ |lowmem_reserve\[\]:|Tasks state \(|oom-kill:"
    r"|\d+ (?:total pagecache )?pages |(?:memory|memory\+swap|swap|kmem): usage \d+kB|(?:Free|Total) swap +=|Swap cache stats:"
    r"|Memory cgroup stats for ", re.ASCII
)  # fmt: skip


class LossSigns:
    """Sees every record of one source, in their order."""

    def __init__(self, source: str, jumps: Iterable[int] = ()) -> None:
        self._source = source
        self._jumps = jumps  # numbers of lines before which lines were not read; grows while the source is read
        self._last: Record | None = None
        self._ended: deque[tuple[str | None, int]] = deque(maxlen=_SERIES)
        self._mixed = False
        self._gaps: list[Event] = []
        self._head: Event | None = None
        self.looks_for_head = True
        self.dropped = 0

    def see(self, record: Record) -> None:
        if self.looks_for_head:
            self._begin(record)
        if record.seq is not None:
            self._numbered(record, record.seq)

    def events(self) -> list[Event]:
        """What is sure once all was seen."""
        head = [] if self._head is None else [self._head]
        return head if self._mixed else head + self._gaps

    def _begin(self, record: Record) -> None:
        if record.uptime_us is None:
            self.looks_for_head = record.line <= _HEAD_LINES and not record.text.startswith("Linux version ")
            return
        self.looks_for_head = False
        # A syslog's file begins anywhere in a boot; the ring buffer, and a console, with the boot.
        cut = record.wall_us is None and record.boot_id is None and all(line > record.line for line in self._jumps)
        if cut and record.uptime_us > _BOOTED_US and _INSIDE.match(record.text):
            text = f"the log begins inside a report, {record.uptime_us // 1_000_000} s after boot"
            self._head = self._event(HEAD, record, text)

    def _numbered(self, record: Record, seq: int) -> None:
        last, self._last = self._last, record
        if last is None or last.seq is None or self._mixed:
            return
        if seq < last.seq or record.host != last.host:  # the next boot, or the log from its beginning again
            self._ended.append((last.host, last.seq))
            return
        if seq - last.seq <= 1 or any(last.line < line <= record.line for line in self._jumps):
            return
        if any(host == record.host and seq == end + 1 for host, end in self._ended):
            self._mixed = True  # several machines write into this log: what is missing cannot be told
            self._gaps.clear()
            return
        if len(self._gaps) == MAX_GAPS:
            self.dropped += 1
            return
        missing = seq - last.seq - 1
        what = f"record {seq - 1} of" if missing == 1 else f"records {last.seq + 1} to {seq - 1} of"
        gap = self._event(GAP, record, f"{what} the kernel's log {'is' if missing == 1 else 'are'} not here")
        gap.detail.update(count=missing, after_seq=last.seq, before_seq=seq)
        self._gaps.append(gap)

    def _event(self, kind: str, record: Record, text: str) -> Event:
        return Event(
            kind, Says.WARNING, None, self._source, record.line, text, None, record.host, record.boot_id, record.uptime_us,
            record.wall_us, record.wall_source,
        )  # fmt: skip
