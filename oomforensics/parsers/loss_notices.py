"""What the kernel and the loggers write when lines were lost, one entry a kind; part of WITNESSES.

A loss is no event of its own: it says how far the rest of the log can be believed. `detail.count` is how many lines, where
the notice says so. What a rate limiter of another function dropped is kept too, but was no report of the OOM killer.
"""

from __future__ import annotations

import re

from oomforensics.parsers.witness import Event, Says, Speaker, Witness, take

PREFIX = "lost_"  # of every kind that is a loss
_MANY = 1000  # of one source: a network's rate limiter may speak every five seconds for years


def _rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL | re.ASCII)


# Today, up to 214, and RHEL 7's tag in syslog.
_JOURNALD = frozenset({"systemd-journald", "systemd-journal", "journal"})
# With the number of the error, up to 8.25: 2177 = RS_RET_RATE_LIMITED, 2007 = RS_RET_SUSPENDED.
_RSYSLOG = frozenset({"rsyslogd", "rsyslogd0", "rsyslogd-2177", "rsyslogd0-2177", "rsyslogd-2007", "rsyslogd0-2007"})
_COUNT = r"(?P<count>\d+)"
_OOM_FUNCTIONS = r"(?:oom_kill_process|dump_header|dump_tasks|__?out_of_memory|out_of_memory)"
_DROPPED = re.compile(r"\bdropped='?[^',;]{0,300}=(\d{1,18})\b", re.ASCII)


def _syslog_ng(event: Event, match: re.Match[str]) -> None:
    """Its counters run since it was started and are printed again and again: a total, no count of a loss."""
    take(event, match)
    event.detail["total_dropped"] = sum(int(number) for number in _DROPPED.findall(match.string))


