"""Leaves out what nobody here listens to: the lines that other programs write all around a report.

Only from parts cut out of a large log, most of which is not read at all. A line goes if its tag `name[pid]:` says that a
program wrote it, one of which nothing is awaited, and if it holds no word of a witness. Lines that continue it, which begin
with a blank, would be without their head: both stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from oomforensics.parsers.witnesses import WITNESSES

# Programs whose lines count by their place.
TALKERS = frozenset(name.encode() for witness in WITNESSES if witness.more for name in witness.programs or ())
# One of them is in every first line of a witness in user space.
WORDS = (b"ill", b"OOM", b"emory", b"adness", b"oom_", b"oomd", b"oom-kill", b" oom ")

_TAGGED = re.compile(
    rb"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.+:Z-]*) [\w.-]+ ([\w./@+-]+)\[\d+\]: "
)


def heard(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The lines that may matter, with their numbers."""
    tagged, talkers = _TAGGED.match, TALKERS
    ill, oom, emory, adness, oom_, oomd, oom_kill, docker = WORDS
    held: tuple[int, bytes] | None = None
    for numbered in lines:
        line = numbered[1]
        if held is not None:
            if line[:1] in (b" ", b"\t"):
                yield held
            held = None
        tag = tagged(line)
        if (
            tag is None or ill in line or oom in line or emory in line or adness in line or oom_ in line or oomd in line
            or oom_kill in line or docker in line or tag[1] in talkers
        ):  # fmt: skip
            yield numbered
        else:
            held = numbered
    if held is not None:
        yield held
