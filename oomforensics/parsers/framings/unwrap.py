"""Lines of a report that a mail program or a terminal broke in two: which bare line is the rest of the one before.

    [   31.648691] [  pid  ]   uid  tgid total_vm      rss pgtables_bytes
    swapents oom_score_adj name
    [   31.657367] [    183]     0   183     7370     1082    36864
    0         -1000 systemd-journal

Only where the line before is one of the kernel's that is known to go on, and only by what may go on in it: half a row
tells nothing, and a row put together wrongly would tell something false.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_NARROWEST = 60  # columns of a terminal
_BREAKS_SHOWN = 2  # lines that are broken, all of them at one width, and no line is longer


@dataclass(frozen=True, slots=True)
class Broken:
    """`begins`: a line of this kind; `ends`: it is whole; `rest`: what the line after it must look like to go on."""

    begins: re.Pattern[str]
    ends: re.Pattern[str]
    rest: re.Pattern[str]
    sample: tuple[str, str]  # a test
    glue: str = " "


def _rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


_SIZES = "(?:total-vm|vsz):"  # of a kill: nothing but more of them follows
_PAIRS = (
    r"(?:[a-z_]+(?:\([a-z_]+\))?: ?-?\d+[kK]?B?\??(?: |\n ?|$)|all_unreclaimable\?(?: (?:yes|no))?(?: |$)|(?:yes|no)$)+"
)
BROKEN: tuple[Broken, ...] = (
    Broken(
        _rx(r"\[ *pid *\] .*"), _rx(r".* name"), _rx(r"[a-z_ ]+"),
        ("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes", "swapents oom_score_adj name"),
    ),
    Broken(
        _rx(r".{1,60} invoked oom-killer:.*"), _rx(r".*\boom(?:_score)?_adj=-?\d+"),
        _rx(r"gfp_mask=.*|[A-Z_|]*\),? ?(?:nodemask=.*|order=.*)?|(?:nodemask|order|oom_adj|oom_score_adj)=.*"),
        ("cc1plus invoked oom-killer:", "gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_ZERO), order=0,"),
    ),
    Broken(
        _rx(r".{1,60} invoked"), _rx(r"$^"), _rx(r"oom-killer: gfp_mask=.*"),
        ("vim invoked", "oom-killer: gfp_mask=0x280da, order=0, oom_adj=0"),
    ),
    Broken(
        _rx(r"CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm:|Pid: \d+, comm:"), _rx(r"$^"), _rx(r".{1,15} (?:Not tainted|Tainted:).*"),
        ("Pid: 27080, comm:", "vim Not tainted 2.6.35.4 #1"),
    ),
    Broken(
        _rx(r"CPU: \d+ (?:UID: \d+ )?PID: .*|Pid: \d+, comm: .*"), _rx(r".* #\S+.*"),
        _rx(r"(?:[Tt]ainted:? .*|\d+\.\d+\S* #?.*|#\d+.*|[A-Z ]+ \d+\.\d+\S* #.*)"),
        ("CPU: 0 PID: 33609 Comm: cc1plus Kdump: loaded Not", "tainted 6.9.0-rc3+ #49"),
    ),
    Broken(
        _rx(r"oom-kill:constraint=.*"), _rx(r".*,uid=-?\d+"),
        _rx(r"(?!Out of memory|Memory cgroup out|Killed process|oom_reaper)\S.*"),
        ("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mem",
         "s_allowed=0,oom_memcg=/box,task=hog,pid=140,uid=0"),
        glue="",
    ),
    Broken(
        _rx(r"(?:Memory cgroup out|Out)(?: of(?: memory(?: \(.*\))?:?)?)?(?: Kill(?:ed)?(?: process)?)?"
            r"|Memory(?: cgroup)?|Kill(?:ed)?(?: process)?"), _rx(r"$^"),
        _rx(r"(?:cgroup )?(?:out )?(?:of )?(?:memory(?: \(.*\))?: ?)?(?:Kill(?:ed)? )?(?:process ?)?(?:\d.*)?"),
        ("Memory cgroup out of memory: Killed", "process 116849 (alloc_anon) total-vm:12236kB,"),
    ),
    Broken(
        _rx(r"(?:.*: )?[Kk]ill(?:ed)? process \d+(?:, UID \d+,)? ?\(.*\)(?:, UID \d+,?)?"), _rx(r"$^"),
        _rx(r"(?:,? ?UID:? ?\d|,? ?(?:total-|vsz:|anon-rss:)|score -?\d).*"),
        ("Killed process 2726 (gnome-power-man)", "total-vm:319232kB, anon-rss:8156kB, file-rss:2764kB"),
    ),
    Broken(
        _rx(rf"(?:.*: )?[Kk]ill(?:ed)? process \d(?!.*{_SIZES}).*"), _rx(r".*(?:sacrifice child|or a child|and children\.|\)\.)"),
        _rx(r"(?!Out of|Memory cgroup|oom_reaper|Kill|Mem|CPU:|Tasks|\[|\*\*|```).+"),
        ("Memory cgroup out of memory: Killed process 116849", "(alloc_anon) total-vm:12236kB, anon-rss:6888kB, file-rss:0kB,"),
    ),
    Broken(
        _rx(rf"(?:.*: )?Killed process \d.*{_SIZES}.*"), _rx(r".*oom_score_adj:-?\d+"),
        _rx(r"(?:(?:(?:total|vm|anon|file|shmem|rss|UID|pgtables|oom_score_adj)[-:]?+)*+(?:-?\d++)?+(?:kB)?+,?+(?: ++|$))++"),
        ("Out of memory: Killed process 31 (winch) total-vm:9kB,", "anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:"),
    ),
    Broken(
        _rx(r"Out of memory in UB \S+: OOM"), _rx(r"$^"), _rx(r"killed process \d.*"),
        ("Out of memory in UB 1042: OOM", "killed process 31 (winch) score 0 vm:9kB, rss:8kB, swap:0kB"),
    ),
    Broken(
        _rx(r"oom_reaper: reaped process \d.*"), _rx(r".*shmem-rss:\d+kB.*"),
        _rx(r"\(.{0,60}\), now .*|now .*|(?:[a-z]+-rss:\d+kB,? ?)+"),
        ("oom_reaper: reaped process 72203", "(oom02), now anon-rss:15681280kB, file-rss:0kB, shmem-rss:0kB"),
    ),
    Broken(
        _rx(r"Task in .*"), _rx(r".*killed as a result of limit of \S.*"),
        _rx(r"(?:as a result |of limit |killed as |a result |limit of |/).*"),
        ("Task in /docker/0123456789 killed", "as a result of limit of /docker/0123456789"),
    ),
    Broken(
        _rx(r"(?:memory|memory\+swap|swap|kmem): usage .*"), _rx(r".*failcnt \d+"), _rx(r"(?:limit|\d+kB|failcnt|\d+$).*"),
        ("memory: usage 524288kB, limit 524288kB, failcnt", "153"),
    ),
    Broken(
        _rx(r"Memory cgroup stats for .*"), _rx(r"$^"), _rx(r"(?:[a-z_]+:-?\d+KB ?)+"),
        ("Memory cgroup stats for /a: cache:0KB rss:524288KB", "rss_huge:0KB shmem:0KB mapped_file:0KB"),
    ),
    Broken(
        _rx(r"(?:Node \d+ )?\w+: (?:\d+\*\d+kB .*)"), _rx(r".*= \d+kB"),
        _rx(r"(?:\([A-Z]+\) ?)?(?:\d+\*\d+kB(?: \([A-Z]+\))? ?)*(?:= ?)?(?:\d+kB)?"),
        ("Node 0 DMA: 1*4kB (U) 1*8kB (U) 1*16kB (U) 1*32kB (U)", "1*64kB (U) 1*128kB (U) 3*4096kB (M) = 15868kB"),
    ),
    Broken(
        _rx(r"(?:Node \d+ )?(?:\w+ free|active_anon):.*"
            r"| ?(?:active_anon|active_file|unevictable|dirty|slab_reclaimable|mapped|free):.*"),
        _rx(r"$^"), _rx(_PAIRS),
        ("Node 0 DMA free:15868kB min:64kB low:80kB high:96kB", "reserved_highatomic:0KB active_anon:0kB inactive_anon:0kB"),
    ),
    Broken(  # the last, for anything short may begin so
        _rx(r".{0,14}[^:\s]"), _rx(r"$^"), _rx(r"invoked oom-killer: gfp_mask=.*"),
        ("gnome-volume-ma", "invoked oom-killer: gfp_mask=0x201da, order=0, oom_adj=0"),
    ),
)  # fmt: skip
# A book's sign for "goes on".
_GOES_ON = _rx("[\N{LEFTWARDS ARROW WITH HOOK}\N{RIGHTWARDS ARROW WITH HOOK}\N{DOWNWARDS ARROW WITH TIP RIGHTWARDS}] ?")
_HEADER = _rx(r"\[ *pid *\] .* name *")
_HYPHEN = _rx(r"[a-z]-$")  # of `total-vm`, `anon-rss`: a mail program breaks a line there, too
_NUMBER = _rx(r"-?\d+")
_ROW = _rx(r"\[ *\d+\](?: +-?\d+)+ *")
_ROW_REST = _rx(r"((?:-?\d+ +)*)\S.{0,60}")
_COLUMNS = range(8, 13)  # that tables have behind the pid, from 2.6.32 on


class Unwrapper:
    """Knows the columns of the table that is being read, and whether a terminal of some width broke the lines."""

    def __init__(self) -> None:
        self._columns = 0  # of the task table, behind the pid's
        self._width = 0  # of the terminal; 0: none

    def measure(self, head: Sequence[str]) -> None:
        """The first lines of the source, as they stand. A terminal breaks lines at its width and nowhere else."""
        width = max(map(len, head), default=0)
        starts = [line.lstrip(" \t>|")[:1] for line in head]
        usual = Counter(starts).most_common(1)[0][0] if starts else ""
        broken = [line for line, rest in zip(head, starts[1:], strict=False) if rest != usual and rest]
        by_width = len(broken) >= _BREAKS_SHOWN and all(len(line) == width for line in broken)
        self._width = width if width >= _NARROWEST and by_width else 0

    def whole(self, text: str) -> None:
        """Told of each message that may be the table's header."""
        if _HEADER.fullmatch(text):
            self._columns = _columns(text)

    def is_cut(self, line: str) -> bool:
        """A terminal may have broken it, anywhere; the rest of it is the next line, blanks and all."""
        return 0 < self._width == len(line)

    def joined(self, text: str, before: str, line: str) -> str | None:
        """The message `text`, which ended with the line `before`, and what `line` adds to it; None if it adds nothing."""
        if self.is_cut(before) and (not _ROW.fullmatch(text) or self._columns <= _columns(text + line)):
            message = text + line
        else:
            text, rest = text.rstrip(), _GOES_ON.sub("", line.strip(), count=1)
            if not text:
                return rest or None  # broken behind the header
            last = text.rpartition("\n")[2]
            kind = next((kind for kind in BROKEN if kind.begins.fullmatch(last)), None) if rest else None
            if kind is None or kind.ends.fullmatch(last) or not kind.rest.fullmatch(rest):
                return self._row(text, rest) if rest else None
            if len(before) != self._width:
                self._width = 0  # broken at a blank: a terminal does not look for one
            text = text.removesuffix("\\")  # as in a shell, whoever broke it
            message = text + ("" if _HYPHEN.search(text) else kind.glue) + rest
        self.whole(message)
        return message

    def _row(self, text: str, rest: str) -> str | None:
        """A row that lacks columns, if the rest has as many as are lacking, or some of them."""
        if not _ROW.fullmatch(text) or not (found := _ROW_REST.fullmatch(rest)):
            return None
        if not self._columns:  # the header is lost
            figures = found[1].split()
            columns = _columns(text) + len(figures) + 1
            if not figures or columns not in _COLUMNS or not -1000 <= int(figures[-1]) <= 1000:
                return None
            self._columns = columns
        lacking = self._columns - _columns(text)
        if lacking <= 0:
            return None
        words = rest.split(None, lacking - 1)
        if len(words) == lacking:
            words.pop()  # the name, whatever it is
        elif len(words) > lacking:
            return None
        return f"{text} {rest}" if (words and all(map(_NUMBER.fullmatch, words))) or lacking == 1 else None


def _columns(text: str) -> int:
    return len(text.partition("]")[2].split())