NOTICES: tuple[Witness, ...] = (
    # -- the kernel --------------------------------------------------------------------------------------------------
    Witness(  # lib/ratelimit.c: "%s: %d callbacks suppressed", when the next report passes, however much later
        "lost_reports", Says.WARNING, None, Speaker.KERNEL, ("callbacks suppressed",),
        (_rx(rf"^(?P<function>{_OOM_FUNCTIONS}): {_COUNT} callbacks suppressed"),),
        ("oom_kill_process: 23 callbacks suppressed", "dump_header: 4 callbacks suppressed"),
        rare=True,  # it stands right before a report
    ),
    Witness(
        "lost_callbacks", Says.WARNING, None, Speaker.KERNEL,
        ("callbacks suppressed", "messages suppressed.", "lines suppressed due to"),
        (
            # up to 2.6.31 it is always `__ratelimit`, whoever asked: it may have been the OOM killer
            _rx(rf"^(?!{_OOM_FUNCTIONS}:)(?P<function>[A-Za-z_][\w.]{{0,63}}): {_COUNT} callbacks suppressed"),
            _rx(rf"^printk: {_COUNT} messages suppressed\."),  # kernel/printk.c up to 2.6.26, all functions together
            # include/linux/ratelimit.h, 4.9 and later: what a process wrote to /dev/kmsg
            _rx(rf"^(?P<comm>[^\n]{{0,60}}?): {_COUNT} output lines suppressed due to ratelimiting"),
        ),
        (
            "net_ratelimit: 5 callbacks suppressed", "__ratelimit: 12 callbacks suppressed",
            "printk: 3 messages suppressed.", "systemd: 18 output lines suppressed due to ratelimiting",
        ),
        at_most=_MANY, rare=True,
    ),
    Witness(  # kernel/printk/printk.c: a console that was too slow. Up to 4.5 it stands before the next message's line.
        "lost_printk", Says.WARNING, None, Speaker.KERNEL, ("messages dropped",),
        (_rx(rf"^\*\* {_COUNT} printk messages dropped \*\*"),),
        ("** 34 printk messages dropped **", "** 127 printk messages dropped ** [  112.617229]  [<ffffffff811aa2f2>] ? fork"),
    ),
    # -- journald ----------------------------------------------------------------------------------------------------
    Witness(  # journald-kmsg.c: its own count from the kernel's sequence numbers
        "lost_journal_kernel", Says.WARNING, None, Speaker.PROGRAM, (" kernel messages",),
        (_rx(rf"^(?:systemd-journald\[\d+\]: )?Missed {_COUNT} kernel messages"),),
        ("Missed 1427 kernel messages",), programs=_JOURNALD,
    ),
    Witness(  # journald-kmsg.c: the ring buffer was overwritten before it was read; how much, the next line says
        "lost_journal_overrun", Says.WARNING, None, Speaker.ANY, ("some messages lost",),
        (_rx(r"^(?:systemd-journald\[\d+\]: )?/dev/kmsg buffer overrun, some messages lost"),),
        ("/dev/kmsg buffer overrun, some messages lost.",), programs=_JOURNALD, rare=True,
    ),
    Witness(  # journald-server.c (journald-manager.c): a unit's rate limit. The kernel has none.
        "lost_journal_rate", Says.WARNING, None, Speaker.PROGRAM, ("Suppressed ",),
        (_rx(rf"^Suppressed {_COUNT} messages from (?P<cgroup>/\S*)"),
         _rx(rf"^Suppressed {_COUNT} messages from (?P<unit>[^\s/]+)")),
        ("Suppressed 917 messages from /system.slice/web.service", "Suppressed 12 messages from web.service"),
        programs=_JOURNALD, at_most=_MANY, rare=True,
    ),
    Witness(  # managed-journal-file.c: the last lines of the boot before may not have reached the disk
        "lost_journal_file", Says.WARNING, None, Speaker.ANY, ("renaming and replacing",),
        (_rx(r"^(?:systemd-journald\[\d+\]: )?File (?P<file>\S{1,300}) corrupted or uncleanly shut down,"
             r" renaming and replacing"),),
        ("File /var/log/journal/4f1e/system.journal corrupted or uncleanly shut down, renaming and replacing.",),
        programs=_JOURNALD, rare=True,
    ),
    Witness(  # journald-syslog.c: in the journal, but not in what the syslog daemon wrote
        "lost_journal_forward", Says.WARNING, None, Speaker.PROGRAM, ("to syslog missed",),
        (_rx(rf"^Forwarding to syslog missed {_COUNT} messages"),),
        ("Forwarding to syslog missed 8 messages.",), programs=_JOURNALD, rare=True,
    ),
    # -- syslog daemons ----------------------------------------------------------------------------------------------
    Witness(
        "lost_rsyslog", Says.WARNING, None, Speaker.PROGRAM, ("due to rate-limiting",),
        (
            # plugins/imuxsock.c up to version 6
            _rx(rf"^(?P<input>imuxsock) lost {_COUNT} messages from pid (?P<pid>\d+) due to rate-limiting"),
            _rx(r"^(?P<input>imuxsock) begins to drop messages from pid (?P<pid>\d+) due to rate-limiting"),
            # runtime/ratelimit.c: tellLostCnt(), withinRatelimit()
            _rx(rf"^(?P<input>im[a-z0-9]{{1,20}}\b[^\n]{{0,300}}?): {_COUNT} messages lost due to rate-limiting"
                r"(?: \((?P<allowed>\d+) allowed within (?P<interval_s>\d+) seconds\))?"),
            _rx(r"^(?P<input>im[a-z0-9]{1,20}\b[^\n]{0,300}?): begin to drop messages due to rate-limiting"),
        ),
        (
            "imuxsock lost 228 messages from pid 2547 due to rate-limiting",
            "imuxsock begins to drop messages from pid 2547 due to rate-limiting",
            "imjournal: 236 messages lost due to rate-limiting",
            "imjournal: 84667 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
            "imuxsock[pid: 51, name: /usr/bin/syncd]: 48814808 messages lost due to rate-limiting"
            " (20000 allowed within 300 seconds)",
            "imjournal: begin to drop messages due to rate-limiting",
            "imuxsock[pid: 51, name: /usr/bin/syncd] from <gold210:syncd>: begin to drop messages due to rate-limiting",
        ),
        programs=_RSYSLOG, at_most=_MANY,
    ),
    Witness(  # action.c: where it writes to takes nothing; what waited may come later, or never
        "lost_rsyslog_action", Says.WARNING, None, Speaker.PROGRAM, ("' suspended",),
        (_rx(r"^action '(?P<action>[^'\n]{1,200})' suspended(?: \(module '(?P<module>[^'\n]{1,100})'\))?"),),
        (
            "action 'action 17' suspended, next retry is Fri May  1 10:00:30 2026",
            "action 'action-8-builtin:omfwd' suspended (module 'builtin:omfwd'), retry 0."
            " There should be messages before this one giving the reason for suspension."
            " [v8.2102.0 try https://www.rsyslog.com/e/2007 ]",
        ),
        programs=_RSYSLOG, at_most=_MANY, rare=True,
    ),
    Witness(  # syslog-ng's lib/stats: only where something was dropped
        "lost_syslog_ng", Says.WARNING, None, Speaker.PROGRAM, ("Log statistics; ",),
        (_rx(r"^Log statistics; .*?\bdropped='?[^',;]{0,300}=[1-9]"),),
        (
            "Log statistics; dropped='tcp(192.0.2.1:514)=12', dropped='program(/x)=0', processed='center(queued)=2852'",
            "Log statistics; dropped=pipe(/dev/xconsole)=2144807",
        ),
        programs=frozenset({"syslog-ng"}), fold=_syslog_ng, at_most=_MANY, rare=True,
    ),
)  # fmt: skip
