"""The block of a cgroup's limits and statistics (mm/memcontrol.c: mem_cgroup_print_oom_meminfo and its ancestors):

Task in /site133 killed as a result of limit of /site133            2.6.30-4.20
memory: usage 524288kB, limit 524288kB, failcnt 153
memory+swap: usage 525060kB, limit 9007199254740988kB, failcnt 0    cgroup v1
swap: usage 0kB, limit 0kB, failcnt 0                               cgroup v2, 5.3+
Memory cgroup stats for /site133: cache:0KB rss:524288KB …          up to 5.2, one line a cgroup
Memory cgroup stats for /a:                                         5.3+, then memory.stat, one name and value a line
anon 66289664
"""

from __future__ import annotations

import re

from oomforensics.parsers.facts import MemcgBlock, MemcgStats, MemcgUsage
from oomforensics.parsers.pattern import compiled

_TASK_IN = re.compile(r"^Task in (.*) killed as a result of limit of (.*?)\s*$", re.DOTALL)
_TASK_IN_SPLIT = re.compile(r"^Task in (.*?)\s*$", re.DOTALL)  # 3.15-3.17 print the sentence as two records
_LIMIT_SPLIT = re.compile(r"^ killed as a result of limit of (.*?)\s*$", re.DOTALL)
_LIMIT_REACHED = re.compile(r"^Memory limit reached of cgroup (.*?)\s*$", re.DOTALL)
_USAGE = compiled(r"^(memory|memory\+swap|swap|kmem): usage (\d+)\s?kB, limit (\d+)\s?kB, failcnt (\d+)")
_STATS = re.compile(r"^Memory cgroup stats(?: for (.*?))?:(?P<rest>| .*)$", re.DOTALL)
_STATS_FIELD = compiled(r"(?<![a-z_])([a-z_]+):(-?\d+)KB")
_STAT_LINE = compiled(r"^([a-z][a-z0-9_]+) (\d+)\s*$")
_USAGE_FIELDS = {"memory": "memory", "memory+swap": "memsw", "swap": "swap", "kmem": "kmem"}


def starts_block(text: str) -> bool:
    """Only an OOM report prints such a line: enough to know one whose head was lost."""
    return any(line.match(text) for line in (_USAGE, _TASK_IN, _LIMIT_REACHED, _STATS))


def take(block: MemcgBlock, text: str, line: int) -> str | None:
    """Add what this line says; the kind of the line, or None when it is not one of this block."""
    first = text[:1]
    if first == "T" or first == " ":
        return _take_task_in(block, text)
    if first == "M":
        return _take_stats(block, text, line)
    found = _USAGE.match(text)
    if found:
        usage = MemcgUsage(line, int(found[2]), int(found[3]), int(found[4]))
        setattr(block, _USAGE_FIELDS[found[1]], usage)
        return "memcg_usage"
    stat = _STAT_LINE.match(text)
    if stat and block.stats and block.stats[-1].unit == "bytes":
        block.stats[-1].values[stat[1]] = int(stat[2])
        return "memcg_stat"
    return None


def _take_task_in(block: MemcgBlock, text: str) -> str | None:
    found = _TASK_IN.match(text)
    if found:
        block.task_memcg, block.limit_memcg = found[1], found[2]
        return "memcg_task"
    found = _LIMIT_SPLIT.match(text)
    if found:
        block.limit_memcg = found[1]
        return "memcg_task"
    found = _TASK_IN_SPLIT.match(text)
    if found and found[1].startswith("/"):
        block.task_memcg = found[1]
        return "memcg_task"
    return None


def _take_stats(block: MemcgBlock, text: str, line: int) -> str | None:
    found = _LIMIT_REACHED.match(text)
    if found:
        block.limit_memcg = found[1]
        return "memcg_task"
    found = _STATS.match(text)
    if not found:
        return None
    pairs = {name: int(value) for name, value in _STATS_FIELD.findall(found["rest"])}
    block.stats.append(MemcgStats(line, found[1] or "", pairs, "kB" if pairs else "bytes"))
    return "memcg_stats"
