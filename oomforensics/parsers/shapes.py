"""The lines that the OOM killer prints, one `Shape` each: pattern, first release, commit and a sample.

Printed by mm/oom_kill.c (dump_header, dump_task, oom_kill_process, oom_reap_task), kernel/panic.c and lib/dump_stack.c.
The text chooses the shape; a version number never does. Patterns are anchored, and names (`comm`, cgroup paths), which
their owners choose, are delimited from the outside in: the fixed text around them is what is matched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from oomforensics.parsers.pattern import compiled


@dataclass(frozen=True, slots=True)
class Shape:
    """One form of one line. `feature` is the fingerprint that seeing it leaves (None: too common to tell eras)."""

    name: str
    since: str  # first release that prints it, upstream or vendor
    sample: str
    pattern: re.Pattern[str]
    commit: str | None = None
    feature: str | None = None


def _rx(pattern: str) -> re.Pattern[str]:
    return compiled(pattern, re.DOTALL | re.VERBOSE)


# dump_header's first line. `comm` is at most 15 bytes, more when a framing shows bytes as \xNN.
_COMM = r"(?P<comm>.{0,15}?|.*\\x.{0,60}?)"
# What may be left of `) total-vm:` where a line was broken or cut, with what whoever broke it wrote there.
# Whoever wrote a line from memory takes the end of the selection's for it: it tells of a kill all the same.
_SIZES_TORN = r"\)\W{0,4}(?:(?:total-|vsz:).*|tota?l?|to?|vsz?|score\ -?\d+(?:\ or\ sacrifice\ child)?)?"

INVOKED: tuple[Shape, ...] = (
    Shape(
        "invoked-7.0",
        "7.0",
        "java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        _rx(
            rf"^{_COMM}\ invoked\ oom-killer:\ gfp_mask=(?P<gfp_mask>0x[0-9a-f]+\([^()]*\)),\ +"
            r"order=(?P<order>-?\d+),\ oom_score_adj=(?P<oom_score_adj>-?\d+)\s*$"
        ),
        feature="invoked:5.0",  # the same text as 4.6-4.8 and 5.0-6.19
    ),
    Shape(
        "invoked-4.9",
        "4.9",
        "java invoked oom-killer: gfp_mask=0x14200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null),  order=0, oom_score_adj=0",
        _rx(
            rf"^{_COMM}\ invoked\ oom-killer:\ gfp_mask=(?P<gfp_mask>0x[0-9a-f]+\([^()]*\)),\ nodemask=(?P<nodemask>.*?),"
            r"\ +order=(?P<order>-?\d+),\ oom_score_adj=(?P<oom_score_adj>-?\d+)\s*$"
        ),
        feature="invoked:4.9",
    ),
    Shape(
        "invoked-3.7",
        "3.7",
        "grep invoked oom-killer: gfp_mask=0xd0, order=0, oom_score_adj=600",
        _rx(
            rf"^{_COMM}\ invoked\ oom-killer:\ gfp_mask=(?P<gfp_mask>0x[0-9a-f]+),\ order=(?P<order>-?\d+),"
            r"\ oom_score_adj=(?P<oom_score_adj>-?\d+)\s*$"
        ),
        feature="invoked:3.7",
    ),
    Shape(
        "invoked-2.6.36",
        "2.6.36",
        "sshd invoked oom-killer: gfp_mask=0x200d2, order=0, oom_adj=0, oom_score_adj=0",
        _rx(
            rf"^{_COMM}\ invoked\ oom-killer:\ gfp_mask=(?P<gfp_mask>0x[0-9a-f]+),\ order=(?P<order>-?\d+),"
            r"\ oom_adj=(?P<oom_adj>-?\d+),\ oom_score_adj=(?P<oom_score_adj>-?\d+)\s*$"
        ),
        commit="a63d83f427fbce97a6cea0db2e64b0eb8435cd10",
        feature="invoked:2.6.36",
    ),
    Shape(
        "invoked-2.6.24",
        "2.6.24",
        "httpd invoked oom-killer: gfp_mask=0x280da, order=0, oom_adj=0",
        _rx(
            rf"^{_COMM}\ invoked\ oom-killer:\ gfp_mask=(?P<gfp_mask>0x[0-9a-f]+),\ order=(?P<order>-?\d+),"
            r"\ (?:oomkilladj|oom_adj)=(?P<oom_adj>-?\d+)\s*$"
        ),
        feature="invoked:2.6.24",
    ),
)
# The same line cut off or re-flowed by whoever passed the log on: the invocation is certain, its figures are not.
INVOKED_CUT = Shape(
    "invoked-cut",
    "2.6.24",
    "mkdir invoked oom-killer:",
    _rx(
        rf"^{_COMM}\ invoked\ oom-killer(?:\s*|:\s*|:\s*gfp_mask=(?P<gfp_mask>0x[0-9a-f]+(?:\([^)]*\))?)(?:\([^)]*|,.*)?)$"
    ),
)

SELECTED: tuple[Shape, ...] = (
    Shape(
        "selected-2.6.36",
        "2.6.36",
        "Out of memory: Kill process 1532 (badsysprogram) score 919 or sacrifice child",
        _rx(
            r"^(?P<message>[^:]{1,80}):\ Kill\ process\ (?P<pid>\d+)\ \((?P<comm>.*)\)"
            # The last letters may be cut, the next line glued to them, or a mark of whoever quoted it.
            r"\ score\ (?P<score>-?\d+)\ or\ sacrifice\ c(?:h(?:i(?:ld?)?)?)?(?:[A-Z]\w*)?\**\s*$"
        ),
        commit="5e9d834a0e0c0485dfa487281ab9650fc37a3bb5",
        feature="selected:sacrifice-child",
    ),
    Shape(
        "selected-2.6.20",
        "2.6.20",
        "Out of memory: kill process 4107 (mysqld) score 23410 or a child",
        _rx(
            r"^(?P<message>[^:]{1,80}):\ [Kk]ill\ process\ (?P<pid>\d+)\ \((?P<comm>.*)\)"
            r"\ score\ (?P<score>-?\d+)\ (?:or\ a\ child|and\ children\.)\s*$"
        ),
        feature="selected:or-a-child",
    ),
)

KILLED = Shape(
    "killed",
    "2.6.20",
    "Out of memory: Killed process 517 (clamd) total-vm:2361456kB, anon-rss:1689296kB, file-rss:0kB, shmem-rss:0kB,"
    " UID:111 pgtables:4292kB oom_score_adj:0",
    _rx(
        # two blanks: a column of `kubectl get events`, in which the node problem detector repeats the kernel's line
        r"^(?:(?P<message>(?:(?!\ \ )[^:]){1,80}):\ )?Killed\ process\ (?P<pid>\d+)(?:,\ UID\ (?P<uid_before>\d+),)?"
        r"\ ?\((?P<comm>.*)\)(?:,\ UID\ (?P<uid_after>\d+))?,?\ ?(?P<sizes>(?:total-vm|vsz):.*|anon-rss:\d+kB(?:[ ,][^)]*)?)$"
    ),
)
# Without sizes: up to 2.6.32 and RHEL 5, or cut. Only these messages, so that prose is not taken for a kill.
KILLED_BARE = Shape(
    "killed-bare",
    "2.6.20",
    "Killed process 4107 (mysqld)",
    _rx(
        r"^(?:(?P<message>Out\ of\ [Mm]emory|Memory\ cgroup\ out\ of\ memory"
        r"|Out\ of\ memory\ \(oom_kill_allocating_task\)|No\ available\ memory\ \(MPOL_BIND\)|[\w./-]{1,15}):\ )?"
        rf"Killed\ process\ (?P<pid>\d+)(?:,\ UID\ (?P<uid_before>\d+),)?\ \({_COMM}\)\.?\s*$"
    ),
)
KILLED_TORN = Shape(
    "killed-torn",
    "2.6.20",
    "Memory cgroup out of memory: Killed process 4107 (my",
    _rx(
        r"^(?:(?P<message>Out\ of\ [Mm]emory|Memory\ cgroup\ out\ of\ memory"
        r"|Out\ of\ memory\ \(oom_kill_allocating_task\)|No\ available\ memory\ \(MPOL_BIND\)):\ )?"
        rf"Killed\ process\ (?P<pid>\d+)(?:,\ UID\ (?P<uid_before>\d+),)?(?:\ \({_COMM}(?:{_SIZES_TORN})?)?$"
    ),
)
# OpenVZ: what ran out is a container's beancounter (UB). rss is all of it, of whatever kind. As users and its vendor show the
# line: the source that prints it was not read.
KILLED_UB = Shape(
    "killed-ub",
    "2.6.32 of OpenVZ",
    "Out of memory in UB 1042: OOM killed process 4107 (php-cgi) score 0 vm:281988kB, rss:17004kB, swap:0kB",
    _rx(
        rf"^(?P<message>Out\ of\ memory\ in\ UB\ \S{{1,80}}):\ OOM\ killed\ process\ (?P<pid>\d+)\ \({_COMM}\)"
        r"\ score\ -?\d+\ vm:(?P<total_vm_kb>\d+)kB,\ rss:\d+kB,\ swap:\d+kB\s*$"
    ),
)
# What `message` may be.
ALLOCATING_TASK = "Out of memory (oom_kill_allocating_task)"
MPOL_BIND = "No available memory (MPOL_BIND)"
_MESSAGES = ("Memory cgroup out of memory", "Out of memory", "Out of Memory", MPOL_BIND, ALLOCATING_TASK)
# Somebody's own may stand before it: `# Out of memory: …`, `**Out of memory: …`.
_MARKS = re.compile(r"(?:\[[^\]]*+\]|[^\w\[])*+")


def message(text: str) -> str:
    """The message of a selection or a kill, without the marks before it."""
    known = next((known for known in _MESSAGES if text.endswith(known)), None)
    return known if known is not None and _MARKS.fullmatch(text, 0, len(text) - len(known)) else text


SIZE = compiled(r"(total-vm|vsz|anon-rss|file-rss|shmem-rss|pgtables): ?(\d+) ?kB")
KILLED_UID = compiled(r", UID:(\d+)(?: |$|,)")
KILLED_ADJ = compiled(r" oom_score_adj:(-?\d+)\s*$")

SHARED_MM = Shape(
    "shared-mm",
    "2.6.37",
    "Kill process 4108 (mysqld) sharing same memory",
    _rx(r"^Kill\ process\ (?P<pid>\d+)\ \((?P<comm>.*)\)\ sharing\ same\ memory\s*$"),
    commit="1e99bad0d9c12a4aaa60cd812c84ef152564bcf5",
    feature="killed:shared-mm",
)
REAPED = Shape(
    "reaped",
    "4.6",
    "oom_reaper: reaped process 517 (clamd), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
    _rx(r"^oom_reaper:\ reaped\ process\ (?P<pid>\d+)\ \((?P<comm>.*)\)(?:,\ now\ (?P<sizes>.*))?$"),
    commit="aac453635549699c13a84ea1456d5b0e574ef855",
    feature="reaper",
)
UNREAPED = Shape(
    "unreaped",
    "4.6",
    "oom_reaper: unable to reap pid:517 (clamd)",
    _rx(r"^oom_reaper:\ unable\ to\ reap\ pid:(?P<pid>\d+)\ \((?P<comm>.*)\)\s*$"),
    feature="reaper",
)
GROUP = Shape(
    "oom-group",
    "4.19",
    "Tasks in /system.slice/app.service are going to be killed due to memory.oom.group set",
    _rx(r"^Tasks\ in\ (?P<path>.*)\ are\ going\ to\ be\ killed\ due\ to\ memory\.oom\.group\ set\s*$"),
    commit="3d8b38eb81cac81395f6a823f6bf401b327268e6",
    feature="oom-group",
)
ALREADY_EXITING = Shape(
    "already-exiting",
    "5.9",
    "Out of memory: OOM victim 517 (clamd) is already exiting. Skip killing the task",
    _rx(r"^[^:]{1,80}:\ OOM\ victim\ (?P<pid>\d+)\ \((?P<comm>.*)\)\ is\ already\ exiting\.\ Skip\ killing\ the\ task"),
    feature="already-exiting",
)
SUPPRESSED = Shape(
    "suppressed",
    "2.6.24",
    "oom_kill_process: 23 callbacks suppressed",
    _rx(r"^(?:oom_kill_process|dump_header|out_of_memory|__out_of_memory):\ (?P<count>\d+)\ callbacks\ suppressed"),
)
SYSRQ = Shape(
    "sysrq",
    "2.6.24",
    "sysrq: Manual OOM execution",
    _rx(r"^(?:sysrq:\ )?(?:SysRq\ :\ )?Manual\ OOM\ execution"),
)
BANNER = Shape(
    "banner",
    "2.6",
    "Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) #1 SMP",
    _rx(r"^Linux\ version\ (?P<release>\d[^\s()]*)\ \("),
)

OUTCOMES: tuple[Shape, ...] = (
    Shape(
        "panic_on_oom",
        "2.6.36",
        "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled",
        _rx(
            r"^(?:Kernel\ panic\ -\ not\ syncing:\ )?(?:[Oo]ut\ of\ [Mm]emory.*panic_on_oom\ is\ (?:enabled|selected))"
        ),
    ),
    Shape(
        "panic_deadlock",
        "4.19",
        "Kernel panic - not syncing: System is deadlocked on memory",
        _rx(r"^Kernel\ panic\ -\ not\ syncing:\ System\ is\ deadlocked\ on\ memory"),
        feature="panic:deadlocked",
    ),
    Shape(
        "none_killable",
        "2.6",
        "Out of memory and no killable processes...",
        _rx(r"^(?:Kernel\ panic\ -\ not\ syncing:\ )?(?:Out\ of\ memory\ and\ no\ killable\ processes)"),
    ),
    Shape(
        "would_have_killed",
        "RHEL 6.0",
        "Would have killed process 4107 (mysqld). But continuing instead.",
        _rx(r"^Would\ have\ killed\ process\ (?P<pid>\d+)\ \((?P<comm>.*)\)\.\ But\ continuing\ instead"),
    ),
)

STACK: tuple[Shape, ...] = (
    Shape(
        "stack-3.10",
        "3.10",
        "CPU: 0 PID: 754 Comm: f2b/f.postfix Not tainted 5.10.0-10-amd64 #1 Debian 5.10.84-1",
        _rx(
            r"^CPU:\ (?P<cpu>\d+)\ (?:UID:\ (?P<uid>\d+)\ )?PID:\ (?P<pid>\d+)\ Comm:\ (?P<comm>.{0,40}?)"
            r"\ +(?:Kdump:\ loaded\ )?(?:Not\ tainted|Tainted:(?:\ +[A-Z()-]+)*)\ +(?P<release>\d[^\s]*)(?:\ +(?P<build>.*))?$"
        ),
    ),
    Shape(
        "stack-2.6",
        "2.6",
        "Pid: 18938, comm: java Not tainted 2.6.32-431.11.2.el6.x86_64 #1",
        _rx(
            r"^Pid:\ (?P<pid>\d+),\ comm:\ (?P<comm>.{0,40}?)\ +(?:Not\ tainted|Tainted:(?:\ +[A-Z()-]+)*)"
            r"\ +\(?(?P<release>\d[^\s)]*)(?:\ +(?P<build>.*))?$"
        ),
        feature="stack:Pid",
    ),
)
CPUSET = _rx(r"^(?P<comm>.*)\ cpuset=(?P<cpuset>\S+)\ mems_allowed=(?P<mems_allowed>[\d,-]*)\s*$")
# The function of a stack's line, as architectures and klogd write it:
#    [<ffffffff81692515>] ? dump_header+0x83/0x1ca        [nfs:__alloc_pages+0x34c/0x380] __alloc_pages+0x34c/0x380
#   [<c0011800>] (dump_header) from [<c000fde0>] (oom_kill_process+0xa1/0x370)       dump_header from oom_kill_process+0xa1/0x370
TRACE_FRAME = re.compile(
    r"^\s*+(?:\[[^\]\s]{1,80}\])?+\s*+(?:\? )?\(?(?:__)?([A-Za-z_][\w.]*)"
    r"(?:\+0x[0-9a-f]+/0x[0-9a-f]+|\)? from (?:\[<?[0-9a-f]+>?\] )?\(?[\w.]+\+0x[0-9a-f]+/0x)"
)
PAGE_ALLOCATION_FAILURE = re.compile(r"page allocation (?:failure|stalls)")

EVERY_SHAPE: tuple[Shape, ...] = (
    *INVOKED, INVOKED_CUT, *SELECTED, KILLED, KILLED_BARE, KILLED_TORN, KILLED_UB, SHARED_MM, REAPED, UNREAPED, GROUP,
    ALREADY_EXITING, SUPPRESSED, SYSRQ, BANNER, *OUTCOMES, *STACK,
)  # fmt: skip
