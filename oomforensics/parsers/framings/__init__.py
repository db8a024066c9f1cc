"""Bytes to records: takes the framing off each line, whichever it is, in files where they are mixed.

    records(lines, context, problems)

A new source is one file here that makes a `Framing`, and one entry in FRAMINGS. The journal's export form is not lines
and has its own reader, `journal_export.records`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, cast, overload

from oomforensics.parsers.framings import (
    cri,
    dated,
    dmesg,
    dmesg_iso,
    dmesg_relative,
    dmesg_wallclock,
    journal_full,
    journal_json,
    journal_monotonic,
    journal_unix,
    kmsg,
    logcat,
    priority,
    syslog,
    syslog_5424,
    syslog_iso,
    tag,
    talos,
    vmware,
)
from oomforensics.parsers.framings.base import Context, Framing, Header
from oomforensics.parsers.framings.carrier import CARRIERS, Carried, Carrier
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.framings.learnt import AHEAD, Learnt
from oomforensics.parsers.framings.rewrites import Rewrite, asked_for
from oomforensics.parsers.framings.stamp import STAMP, uptime
from oomforensics.parsers.framings.unwrap import Unwrapper
from oomforensics.parsers.records import PAUSE, PAUSED_LINE, Problem, Record
from oomforensics.parsers.runs import Rows, Run
from oomforensics.parsers.text import visible

# In the order they are tried. `journalctl short-monotonic` comes first when the head of the source speaks for it.
FRAMINGS: tuple[Framing, ...] = (
    dmesg.FRAMING,
    syslog.FRAMING,
    vmware.FRAMING,
    cri.FRAMING,
    syslog_iso.FRAMING,
    journal_json.FRAMING,
    dmesg_wallclock.FRAMING,
    dmesg_relative.FRAMING,
    kmsg.FRAMING,
    syslog_5424.FRAMING,
    journal_full.FRAMING,
    dmesg_iso.FRAMING,
    journal_unix.FRAMING,
    logcat.FRAMING,
    tag.FRAMING,
    talos.FRAMING,
    priority.FRAMING,
)
BARE = "text"  # the name of having no framing

HEAD_LINES = 64  # that decide what no single line can tell
MAX_TEXT = 64 * 1024  # of a record put together from several lines
_TOLD_PREFIXES = 8
_MIN_MARGIN = 12  # no header whose message can run over several lines is shorter

_ESCAPE = 0x1B  # a single byte is found faster than bytes of length one
_CSI = re.compile(rb"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_QUOTES = " \t>|"
_QUOTE = re.compile(rf"[{_QUOTES}]+")
# A console that was too slow (kernel/printk/printk.c): up to 4.9 the next message stands on the same line.
_DROPPED = re.compile(r"(?P<quote>[ \t>|]*)\*\* \d{1,19} printk messages dropped \*\* ")
# Of a log that was copied from the middle of its first stamp on; what time it was, half a number does not tell.
_HALF_STAMP = re.compile(r"\A\d{0,12}\.\d{6}\] ?(?=\S)")
_MAIL_QUOTE = re.compile(r"(?:> ?)+")
_HARD_BLANK = "\xa0"  # mail programs and web pages write every second blank so
_MANY = 3  # lines of the head that have one: it is no process's name then
_MANY_IN_LINE = 8  # as many have no room in a process's name


def records(lines: Iterable[tuple[int, bytes]], context: Context, problems: list[Problem]) -> Iterator[Record]:
    """One record a message, in the order of the lines."""
    return Reader(context, problems).records(lines)


class Reader:
    """Reads one source. What it has seen so far says where to look first in the next line."""

    def __init__(self, context: Context, problems: list[Problem]) -> None:
        self.seen: Counter[str] = Counter()  # records by framing
        self._clock = Clock(context, problems)
        self._host = context.host
        self._order = FRAMINGS
        self._by_first: dict[str, tuple[Framing, ...]] = {}  # what a line may be in, by its first character
        self._framing: Framing | None = None  # of the last framed line
        self._fixed: tuple[str, Header] | None = None  # the last header that may stand again, as it was
        self._quote = ""  # what stands before each line of a quoted log
        self._unquoted = False  # a syslog line was seen that is not quoted
        self._bare_quote = ""
        self._hard_blanks = False
        self._rewrites: list[Rewrite] = []
        self._is_dated = False  # nothing but dates stand before what the kernel said
        self._unwrapper = Unwrapper()
        self._carrier: Carrier | None = None  # that the lines of this source stand in
        self._learnt = Learnt()
        self._asks = False  # the last line may begin a report behind a prefix that nobody knows
        self._margin: str | None = None  # what a line that continues the last record begins with
        self._last: Record | None = None  # which the next line may continue
        self._line = ""  # the last one of it, as it stands
        self._number = 0  # of the last line
        self._behind: bytes | None = None  # what stands on that line behind the record that was made of it

    @overload
    def records(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[Record]: ...
    @overload
    def records(self, lines: Iterable[tuple[int, bytes | Run]]) -> Iterator[Record | Rows]: ...
    def records(self, lines: Iterable[tuple[int, bytes | Run]]) -> Iterator[Record | Rows]:
        source = iter(lines)
        head: list[tuple[int, bytes]] = []
        for numbered in islice(source, HEAD_LINES):
            head += numbered[1].lines() if isinstance(numbered[1], Run) else (cast(tuple[int, bytes], numbered),)
            if numbered is PAUSED_LINE:
                break
        self._look_at([numbered for numbered in head[:HEAD_LINES] if numbered is not PAUSED_LINE])
        found: Iterator[tuple[int, Any]] = chain(head, source)
        for rewrite in self._rewrites:
            found = rewrite.of(found)
        yield from self._read(found)
        yield from self._begun()

    def _read(self, found: Iterator[tuple[int, Any]]) -> Iterator[Record | Rows]:
        for numbered in found:
            if numbered is PAUSED_LINE:
                yield from self._begun()
                yield PAUSE
                continue
            run = numbered[1]
            if isinstance(run, Run):
                last = self._last
                if last is not None and self._share_header(run, last):
                    yield last
                    yield Rows(run, last)
                    self._last = None
                    self._number = run.line + run.count - 1
                    continue
            plain: Iterable[tuple[int, Any]] = run.lines() if isinstance(run, Run) else (numbered,)
            for number, raw in plain:
                record = self._next(number, raw)
                if record is not None:
                    yield record
                if self._behind is not None:
                    raw, self._behind = self._behind, None
                    record = self._next(number, raw)
                    if record is not None:
                        yield record
            if self._asks:
                self._asks = False
                ahead = list(_ahead(found))
                self._learn(ahead)
                yield from self._read(chain(ahead, found))
                return

    def _begun(self) -> Iterator[Record]:
        """The last record, which nothing continues."""
        if self._last is not None:
            yield self._last
            self._last = None

    def _next(self, number: int, raw: bytes) -> Record | None:
        """The last record, if this line does not go on with it but begins another."""
        line = _decode(raw)
        if self._hard_blanks:
            line = line.replace(_HARD_BLANK, " ")
        last = self._last
        follows = number == self._number + 1  # lines between may not have been read
        self._number = number
        if follows and last is not None and self._goes_on(last, line):
            return None
        record = self._record(number, line)
        if record is None:
            return None
        if follows and last is not None and _is_bare(record) and self._is_rest(last, record):
            self._line = line
            return None
        if record.text.endswith(" name"):
            self._unwrapper.whole(record.text)
        self._line, self._last = line, record
        return last

    def _learn(self, ahead: list[tuple[int, Any]]) -> None:
        """Whether the last line and those ahead of it stand behind a prefix; then that line is read again."""
        plain = (line.lines() if isinstance(line, Run) else ((number, line),) for number, line in ahead)
        lines = [self._line, *(_decode(raw) for each in plain for _, raw in each)]
        prefix = self._learnt.learns(lines, self._bare_quote)
        if self._learnt.is_full:
            self._clock.tell("too many prefixes stand before what may be reports: no more of them are told apart")
        if prefix is None:
            return
        if len(self._learnt) <= _TOLD_PREFIXES:
            self._clock.tell(
                f"lines stand behind {prefix!r}: told by what the kernel says behind it, and not read for times or hosts"
            )
        self._carrier = self._learnt.carrier
        self._last = self._carried(self._number, self._line)

    def _goes_on(self, last: Record, line: str) -> bool:
        """Whether the line is one of a message of several lines; then the last record has it."""
        margin = self._margin
        if (
            margin is None
            or not line.startswith(margin)
            or len(last.text) >= MAX_TEXT
            or self._unwrapper.is_cut(self._line)
        ):
            return False
        last.text = f"{last.text}\n{line[len(margin) :]}"
        return True

    def _is_rest(self, last: Record, record: Record) -> bool:
        """Whether this bare line was broken off the last record's; then that is whole again."""
        if _is_bare(last) or last.from_kernel is False:
            return False
        rest = kmsg.unescape(record.text) if last.seq is not None and "\\" in record.text else record.text
        whole = self._unwrapper.joined(last.text, self._line, rest)
        if whole is not None:
            last.text = whole
        return whole is not None

    def _look_at(self, head: list[tuple[int, bytes]]) -> None:
        self._rewrites, head = asked_for(head)
        texts = [_decode(raw) for _, raw in head]
        hard = [text for text in texts if _HARD_BLANK in text]
        self._hard_blanks = len(hard) >= _MANY or any(text.count(_HARD_BLANK) >= _MANY_IN_LINE for text in hard)
        if self._hard_blanks:
            texts = [text.replace(_HARD_BLANK, " ") for text in texts]
        if journal_monotonic.host_of(texts) is not None:
            self._order = (
                journal_monotonic.FRAMING,
                *(each for each in FRAMINGS if each is not dmesg.FRAMING),
            )
        if tag.has_hosts(texts):
            self._order = (*self._order, tag.WITH_HOST)
        self._is_dated = dated.looks_like_it(texts)
        self._unwrapper.measure(texts)
        said = [text for text in texts if text.strip()]
        if said:
            self._bare_quote = _shared_quote(min(said), max(said))  # what these share, all lines between share

    def _record(self, number: int, line: str) -> Record | None:
        """The record that begins on this line; None for a line that holds no message."""
        quote = self._quote
        if self._framing is dmesg.FRAMING and not quote and (plain := dmesg.PLAIN.match(line)):
            return self._plain(number, line, plain)
        fixed = self._fixed
        if fixed is not None and not quote and fixed[1].stamped and line.startswith(fixed[0]):
            if stamp := dmesg.PLAIN.match(line, fixed[1].end):
                return self._stamped(number, line, fixed[1], stamp)
        if self._is_dated and (behind := dated.read(number, line, self._clock, self._host)) is not None:
            self.seen[dated.NAME] += 1
            return behind
        text = line[len(quote) :] if quote and line.startswith(quote) else line
        header = self._header(text)
        if header is None and line[:1] in _QUOTES and not self._unquoted and (match := _QUOTE.match(line)):
            text = line[match.end() :]
            header = self._header(text)
            if header is not None:
                self._quote = match[0]
        if header is not None:
            return self._make(number, text, header)
        if self._framing is kmsg.FRAMING and kmsg.DICTIONARY.match(line):
            return None
        if "printk messages dropped" in line and (dropped := _DROPPED.match(line)):
            self._behind = (dropped["quote"] + line[dropped.end() :]).encode()
        if (carried := self._carried(number, line)) is not None:
            return carried
        self._margin = None
        if self._learnt.asks(line) and (self._carrier is self._learnt.carrier or not self.seen.keys() - {BARE}):
            self._asks = True
        self.seen[BARE] += 1
        text = line.removeprefix(self._bare_quote)
        if self._framing is None:  # the log is yet to begin
            text = _HALF_STAMP.sub("", text)
        if text[:1] == ">":  # of a mail whose other lines are not quoted; nothing that the kernel says begins so
            text = _MAIL_QUOTE.sub("", text, count=1)
        return Record(number, text, host=self._host)

    def _share_header(self, run: Run, last: Record) -> bool:
        """Whether they stand behind the header of the last record, whose line is the one before; then they are counted."""
        framing, fixed = self._framing, self._fixed
        if self._quote or framing is None or last.line != run.line - 1 or last.seq is not None:
            return False
        bare = framing is dmesg.FRAMING and not run.header
        if not bare and (fixed is None or not fixed[1].stamped or fixed[0] != run.header):
            return False
        self.seen[framing.name] += run.count
        return True

    def _plain(self, number: int, line: str, stamp: re.Match[str]) -> Record:
        """The short way for the bulk of a kernel's log: what `_header` and `_make` give for a bare stamp."""
        self.seen[dmesg.FRAMING.name] += 1
        end = stamp.end()
        self._margin = " " * end if end >= _MIN_MARGIN else None
        return Record(number, line[end:], int(stamp[1] + stamp[2]), host=self._host)

    def _stamped(self, number: int, line: str, header: Header, stamp: re.Match[str]) -> Record:
        """The short way for the bulk of a syslog's report: what `_make` gives for a bare stamp behind the last header."""
        assert self._framing is not None
        self.seen[self._framing.name] += 1
        end = stamp.end()
        self._margin = " " * end if end >= _MIN_MARGIN else None
        text = line[end:]
        if header.escapes:
            self._unquoted = True
            text = _unescaped(text)
        return Record(
            number, text, int(stamp[1] + stamp[2]), header.wall_us, header.wall_source, self._host or header.host,
            header.boot_id, header.from_kernel, header.level, None, header.seq, header.continued, header.program,
            header.wall_local,
        )  # fmt: skip

    def _carried(self, number: int, line: str) -> Record | None:
        """The record inside what a tool put around it; None in a source that has lines in the open."""
        if self._carrier is None and self.seen.keys() - {BARE}:
            return None
        for carrier in CARRIERS if self._carrier is None else (self._carrier,):
            if re.match(carrier.begins, line):
                unframed: Carried | None = None
                for carried in carrier.read(line, self._clock):
                    header = self._header(carried.text)
                    if header is not None or carrier.tells:
                        self._carrier = carrier
                        return self._unpacked(number, carried, header)
                    unframed = unframed or carried
                if unframed is not None and self._carrier is carrier:
                    return self._unpacked(number, unframed, None)
        return None

    def _unpacked(self, number: int, carried: Carried, header: Header | None) -> Record:
        assert self._carrier is not None
        unquoted = self._unquoted
        if header is not None and self._framing is not None:
            record = self._make(number, carried.text, header)
            self.seen[self._framing.name] -= 1
            self.seen[f"{self._framing.name} in {self._carrier.name}"] += 1
        else:
            record = Record(number, carried.text, host=self._host)
            self.seen[f"{BARE} in {self._carrier.name}"] += 1
        self._margin, self._unquoted = None, unquoted
        record.stream = carried.stream
        said = carried.said
        if said is not None:
            record.host = record.host or said.host
            if record.wall_us is None:
                record.wall_us, record.wall_source = said.wall_us, said.wall_source
            if said.from_kernel is False or record.from_kernel is None:
                record.from_kernel, record.program = said.from_kernel, said.program
        return record

    def _header(self, line: str) -> Header | None:
        fixed = self._fixed
        if fixed is not None and line.startswith(fixed[0]):
            return fixed[1]
        first = line[:1]
        order = self._by_first.get(first)
        if order is None:
            order = tuple(each for each in self._order if re.match(each.begins, first))
            if first.isascii():
                self._by_first[first] = order
        last = self._framing
        if last is not None and last in order and (header := last.read(line, self._clock)) is not None:
            if header.fixed:
                self._fixed = (line[: header.end], header)
            return header
        for framing in order:
            if framing is not last and (header := framing.read(line, self._clock)) is not None:
                self._framing = framing
                self._fixed = (line[: header.end], header) if header.fixed else None
                return header
        return None

    def _make(self, number: int, line: str, header: Header) -> Record:
        framing = self._framing
        assert framing is not None
        self.seen[framing.name] += 1
        end = header.end
        up, caller = header.uptime_us, header.caller
        if header.stamped and (match := STAMP.match(line, end)):
            end = match.end()
            up, caller = uptime(match), match[3]
        text = header.text
        if text is None:
            text = line[end:]
            self._margin = self._quote + " " * end if end >= _MIN_MARGIN else None
            if header.escapes:
                if not self._quote:
                    self._unquoted = True
                text = _unescaped(text)
        else:
            self._margin = None
        return Record(
            number,
            text,
            up,
            header.wall_us,
            header.wall_source,
            self._host or header.host,
            header.boot_id,
            header.from_kernel,
            header.level,
            caller,
            header.seq,
            header.continued,
            header.program,
            header.wall_local,
        )


def _ahead(found: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """The next lines, up to a pause: what comes after it may take its time."""
    for numbered in islice(found, AHEAD):
        yield numbered
        if numbered is PAUSED_LINE:
            return


def _unescaped(text: str) -> str:
    """What rsyslog writes for a newline and a tab, and what daemons write that hand on /dev/kmsg as it is."""
    if "#01" in text:
        text = text.replace("#012", "\n").replace("#011", "\t")
    if "\\x0" in text:
        text = text.replace("\\x0a", "\n").replace("\\x09", "\t")
    return text


def _is_bare(record: Record) -> bool:
    """It had no header that says whose it is."""
    return record.uptime_us is None and record.from_kernel is None and record.wall_us is None


def _shared_quote(one: str, other: str) -> str:
    quote = _QUOTE.match(one)
    length = quote.end() if quote else 0
    while not other.startswith(one[:length]):
        length -= 1
    return one[:length]


def _decode(raw: bytes) -> str:
    if _ESCAPE in raw:
        raw = _CSI.sub(b"", raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return visible(raw)
