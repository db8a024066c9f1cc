"""What stands before each line of a report in a form that nobody has described: told by what the kernel says behind it.

    web1 | 05/01/2026 10:00:00 WARN  Mem-Info:
    web1 | 05/01/2026 10:00:00 INFO  Node 0 DMA free:15360kB min:180kB …

The kernel's sentences are known to the letter, and so where they begin and end. What is before them is taken off wherever it
has the same shape: the same words and signs, any numbers, any level. Sentences of several kinds have to agree on it, and it has
to look like a log's: a web server's log or a mail may quote whatever somebody sent, but does so between its own words and signs.
What a prefix says (its date may be when a console printed the line, or when somebody asked for it) is not known, and not read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from oomforensics.parsers.framings.carrier import Carried, Carrier
from oomforensics.parsers.framings.clock import MONTHS, Clock

AHEAD = 256  # lines that are looked at: a report with few processes is shorter
_MOST_PREFIXES = 8  # of a source: as many hosts
_MOST_TRIES = 16
_LONGEST = 160  # characters of a prefix
_LONGEST_LINE = 1500  # characters: the kernel's are shorter, and a search takes the square of it
_LEAST_LINES, _LEAST_KINDS = 5, 3

_STAMP = r"\[ {0,6}\d{1,7}\.\d{6}\](?:\[ *[TC]\d{1,7}\])? "
_HEAD = " invoked oom-killer: gfp_mask="
# What a report begins with, and what it ends with: some logs run backwards.
_REPORT = re.compile(
    rf"{_HEAD}|Mem-[Ii]nfo:\s*$|memory: usage |Tasks state \(memory values in pages\):|\[ {{1,2}}pid {{1,2}}\] +uid "
    "|oom-kill:constraint=CONSTRAINT_|ut of memory: Kill|oom_reaper: reaped process "
)
# Whole messages, so that no word of others stands before or behind them.
_SENTENCES = (
    r"Call Trace:",
    r"Mem-[Ii]nfo:",
    r"active_anon:\d+ inactive_anon:\d+(?: isolated_anon:\d+)?",
    r"Node \d+ \w+ free:\d+kB .*(?:\d+kB|\? (?:yes|no))",
    r"Node \d+ \w+: \d+\*\d+kB .* = \d+kB",
    r"lowmem_reserve\[\]:(?: \d+)+",
    r"(?:Free|Total) swap {1,2}= \d+kB",
    r"Swap cache stats: add \d+, delete \d+, find \d+/\d+",
    r"memory: usage \d+kB, limit \d+kB, failcnt \d+",
    r"(?:swap|memory\+swap): usage \d+kB, limit \d+kB, failcnt \d+",
    r"Tasks state \(memory values in pages\):",
    r"\[ {1,2}pid {1,2}\] +uid +tgid total_vm [a-z_ ]* name",
    r"\[ *\d{1,7}\](?: +-?\d+){6,12} [^\"'<>]{1,15}",
    r"oom-kill:constraint=CONSTRAINT_[A-Z_]+,nodemask=.*,pid=\d+,uid=\d+",
    r"(?:Out of memory|Memory cgroup out of memory): Kill.*(?:kB|oom_score_adj:-?\d+|or sacrifice child|\)\.?)",
)
_BEGINS = re.compile(rf"(?:{_STAMP})?(?:" + "|".join(f"({sentence})" for sentence in _SENTENCES) + r")\s*\Z")
_LOGS = re.compile(r"[\w \t:.,/|\[\]<>#@+;~$*-]+")  # signs of a log's own
_WORD = re.compile(r"[^\W\d_][\w.-]+")
_MOST_WORDS = 2  # of a prefix, as a host and a program; beside those that tell of time, level or the kernel
_KNOWN = frozenset(MONTHS) | {"kernel", "kern"}
_ANY = {
    "number": r"\d+",
    "level": r"(?i:emerg|alert|crit|err|warn|notice|info|debug)(?i:ency|ical|or|ing|rmational)?",
    "letter": "[A-Z]",  # a level, too
    "blanks": " +",
}
_LEVEL = re.compile(rf"(?<![A-Za-z]){_ANY['level']}(?![A-Za-z])")
_PARTS = re.compile(
    rf"(?P<number>\d+)|(?P<level>{_LEVEL.pattern})|(?<![A-Za-z])(?P<letter>[A-Z])(?![A-Za-z])|(?P<blanks> +)|."
)
_QUOTED = " \t>|"  # other readers take such a prefix off


class Learnt:
    """The prefixes of one source."""

    def __init__(self) -> None:
        self.carrier = Carrier("a prefix of its own", ".", self._read, (), tells=True)
        self._patterns: list[re.Pattern[str]] = []
        self._tries = 0

    def asks(self, line: str) -> bool:
        """Might a report begin on this line, which no framing has, or end, behind a prefix?"""
        found = _REPORT.search(line) if self._tries < _MOST_TRIES else None
        return found is not None and found.start() > 0

    def learns(self, lines: Sequence[str]) -> str | None:
        """The prefix of the first of these lines, as a line of the report that begins there has it. None: nothing shows it."""
        self._tries += 1
        shapes: Counter[str] = Counter()
        kinds: dict[str, set[int]] = {}
        as_written: dict[str, str] = {}
        for number, line in enumerate(lines):
            found = _BEGINS.search(line) if len(line) <= _LONGEST_LINE else None
            if found is None or found.lastindex is None or found.start() > _LONGEST:
                if number and _HEAD in line:
                    break
                continue
            prefix = line[: found.start()]
            shape = _pattern(prefix)
            shapes[shape] += 1
            kinds.setdefault(shape, set()).add(found.lastindex)
            as_written.setdefault(shape, prefix)
            if found.lastindex == len(_SENTENCES) and shapes[shape] >= _LEAST_LINES and re.match(shape, lines[0]):
                break
        fitting = [shape for shape in shapes if re.match(shape, lines[0])]
        if not fitting or any(shapes[shape] >= _LEAST_LINES for shape in shapes.keys() - fitting):
            return None  # or two reports, line by line: which line is whose nobody knows
        shape = max(fitting, key=lambda each: shapes[each])
        prefix = as_written[shape]
        if not prefix:
            self._tries = _MOST_TRIES  # nothing stands before them here
        if shapes[shape] < _LEAST_LINES or len(kinds[shape]) < _LEAST_KINDS:
            return None
        if not _is_of_a_log(prefix) or len(self._patterns) == _MOST_PREFIXES:
            return None
        self._patterns.append(re.compile(shape))
        return prefix

    def _read(self, line: str, clock: Clock) -> Iterator[Carried]:
        for pattern in self._patterns:
            if found := pattern.match(line):
                yield Carried(line[found.end() :])
                return


def _is_of_a_log(prefix: str) -> bool:
    words = {word for word in _WORD.findall(_LEVEL.sub("", prefix.casefold())) if not word[1].isdigit()} - _KNOWN
    return bool(prefix.strip(_QUOTED)) and _LOGS.fullmatch(prefix) is not None and len(words) <= _MOST_WORDS


def _pattern(prefix: str) -> str:
    """What matches every prefix of the same shape. Blanks at its end are counted: a message may begin with more."""
    body = prefix.rstrip(" ")
    return _PARTS.sub(lambda part: _ANY.get(part.lastgroup or "", re.escape(part[0])), body) + prefix[len(body) :]
