"""What stands before each line of a report in a form that nobody has described: told by what the kernel says behind it.

    web1 | 05/01/2026 10:00:00 kern.warn kernel: Mem-Info:
    web1 | 05/01/2026 10:00:00 kern.info kernel: Node 0 DMA free:15360kB min:180kB …

The kernel's sentences are known to the letter, and so where they begin and end. What is before them is taken off wherever it
has the same shape: the same words and signs, other times, counters and levels. Sentences of several kinds have to agree on it,
and it has to look like a machine's: a program's log may quote whatever somebody sent, but has its name, its pid or its date
before it. What a prefix says (its date may be when a console printed the line, or when somebody asked for it) is not read; lines
of one prefix are kept apart from those of another, for they may be two machines'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from oomforensics.parsers.framings.carrier import Carried, Carrier
from oomforensics.parsers.framings.clock import MONTHS, Clock
from oomforensics.parsers.framings.stamp import LEVELS

AHEAD = 256  # lines that are looked at: a report with few processes is shorter
MOST_PREFIXES = 32  # of a source: as many hosts
_MOST_TRIES = 64
_LONGEST = 160  # characters of a prefix
_LONGEST_LINE = 4096  # characters: the kernel's have some 1,000
_MOST_BEGINNINGS = 4  # of a line, that are tried
_LEAST_LINES, _LEAST_KINDS = 5, 3

# What a report begins with, and what it ends with: some logs run backwards.
_REPORT = re.compile(
    r" invoked oom-killer: gfp_mask=|Mem-[Ii]nfo:\s*$|memory: usage |Tasks state \(memory values in pages\):"
    r"|\[ {1,2}pid {1,2}\] +uid |oom-kill:constraint=CONSTRAINT_|ut of memory: Kill|oom_reaper: reaped process "
)
_BEGINS = re.compile(
    r"\[ {0,6}\d|\[ {1,2}pid|Call Trace:|Mem-[Ii]nfo:|active_anon:|Node \d|lowmem_reserve|(?:Free|Total) swap|Swap cache stats"
    r"|(?:memory(?:\+swap)?|swap): usage|Tasks state|oom-kill:|(?:Out of memory|Memory cgroup out of memory): Kill"
)
_STAMP = r"\[ {0,6}\d{1,7}\.\d{6}\](?:\[ {0,6}[TC]\d{1,7}\])? "
# Whole messages, so that no word of others stands behind them. What may be long is possessive: a search takes no square of it.
_SENTENCES = (
    r"Call Trace:",
    r"Mem-[Ii]nfo:",
    r"active_anon:\d+ inactive_anon:\d+(?: isolated_anon:\d+)?",
    r"Node \d+ \w+ free:\d+kB .*+(?<=kB|es|no)",
    r"Node \d+ \w+: \d+\*\d+kB .*+(?<=kB)",
    r"lowmem_reserve\[\]:(?: \d+)++",
    r"(?:Free|Total) swap {1,2}= \d+kB",
    r"Swap cache stats: add \d+, delete \d+, find \d+/\d+",
    r"memory: usage \d+kB, limit \d+kB, failcnt \d+",
    r"(?:swap|memory\+swap): usage \d+kB, limit \d+kB, failcnt \d+",
    r"Tasks state \(memory values in pages\):",
    r"\[ {1,2}pid {1,2}\] ++uid ++tgid ++total_vm [a-z_ ]{0,100} name",
    r"\[ {0,6}\d{1,7}\](?: {1,20}-?\d{1,20}){6,12} [^\"'<>]{1,15}",
    r"oom-kill:constraint=CONSTRAINT_[A-Z_]++,nodemask=.*+(?<=\d)",
    r"(?:Out of memory|Memory cgroup out of memory): Kill.*+(?<=[\dBd).])",
)
_SENTENCE = re.compile(rf"(?P<stamp>{_STAMP})?(?:" + "|".join(f"({each})" for each in _SENTENCES) + r")\Z")

_LEVEL = r"(?i:emerg|alert|crit|err|warn|notice|info|debug)(?i:ency|ical|or|ing|rmational)?"
_PARTS = re.compile(
    r"(?P<address>(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]))"
    r"|(?P<time>(?<![^\W_])\d{1,9}(?:[-/:.,T]\d{1,9})+)"
    rf"|(?<![A-Za-z])(?P<level>{_LEVEL})(?![A-Za-z])|(?<!\w)(?P<letter>[A-Z])(?!\w)"
    r"|(?P<word>[^\W\d_][\w-]*)|(?P<number> *\d+)|(?P<blanks> +)|."
)
# Possessive: numbers that stand side by side are told apart in one way only.
_ANY = {"level": _LEVEL, "letter": "[A-Z]", "blanks": " ++", "number": r"( *+\d++)"}
_LONG_NUMBER = 9  # digits: seconds since 1970
_PADDED = re.compile(rf"(?<![A-Za-z]){_LEVEL} +\Z")

_SIGNS = re.compile(r"[\w \t:.,/|\[\]<>#@+;~$*-]+")  # of a log's own
_OF_A_PROGRAM = re.compile(r"\S\[\d+\]:|\bstd(?:out|err) [FP] |< ?[^\W\d_]|^\s+[^\s\d]|(?:^|\s):\s*\Z")
_TAG = re.compile(r"\s(\w[\w.-]+):\s*\Z")
_TIME = re.compile(r"\d[-/:]\d|\d{9}")
_KERNEL = re.compile(r"\bkern(?:el)?\b")
_NO_NAMES = frozenset(MONTHS) | frozenset(LEVELS) | {"kernel", "kern"}
_WORD = re.compile(r"[^\W\d_][\w.-]+")
_MOST_WORDS = 2  # as a host and a program


@dataclass(slots=True)
class _Seen:
    """Lines of one shape."""

    prefixes: list[str] = field(default_factory=list)
    kinds: set[int] = field(default_factory=set)
    stamped: bool = True


class Learnt:
    """The prefixes of one source."""

    def __init__(self) -> None:
        self.carrier = Carrier("a prefix of its own", r"[\s\S]", self._read, (), tells=True)
        self._patterns: list[re.Pattern[str]] = []
        self._tries = 0
        self._is_bare = False  # nothing stands before the kernel's words here

    def __len__(self) -> int:
        return len(self._patterns)

    @property
    def is_full(self) -> bool:
        """No more prefixes are looked for."""
        return self._tries >= _MOST_TRIES or len(self._patterns) >= MOST_PREFIXES

    def asks(self, line: str) -> bool:
        """Might a report begin on this line, which no framing has, or end, behind a prefix?"""
        found = None if self._is_bare or self._tries >= _MOST_TRIES else _REPORT.search(line)
        return found is not None and found.start() > 0

    def learns(self, lines: Sequence[str], quote: str = "") -> str | None:
        """The prefix of the first of these lines, as a line of the report that begins there has it. None: nothing shows it.

        `quote` stands before every line of the source, and is taken off already.
        """
        self._tries += 1
        seen: dict[str, _Seen] = {}
        for line in lines:
            found = _sentence(line)
            if found is None:
                continue
            prefix = line[: found.start()]
            here = seen.setdefault(_shape(prefix), _Seen())
            here.prefixes.append(prefix)
            here.kinds.add(found.lastindex or 0)
            here.stamped &= found["stamp"] is not None
        fitting = [shape for shape in seen if re.match(shape, lines[0])]
        if not fitting:
            return None
        shape = max(fitting, key=lambda each: len(seen[each].prefixes))
        here = seen[shape]
        prefix = here.prefixes[0]
        if prefix in ("", quote):
            self._is_bare = True
            return None
        if len(here.prefixes) < _LEAST_LINES or len(here.kinds) < _LEAST_KINDS or len(self._patterns) >= MOST_PREFIXES:
            return None
        pattern = _pattern(shape, here.prefixes) if _is_a_machines(prefix, here.stamped) else None
        if pattern is None:
            return None
        self._patterns.append(pattern)
        return prefix

    def _read(self, line: str, clock: Clock) -> Iterator[Carried]:
        for number, pattern in enumerate(self._patterns, start=1):
            if found := pattern.match(line):
                yield Carried(line[found.end() :], stream=number)
                return


def _sentence(line: str) -> re.Match[str] | None:
    """The sentence of the kernel that the line ends in."""
    if len(line) > _LONGEST_LINE:
        return None
    line = line.rstrip()
    for begin in islice(_BEGINS.finditer(line, 0, _LONGEST), _MOST_BEGINNINGS):
        if found := _SENTENCE.match(line, begin.start()):
            return found
    return None


def _is_a_machines(prefix: str, stamped: bool) -> bool:
    """Whether a prefix may stand before the kernel's own words, and not before those that a program repeats."""
    if not prefix.strip():
        return True  # an indented block
    if _SIGNS.fullmatch(prefix) is None or _OF_A_PROGRAM.search(prefix):
        return False
    tag = _TAG.search(prefix)
    if tag and tag[1].casefold() not in _NO_NAMES and not tag[1][-1].isdigit():
        return False
    if not _KERNEL.search(prefix) and ("\t" in prefix or (_TIME.search(prefix) and not stamped)):
        return False
    words = set(_WORD.findall(re.sub(_LEVEL, "", prefix).casefold()))
    return len({word for word in words if not word[1].isdigit()} - _NO_NAMES) <= _MOST_WORDS


