"""The `oom-kill:` line (5.0+, dump_oom_summary / mem_cgroup_print_oom_context):

    oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/a,task=x,pid=1,uid=0

It is printed in pieces (pr_cont), which other CPUs' messages can tear apart, and its cgroup paths and names may hold
commas, `=` and even whole keys. So it is matched from both ends, and where several readings fit, the one is taken in
which the task's cgroup lies below the limiting one, as the kernel guarantees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from oomforensics.parsers.facts import Summary
from oomforensics.parsers.pattern import compiled

START = "oom-kill:constraint="
_HEAD = re.compile(r"^oom-kill:constraint=(\w+),nodemask=(\(null\)|[\d,-]*)(?=,)", re.DOTALL)
_MEMS = re.compile(r",mems_allowed=([\d,-]*)(?=,(?:global_oom,|oom_memcg=|task=))")  # absent without CONFIG_CPUSETS
_GLOBAL = ",global_oom,task_memcg="  # this or the next; neither without CONFIG_MEMCG
_MEMCG = ",oom_memcg="
_TAIL = compiled(r",pid=(\d+),uid=(-?\d+)\s*$")
_MAX_READINGS = 1000  # of a line that is not made to be slow there are a few
_COMM_MAX = 15  # TASK_COMM_LEN - 1, bytes
_CONSTRAINT = re.compile(r"^oom-kill:constraint=(\w+)")


def parse(text: str, line: int) -> Summary | None:
    """The line read whole, or None when it is torn, cut, or can be read in more ways than are worth trying."""
    head, tail = _HEAD.match(text), _TAIL.search(text)
    if not head or not tail or tail.start() < head.end():
        return None
    middle = text[head.end() : tail.start()]
    if _ways(middle) > _MAX_READINGS or not (readings := list(_readings(middle))):
        return None
    cpuset, mems, oom_memcg, task_memcg, comm = min(readings, key=_implausibility)
    return Summary(
        line=line,
        constraint=head[1],
        nodemask=head[2],
        cpuset=cpuset,
        mems_allowed=mems,
        oom_memcg=oom_memcg,
        task_memcg=task_memcg,
        comm=comm,
        pid=int(tail[1]),
        uid=int(tail[2]),
    )


def parse_cut(text: str, line: int) -> Summary | None:
    """What a torn line still says: the constraint, and perhaps which nodes were allowed."""
    found = _CONSTRAINT.match(text)
    if not found:
        return None
    mems = _MEMS.search(text)
    return Summary(
        line=line,
        constraint=found[1],
        nodemask=None,
        cpuset=None,
        mems_allowed=mems[1] if mems else None,
        oom_memcg=None,
        task_memcg=None,
        comm=None,
        pid=None,
        uid=None,
    )


_Reading = tuple[str | None, str | None, str | None, str | None, str]


def _ways(middle: str) -> int:
    """How many ways there are to cut it, at most."""
    mems = sum(1 for _ in _MEMS.finditer(middle))
    return max(mems, 1) * max(middle.count(",task_memcg="), 1) * max(middle.count(",task="), 1)


def _readings(middle: str) -> Iterator[_Reading]:
    """Every way to cut `,cpuset=…,mems_allowed=…,oom_memcg=…,task_memcg=…,task=…` into its values."""
    for cpuset, mems, rest in _cpusets(middle):
        for oom_memcg, has_memcg, after in _memcgs(rest):
            for task in re.finditer(",task=", after):
                if has_memcg:
                    yield cpuset, mems, oom_memcg, after[: task.start()], after[task.end() :]
                elif task.start() == 0:
                    yield cpuset, mems, None, None, after[task.end() :]


def _cpusets(middle: str) -> Iterator[tuple[str | None, str | None, str]]:
    if not middle.startswith(",cpuset="):
        yield None, None, middle
        return
    for mems in _MEMS.finditer(middle):
        yield middle[len(",cpuset=") : mems.start()], mems[1], middle[mems.end() :]


def _memcgs(rest: str) -> Iterator[tuple[str | None, bool, str]]:
    if rest.startswith(_GLOBAL):
        yield None, True, rest[len(_GLOBAL) :]
    elif rest.startswith(_MEMCG):
        for cut in re.finditer(",task_memcg=", rest):
            yield rest[len(_MEMCG) : cut.start()], True, rest[cut.end() :]
    else:
        yield None, False, rest


def _implausibility(reading: _Reading) -> tuple[bool, bool, int]:
    _, _, oom_memcg, task_memcg, comm = reading
    outside = oom_memcg is not None and not (
        task_memcg == oom_memcg or (task_memcg or "").startswith(oom_memcg.rstrip("/") + "/")
    )
    too_long = len(comm.encode("utf-8", "replace")) > _COMM_MAX and "\\x" not in comm
    return outside, too_long, len(task_memcg or "")
