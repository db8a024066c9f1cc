"""What stands between the kernel's stamp and its text: who wrote it and on which CPU, on phones and boards; and the level."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prefix:
    vendor: str
    pattern: str  # from the end of the stamp to the text, without groups
    samples: tuple[str, ...]  # a test: none of them takes the short way of dmesg.py


_COMM = r"[^\[\]]{1,16}"
_MEDIATEK = rf" {{0,2}}(?:<\d>)?[-.*+]?\([0-9a-f]{{1,2}}\)\[\d{{1,7}}:{_COMM}\]"

PREFIXES: tuple[Prefix, ...] = (
    Prefix(  # CONFIG_PRINTK_PROCESS, print_process(): `%c[%1d:%15s:%5d] `, `I` in an interrupt
        "Samsung",
        rf" {{0,2}}I?\[\d{{1,2}}: *(?=[^\s:\d]|\d+[^\d:]){_COMM}: *\d{{1,7}}\] ",
        ("[   61.123456]  [3:        kswapd0:   61] Mem-Info:", "[   61.123456] I[0:      swapper/0:    0] Mem-Info:"),
    ),
    Prefix(  # CONFIG_PRINTK_MT_PREFIX, later PRINTK_PREFIX_ENHANCE: `%c(%x)[%d:%s]`, the first tells of interrupts and console
        "MediaTek",
        _MEDIATEK,
        ("[   61.123456] -(0)[61:kswapd0]Mem-Info:", "[   61.123456] <0>.(0)[61:kswapd0]Mem-Info:"),
    ),
    Prefix(  # `c%d `, and pid and name where it is built so. A process may have such a name, and so may a journal's host.
        "Unisoc",
        r" c\d{1,2} (?:\d{1,7} \([^()]{1,16}\) |(?!invoked |cpuset=|kernel: |[\w.-]+\[\d+\]: ))",
        ("[   61.123456] c3 61 (kswapd0) Mem-Info:", "[   61.123456] c3 Mem-Info:"),
    ),
    Prefix(  # of a vmcore, as its users show it: the source that prints it was not read
        "crash's `log -m`",
        r" <[0-7]>",
        ("[   61.123456] <4>Mem-Info:",),
    ),
)

ANY = "|".join(prefix.pattern for prefix in PREFIXES)
# Amlogic writes the CPU into the stamp, and a letter behind it: `[    0.000000@0]d text`.
CPU = r"@\d{1,2}\][a-z]?"

_IN_RING_BUFFER = re.compile(_MEDIATEK)


def text_begins(line: str, at: int) -> int:
    """Where the text of a record of the ring buffer begins, which a prefix may stand in, too."""
    found = _IN_RING_BUFFER.match(line, at)
    return at if found is None else found.end()