def _shape(prefix: str) -> str:
    """What matches every prefix of the same shape; each number that is no part of a word or a time is a group."""
    return "".join(_any(part) for part in _PARTS.finditer(prefix))


def _any(part: re.Match[str]) -> str:
    if part.lastgroup == "time":
        return re.sub(r"\d+", r"\\d++", re.escape(part[0]))
    return _ANY.get(part.lastgroup or "", re.escape(part[0]))


def _pattern(shape: str, prefixes: Sequence[str]) -> re.Pattern[str] | None:
    """The shape, with its numbers that are the same on every line. None: one is neither that nor a counter, but a machine's."""
    columns = zip(*(re.fullmatch(shape, prefix).groups() for prefix in prefixes), strict=True)  # type: ignore[union-attr]
    for values in columns:
        number = r" *+\d++"
        if len(set(values)) == 1 and len(values[0].strip()) < _LONG_NUMBER:
            number = re.escape(values[0])
        elif len(set(values)) < len(values) and min(len(value.strip()) for value in values) < _LONG_NUMBER:
            return None
        shape = shape.replace(_ANY["number"], number, 1)
    first = prefixes[0]
    blanks = len(first) - len(first.rstrip(" "))
    if shape.endswith(_ANY["blanks"]):  # counted: a message may begin with more; but a level may be padded to a width
        shape = shape.removesuffix(_ANY["blanks"])
        padded = _PADDED.search(first)
        if padded is None:
            return re.compile(shape + " " * blanks)
        shape = shape.removesuffix(_LEVEL)
        shape += rf"(?:(?={_LEVEL} )[A-Za-z ]{{{len(padded[0])}}}(?<= )|{_LEVEL} )"
    return re.compile(shape)
