"""Records of /dev/kmsg as they are read (Documentation/ABI/testing/dev-kmsg; kernel/printk/printk.c: msg_print_ext_body).

    6,1234,5678901,-,caller=T1;text with \\x0a for a newline
     SUBSYSTEM=pci

Before the `;`: facility * 8 + level, sequence, microseconds since boot, flag (`c` and, up to 4.9, `+`: the rest of an
earlier line) and fields to come. Lines with a leading space are a dictionary. netconsole's extended form is the same.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings import vendor
from oomforensics.parsers.framings.base import Framing, Header
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.text import visible

_LINE = re.compile(r"(\d{1,4}),(\d{1,20}),(\d{1,20}),([-c+])([^;]{0,200});")
_CALLER = re.compile(r",caller=([TC]\d{1,10})")
_ESCAPE = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)")
DICTIONARY = re.compile(r" [A-Z][A-Z0-9_]*=")


def read(line: str, clock: Clock) -> Header | None:
    match = _LINE.match(line)
    if match is None:
        return None
    priority, seq, usec, flag, more = match.groups()
    caller = _CALLER.search(more) if more else None
    end = vendor.text_begins(line, match.end())
    return Header(
        end,
        uptime_us=int(usec),
        level=int(priority) & 7,
        from_kernel=int(priority) < 8,
        caller=caller[1] if caller else None,
        seq=int(seq),
        continued=flag != "-",
        text=unescape(line[end:]) if "\\" in line else None,
    )


def unescape(text: str) -> str:
    """`\\x0a` and its like as the characters they stand for; several in a row may be one UTF-8 character."""
    return _ESCAPE.sub(lambda match: visible(bytes.fromhex(match[1].replace("\\x", ""))), text)


FRAMING = Framing(
    "kmsg",
    r"\d",
    read,
    (
        "6,1234,5678901,-,caller=T1;oom_reaper: reaped process 519 (runltp), now anon-rss:0kB",
        "4,19685342,241227987454,-;dumpsys invoked oom-killer: gfp_mask=0x40dc0(GFP_KERNEL), order=3",
        "4,339,5140900,c;,oom_memcg=/a,task_memcg=/a,task=tail,pid=108,uid=0",
        r"4,340,5140901,-;active_anon:1 inactive_anon:2 isolated_anon:0\x0a active_file:14 inactive_file:90",
    ),
)
