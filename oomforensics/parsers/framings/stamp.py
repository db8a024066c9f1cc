"""The kernel's own stamp, which stands alone (dmesg) or inside another framing (syslog).

    [   12.345678] text                        printk.time=1 (kernel/printk/printk.c: print_time)
    [  599.537757][T23028] text                CONFIG_PRINTK_CALLER, from the kernel
    [71073.562094] [T13546] text               the same from util-linux dmesg
    [    7.344848][ T1@C0] text                Android's module printk_cpuid: the CPU, too
    [    7.344848][S,T61,C4] text              Xiaomi's printk_enhance: task, softirq, hardirq or NMI, thread, CPU
    [ 1627.727681 <  155.023068>] text         dmesg --show-delta

A stamp has a dot: `[ 1234]     0  1234` is a row of the task table. One space belongs to it, and one only: lines that
continue a Mem-Info block begin with a space of their own.
"""

from __future__ import annotations

import re

from oomforensics.parsers.framings.clock import microseconds

DELTA = r"(?: <[ +\d.]{1,20}>)?"
CALLER = r"(?: ?\[ *(?:[TSHN],)?([TC]\d{1,10})(?:[@,]C\d{1,3})?\])?"
# A mail program that re-flowed the text may have made the space a no-break space. Some collectors put a blank before it.
STAMP = re.compile(rf" ?\[ *(\d{{1,12}})\.(\d{{3,9}}){DELTA}\]{CALLER}[ \xa0]?")

LEVELS = {
    name: level
    for level, names in enumerate(
        ("emerg panic", "alert", "crit", "err error", "warn warning", "notice", "info", "debug")
    )
    for name in names.split()
}


def uptime(match: re.Match[str]) -> int:
    """Microseconds since boot of a STAMP match."""
    return int(match[1]) * 1_000_000 + microseconds(match[2])
