"""Leaves out what nobody here listens to: the lines that others write all around a report.

Only from parts cut out of a large log, most of which is not read at all. A line goes if its tag `name[pid]:` says that a
program wrote it, one of which nothing is awaited, or if the kernel's packet filter did; and if neither it nor its neighbours
hold a word of a witness. It stays if a line continues it, which begins with a blank: without its head that would be anybody's.
A reboot that nothing shows but the stamps of packets is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from oomforensics.parsers import literals
from oomforensics.parsers.loss_notices import NOTICES
from oomforensics.parsers.witness import Speaker
from oomforensics.parsers.witnesses import WITNESSES

# Programs whose lines count by their place.
TALKERS = frozenset(name for witness in WITNESSES if witness.more for name in witness.programs or ())
# One of them is in every first line of a witness in user space.
WORDS = (
    *(b"ill", b"OOM", b"emory", b"adness", b"oom_", b"oomd", b"oom-kill", b" oom "),
    *(needle.encode() for notice in NOTICES if notice.speaker is not Speaker.KERNEL for needle in notice.needles),
)

# What a rule with LOG or nft's `log` prints (net/netfilter/nf_log_syslog.c), with up to 127 bytes of the admin's before it:
# longer than any name of a process, and nothing before it is what a report writes before the names of others.
_PACKET = (
    r"(?:\[[A-Z][\w :./-]{0,120}+\] )?(?:[A-Za-z][\w :./-]{0,130}+)?(?<=IN)=[^ \n]*+ OUT=[^ \n]*+ "
    r"(?:(?!SRC=)[A-Z]+=[^ \n]*+ )*+SRC=[0-9a-f.:]++ DST=[0-9a-f.:]++ LEN=[0-9]"
)
_packet = re.compile(_PACKET).match

_WORD = "A-Za-z0-9_"  # a set of bytes that names `\w` is no bitmap for `re`, and takes longer
_LINE = (
    rf"\n(?:[A-Z][a-z]{{2}} [ 0-9]\d \d\d:\d\d:\d\d|\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.+:Z-]*) [{_WORD}.-]++ (?:(?!(?:"
    + "|".join(map(re.escape, sorted(TALKERS)))
    + rf")\[)[{_WORD}./@+-]++\[\d++\]: |kernel: (?:\[ *\d++\.\d++\] )?"
    + _PACKET.replace(r"\w", _WORD)
    + r")[^\n]*+(?=\n[^ \t])"
).encode()
_BEGINS, _ENDS = b"invoked oom-killer", b"illed process"

_find_words = literals.finder(WORDS)
_RUN = re.compile(_LINE + rb"(?:" + _LINE + rb"){0,15}+")


def heard(data: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """The parts of a window in which may be what matters, each with the number of its first line; `first` is the window's."""
    at, number = 0, first
    found = _find_words(data)
    words = [start for _, start, _ in found]
    words.append(len(data))
    word = 0
    for run in chain.from_iterable(_RUN.finditer(data, *stretch) for stretch in _beside_reports(data, found)):
        start, end = run.span()
        while words[word] < start:
            word += 1
        if words[word] > end:
            if start >= at:
                part = data[at : start + 1]
                yield number, part
                number += part.count(b"\n")
            number += data.count(b"\n", start, end)
            at = end + 1
    yield number, data[at:]


def _beside_reports(data: bytes, words: literals.Matches) -> Iterator[tuple[int, int]]:
    """Where noise is looked for: few lines of others stand in a report, and its own are many."""
    at, begin = 0, data.find(_BEGINS)
    for _, start, end in words:  # in one of which each _ENDS begins
        if begin < 0:
            break
        killed = data.find(_ENDS, start, end + len(_ENDS))
        if killed > begin:
            yield at, begin
            at, begin = killed, data.find(_BEGINS, killed)
    yield at, len(data)


def of_packet_filter(text: str) -> bool:
    """Whether the kernel wrote it of a packet: a message that may stand between any two lines of a report."""
    return "SRC=" in text and _packet(text) is not None
