"""Incidents from records: what belongs together, what is lost, and that no kill is."""

from __future__ import annotations

import pytest

from tests.support.logs import incidents
from tests.support.printer import KERNELS, Report, Task, stamped

BIG, SMALL = Task(200, "big", rss_anon=90_000), Task(100, "small", rss_anon=500)


def report(kernel: str = "6.12", victim: Task = BIG, **changes: object) -> list[str]:
    return list(Report(KERNELS[kernel], [SMALL, BIG], victim, **changes).lines())  # type: ignore[arg-type]


def bare_kill(pid: int, comm: str = "app") -> str:
    return (
        f"Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:9000kB, anon-rss:{pid}kB, file-rss:4kB, "
        "shmem-rss:0kB, UID:0 pgtables:48kB oom_score_adj:0"
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("memcg", [None, "/pod"])
def test_a_whole_report_of_every_kernel(kernel: str, memcg: str | None) -> None:
    (incident,) = incidents(stamped(report(kernel, memcg=memcg, score=731)))
    printed = KERNELS[kernel]
    assert [(kill.pid, kill.comm) for kill in incident.kills] == [(200, "big")]
    assert incident.missing == []
    assert incident.table is not None
    assert incident.table.layout == printed.table
    assert [row.comm for row in incident.table.rows] == ["small", "big"]
    assert incident.stack is not None
    assert incident.stack.release == printed.release
    prints_score = printed.killed in ("a", "b", "c", "d", "rhel6", "rhel7.7")
    assert (incident.selected.score if incident.selected else None) == (731 if prints_score else None)
    assert (incident.meminfo is None) == (memcg is not None)
    if memcg:
        assert incident.memcg.memory is not None
        assert incident.memcg.memory.limit_kb == 65_536
    row = incident.table.rows[1]
    assert (row.rss_pages, row.total_vm_pages) == (BIG.rss, BIG.total_vm)
    if printed.table in ("C5", "C6", "C7"):
        assert row.pgtables_bytes == BIG.pgtables_bytes(printed.page_size)


def test_a_storm_keeps_every_kill() -> None:
    """10 reports in 5 s is the kernel's limit; kill lines are not limited, and the notice comes much later."""
    lines = report("6.12", memcg="/a")
    lines += [bare_kill(pid) for pid in range(1000, 1023)]
    lines += ["oom_kill_process: 23 callbacks suppressed", *report("6.12", victim=SMALL, memcg="/a")]
    found = incidents(stamped(lines))
    assert sum(len(incident.kills) for incident in found) == 25
    bare = [incident for incident in found if incident.missing == ["report"]]
    assert len(bare) == 23
    assert all(incident.report_suppressed and incident.callbacks_suppressed == 23 for incident in bare)
    assert not found[0].report_suppressed


def test_lost_head() -> None:
    (incident,) = incidents(stamped(report()[12:]))
    assert "head" in incident.missing
    assert [kill.pid for kill in incident.kills] == [200]
    assert incident.table is not None
    assert len(incident.table.rows) == 2
    assert incident.meminfo is not None
    assert incident.meminfo.ram_pages == 524_288


def test_rows_that_are_left_of_a_report_whose_head_and_header_are_lost() -> None:
    lines = report()
    first = next(at for at, line in enumerate(lines) if line.startswith("[") and "pid" in line)
    (incident,) = incidents(stamped(lines[first + 1 :]))
    assert incident.table is not None
    assert [row.pid for row in incident.table.rows] == [100, 200]
    assert {"head", "task_table_header"} <= set(incident.missing)
    assert [kill.pid for kill in incident.kills] == [200]


def test_rows_alone_are_no_incident() -> None:
    assert incidents(stamped([line for line in report() if line.startswith("[") and "pid" not in line])) == []


@pytest.mark.parametrize("left", ["(", "(bi"])
def test_a_name_that_the_kill_line_lost_stands_in_the_table(left: str) -> None:
    lines = [line if "Killed process" not in line else f"Out of memory: Killed process 200 {left}" for line in report()]
    (incident,) = incidents(stamped(lines))
    assert [(kill.pid, kill.comm) for kill in incident.kills] == [(200, "big")]


def test_rows_far_above_a_kill_are_not_its_own() -> None:
    rows = [line for line in report() if line.startswith("[") and "pid" not in line]
    (incident,) = incidents(stamped([*rows, *(f"eth0: link {number}" for number in range(100)), bare_kill(7)]))
    assert incident.missing == ["report"]


def test_lost_tail_is_an_incident_without_a_kill() -> None:
    lines = report()
    cut = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    (incident,) = incidents(stamped(lines[:cut]))
    assert incident.kills == []
    assert "kill_line" in incident.missing


def test_a_report_cut_by_the_next_one() -> None:
    lines = report()
    found = incidents(stamped([*lines[:14], *report(victim=SMALL)]))
    assert [[kill.pid for kill in incident.kills] for incident in found] == [[], [100]]


def test_oom_group_is_one_incident() -> None:
    lines = report("6.12", memcg="/pod")
    lines += ["Tasks in /pod are going to be killed due to memory.oom.group set",
              bare_kill(200, "big"), bare_kill(100, "small"), bare_kill(300, "other")]  # fmt: skip
    (incident,) = incidents(stamped(lines))
    assert [(kill.pid, kill.reason) for kill in incident.kills] == [
        (200, "victim"), (100, "oom_group"), (300, "oom_group"),
    ]  # fmt: skip
    assert incident.oom_group_path == "/pod"


def test_the_reaper_comes_seconds_later_and_after_another_report() -> None:
    lines = stamped([*report(), *report(victim=SMALL)])
    lines += stamped(["oom_reaper: reaped process 200 (big), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"], 103.0)
    first, second = incidents(lines)
    assert first.kills[0].reaped is True
    assert second.kills[0].reaped is None


def test_a_reaper_line_alone_is_no_kill() -> None:
    assert incidents(["[  1.000000] oom_reaper: reaped process 200 (big), now anon-rss:0kB"]) == []


def test_foreign_lines_inside_are_kept_and_end_nothing() -> None:
    lines = report()
    lines.insert(15, "[UFW BLOCK] IN=eth0 OUT= MAC=f2:3c SRC=198.51.100.7")
    lines.insert(-3, "usb 1-1: new high-speed USB device number 2 using xhci_hcd")
    (incident,) = incidents(stamped(lines))
    assert [kill.pid for kill in incident.kills] == [200]
    assert [kept.text[:5] for kept in incident.lines if kept.kind == "unknown"] == ["[UFW ", "usb 1"]
    assert incident.table is not None
    assert len(incident.table.rows) == 2


def test_two_hosts_in_one_file_are_two_hosts() -> None:
    one = [f"Nov 23 06:00:01 alpha kernel: {line}" for line in stamped(report())]
    two = [f"Nov 23 06:00:01 beta kernel: {line}" for line in stamped(report(victim=SMALL))]
    mixed = [line for pair in zip(one, two, strict=True) for line in pair]
    found = {incident.host: incident for incident in incidents(mixed)}
    assert {host: [kill.pid for kill in found[host].kills] for host in found} == {"alpha": [200], "beta": [100]}
    assert all(incident.missing == [] for incident in found.values())


def test_a_reboot_starts_a_new_boot() -> None:
    lines = stamped(report(), 5000.0) + stamped(report(victim=SMALL), 100.0)
    assert [incident.boot_index for incident in incidents(lines)] == [0, 1]
    banner = ["[    0.000000] Linux version 6.12.107+deb13-amd64 (debian) (gcc) #1 SMP"]
    found = incidents(stamped([bare_kill(5)], 50.0) + banner + stamped([bare_kill(6)], 60.0))
    assert [(incident.boot_index, incident.boot_release) for incident in found] == [
        (0, None), (1, "6.12.107+deb13-amd64"),
    ]  # fmt: skip


def test_panics_and_nobody_to_kill_are_incidents_without_kills() -> None:
    lines = report()
    cut = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    panic = [*lines[:cut], "Out of memory and no killable processes...",
             "Kernel panic - not syncing: System is deadlocked on memory"]  # fmt: skip
    (incident,) = incidents(stamped(panic))
    assert incident.kills == []
    assert [outcome.kind for outcome in incident.outcomes] == ["none_killable", "panic_deadlock"]
    on_oom = [*lines[:cut], "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"]
    (incident,) = incidents(stamped(on_oom))
    assert [outcome.kind for outcome in incident.outcomes] == ["panic_on_oom"]


def test_a_victim_that_was_exiting_already_is_no_kill() -> None:
    lines = report()
    cut = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    lines = [*lines[:cut], "Out of memory: OOM victim 55 (done) is already exiting. Skip killing the task"]
    (incident,) = incidents(stamped(lines))
    assert incident.kills == []
    assert (incident.outcomes[0].kind, incident.outcomes[0].pid) == ("already_exiting", 55)


def test_a_page_allocation_failure_is_no_incident_and_its_memory_is_not_taken() -> None:
    failure = ["cat: page allocation failure: order:5, mode:0x40dc0(GFP_KERNEL), nodemask=(null)",
               "CPU: 0 PID: 9 Comm: cat Not tainted 6.12.1 #1", "Call Trace:", " dump_stack+0x6b/0x83",
               "Mem-Info:", "active_anon:1 inactive_anon:2 isolated_anon:0", "777 pages RAM", "7 pages reserved"]  # fmt: skip
    assert incidents(stamped(failure)) == []
    (incident,) = incidents(stamped([*failure, *report()]))
    assert incident.meminfo is not None
    assert incident.meminfo.ram_pages == 524_288
    (headless,) = incidents(stamped([*failure, *report()[18:]]))
    assert headless.meminfo is None


@pytest.mark.parametrize(
    "comm",
    ["a) (b", "] 0", "invoked oom-k", "x) total-vm:1kB", "", "two words", "Killed process", "task=x,pid=1", "1234"],
)
def test_hostile_names_of_the_victim(comm: str) -> None:
    evil = Task(66, comm, rss_anon=70_000)
    (incident,) = incidents(stamped(Report(KERNELS["6.12"], [SMALL, evil], evil).lines()))
    assert [(kill.pid, kill.comm) for kill in incident.kills] == [(66, comm)]
    assert incident.table is not None
    assert [row.comm for row in incident.table.rows] == ["small", comm]


def test_a_newline_in_the_victims_name_tears_lines_but_loses_no_kill() -> None:
    evil = Task(66, "ev\nil", rss_anon=70_000)
    torn: list[str] = []
    for number, line in enumerate(Report(KERNELS["6.12"], [SMALL, evil], evil).lines()):
        torn += [f"[{100 + number / 1000:12.6f}] {part}" for part in line.split("\n")]
    (incident,) = incidents(torn)
    (kill,) = incident.kills
    assert (kill.pid, kill.comm, kill.oom_score_adj) == (66, "ev\nil", 0)


def test_a_summary_line_torn_by_another_cpu() -> None:
    lines = report()
    place = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    head, tail = lines[place].split(",task=", 1)
    lines[place : place + 1] = [head, "BUG: KASAN: something else printed here", f",task={tail}"]
    (incident,) = incidents(stamped(lines))
    assert incident.summary is not None
    assert (incident.summary.pid, incident.summary.comm) == (200, "big")


@pytest.mark.parametrize(
    "line",
    [
        "Nov 23 06:00:01 host app[7]: [1.000000] Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB",
        "Nov 23 06:00:01 host java[7]: java.lang.OutOfMemoryError: Java heap space",
        "Nov 23 06:00:01 host earlyoom[7]: sending SIGTERM to process 6 uid 0 \"x\": badness 900, VmRSS 10 MiB",
        "    return self.kill('Killed process 4 (x)')",
        "dmesg | grep -i 'invoked oom-killer'",
    ],
)  # fmt: skip
def test_what_is_not_the_kernels_is_no_incident(line: str) -> None:
    assert incidents([line]) == []


def test_mail_wrapped_kill_line() -> None:
    (incident,) = incidents(
        [
            "[  209.052842] Out of memory: Killed process 519 (runltp)",
            "total-vm:10244kB, anon-rss:904kB, file-rss:4kB, shmem-rss:0kB, UID:0",
        ]
    )
    (kill,) = incident.kills
    assert (kill.pid, kill.comm, kill.anon_rss_kb, kill.uid) == (519, "runltp", 904, 0)


def test_child_sacrifice_keeps_both_names() -> None:
    child = Task(300, "child", rss_anon=10)
    (incident,) = incidents(stamped(Report(KERNELS["4.4"], [SMALL, BIG, child], child, selected=BIG).lines()))
    assert incident.selected is not None
    assert (incident.selected.pid, incident.kills[0].pid) == (200, 300)


def test_sysrq() -> None:
    (incident,) = incidents(stamped(["sysrq: Manual OOM execution", *report()]))
    assert incident.sysrq


def test_a_notice_counts_no_kill_of_an_earlier_storm() -> None:
    """It may count more than the log still shows."""
    old, new = stamped([bare_kill(1)], 100.0), stamped([bare_kill(2)], 900.0)
    notice = stamped(["oom_kill_process: 23 callbacks suppressed"], 2000.0)
    found = incidents([*old, *new, *notice])
    assert [incident.report_suppressed for incident in found] == [False, True]


@pytest.mark.parametrize(
    ("lines", "comm", "anon_rss_kb"),
    [
        (
            ["> [   31.500000] Out of memory: Killed process 71 (crane-operator) total-", "vm:", "> 900kB, anon-rss:71kB"],
            "crane-operator", 71,
        ),
        (
            ["[   31.500000] Killed process 71 (winch)", "\N{LEFTWARDS ARROW WITH HOOK}total-vm:900kB, anon-rss:71kB"],
            "winch", 71,
        ),
        (["[   31.500000] Killed process 71 (winch) tot"], "winch", None),
        (["[   31.500000] Out of memory: Killed process 71 (winch) score 920 or sacrifice child"], "winch", None),
        (["[   31.500000] Killed process 71 (winch) total- vm: 900kB, anon-rss:71kB"], "winch", None),
        (["[   31.500000] Memory cgroup", "out of memory: Killed process 71 (winch) total-vm:9kB, anon-rss:7kB"], "winch", 7),
        (["[   31.500000] Memory", "cgroup out of memory: Killed process 71 (winch) total-vm:9kB, anon-rss:7kB"], "winch", 7),
    ],
)  # fmt: skip
def test_the_name_in_a_broken_kill_line_ends_where_its_bracket_does(
    lines: list[str], comm: str, anon_rss_kb: int | None
) -> None:
    (incident,) = incidents(lines)
    assert [(kill.pid, kill.comm, kill.anon_rss_kb) for kill in incident.kills] == [(71, comm, anon_rss_kb)]
    assert incident.uptime_us == 31_500_000


def test_a_stack_behind_the_selection_is_somebody_elses() -> None:
    """dump_header() has printed its own before; what stands here is a bug's, or another CPU's."""
    (incident,) = incidents(
        stamped(
            [
                "Out of memory: Kill process 71 (winch) score 504 or sacrifice child",
                "BUG: spinlock recursion on CPU#1, crane/88",
                "CPU: 1 PID: 88 Comm: crane Not tainted 4.4.0-rc7 #3",
                "Hardware name: QEMU Standard PC",
                "Killed process 71 (winch) total-vm:900kB, anon-rss:71kB, file-rss:0kB",
            ]
        )
    )
    assert incident.stack is None
    assert incident.boot_release == "4.4.0-rc7"
    assert [kill.pid for kill in incident.kills] == [71]


def test_a_kill_in_a_container_of_openvz() -> None:
    """Its rss is neither anonymous nor of files, so it is neither."""
    killed = "OOM killed process 71 (winch) score 0 vm:900kB, rss:71kB, swap:0kB"
    (one,) = incidents(stamped([f"Out of memory in UB 1042: {killed}"]))
    (kill,) = one.kills
    assert (kill.pid, kill.comm, kill.total_vm_kb, kill.anon_rss_kb) == (71, "winch", 900, None)
    assert kill.message == "Out of memory in UB 1042"
    (broken,) = incidents(["[   31.500000] Out of memory in UB 1042: OOM ", killed.removeprefix("OOM ")])
    assert [kill.pid for kill in broken.kills] == [71]


@pytest.mark.parametrize("quote", ["> ", ">", "> > ", ">> "])
def test_a_report_without_stamps_in_an_answer_to_a_mail(quote: str) -> None:
    """The answer itself is not quoted."""
    told = report(victim=BIG)
    (found,) = incidents(["I saw this:", *(quote + line for line in told), "and do not know why."])
    (plain,) = incidents(told)
    assert found.invoked is not None
    assert plain.invoked is not None
    assert found.invoked.comm == plain.invoked.comm
    assert [(kill.pid, kill.message) for kill in found.kills] == [(kill.pid, kill.message) for kill in plain.kills]
    assert (found.missing, found.call_trace, found.meminfo is None) == ([], plain.call_trace, plain.meminfo is None)


def test_a_row_that_journalctl_hides_is_a_lost_row() -> None:
    """A process may call itself what is no text; whatever it held, it may have been the largest."""
    lines = stamped(report())
    row = next(number for number, line in enumerate(lines) if line.endswith(" small"))
    stamp = lines[row][: lines[row].index("]") + 2]
    (hidden,) = incidents([*lines[:row], f"{stamp}[112B blob data]", *lines[row + 1 :]])
    assert hidden.table is not None and [one.comm for one in hidden.table.rows] == ["big"]
    assert (hidden.table.damaged_rows, hidden.missing) == (1, ["task_rows"])
    (whole,) = incidents([*lines, f"{stamp}[1.1K blob data]"])
    assert whole.missing == []


@pytest.mark.parametrize(
    "line",
    [
        "Killed process 9682, UID 27,(mysqld) total-vm:47388kB, anon-rss:3744kB, file-rss:80kB",
        "Out of memory: Killed process 9682 (mysqld) anon-rss:3744kB oom_score_adj:200",
        "Out of Memory: Killed process 9682 (mysqld).",
    ],
)
def test_a_kill_line_alone_that_somebody_wrote_anew(line: str) -> None:
    (incident,) = incidents(["From a manual:", line])
    assert [(kill.pid, kill.comm) for kill in incident.kills] == [(9682, "mysqld")]


@pytest.mark.parametrize("end", [".", ""])
def test_what_somebody_writes_below_a_kill_line_is_no_part_of_it(end: str) -> None:
    (incident,) = incidents([f"[   12.345678] Out of Memory: Killed process 2592 (mysql){end}", "as you see", "```"])
    assert [kill.comm for kill in incident.kills] == ["mysql"]


def test_a_pid_that_is_cut_is_nobodys() -> None:
    lines = [line if "Killed process" not in line else "Killed process 20" for line in report("4.4")]
    lines = [line.replace("[  100]", "[   20]") for line in lines]
    (incident,) = incidents(stamped(lines))
    assert incident.table is not None
    assert [row.pid for row in incident.table.rows] == [20, 200]
    assert [(kill.pid, kill.comm) for kill in incident.kills] == [(20, "")]


def test_a_name_that_looks_like_sizes() -> None:
    (incident,) = incidents(["[   12.345678] Killed process 12 (x) anon-rss:9kB)"])
    assert [kill.comm for kill in incident.kills] == ["x) anon-rss:9kB"]


def test_a_cut_summary_takes_no_kill_line_for_its_rest() -> None:
    (incident,) = incidents(["[   12.345678] oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpu", bare_kill(7)])
    assert [kill.pid for kill in incident.kills] == [7]


def test_a_selection_in_somebodys_source_code_is_none() -> None:
    assert incidents(['"Out of memory: Kill process 894 (a) score 0 or sacrifice child\\n"']) == []


@pytest.mark.parametrize("end", ["sacrifice c", "sacrifice childSep ", "sacrifice child**"])
@pytest.mark.parametrize("mark", ["", "# ", "**"])
def test_a_selection_whose_ends_somebody_else_touched(mark: str, end: str) -> None:
    (incident,) = incidents([f"{mark}Out of memory: Kill process 12 (java) score 673 or {end}"])
    assert incident.selected is not None
    assert (incident.selected.message, incident.selected.pid, incident.selected.score) == ("Out of memory", 12, 673)


def test_an_invocation_that_is_cut_within_its_flags() -> None:
    (incident,) = incidents(stamped(["oom invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|"]))
    assert incident.invoked is not None
    assert (incident.invoked.comm, incident.invoked.gfp_mask) == ("oom", "0x140dca")
    assert "head_cut" in incident.missing


def test_rows_before_another_report_are_none_of_its_own() -> None:
    rows = [line for line in report() if line.startswith("[") and "pid" not in line]
    other = [line.replace("[    100]", "[    300]") for line in report(victim=BIG)][1:]
    (incident,) = incidents(stamped([*[row.replace("[    200]", "[    900]") for row in rows], *other]))
    assert incident.table is not None
    assert [row.pid for row in incident.table.rows] == [300, 200]


def test_the_memory_of_something_else_is_not_that_of_a_bare_selection() -> None:
    lines = report("4.4")
    from_, to = (next(at for at, line in enumerate(lines) if word in line) for word in ("Mem-Info", "[ pid ]"))
    selection = [line for line in lines if "ill process" in line]
    (incident,) = incidents([*stamped(["sysrq: Show Memory", *lines[from_:to]]), *stamped(selection, start_s=90_000)])
    assert incident.meminfo is None


@pytest.mark.parametrize(("named", "after_s", "events"), [(300, 0.1, 1), (300, 60, 2), (100, 0.1, 2)])
def test_the_process_of_a_thread_that_asked_is_killed_at_once(named: int, after_s: float, events: int) -> None:
    """`named`: 300 is no row, so a thread; 100 is a process of its own, whose kill line is lost."""
    lines = [line.replace("task=big,pid=200", f"task=asks,pid={named}") for line in report() if "Killed" not in line]
    kill = next(line for line in report() if "Killed" in line).replace("memory:", "memory (oom_kill_allocating_task):")
    assert len(incidents([*stamped(lines), *stamped([kill], start_s=100 + after_s)])) == events


def test_a_report_that_begins_with_a_cgroups_statistics_has_them() -> None:
    lines = report("4.4", memcg="/pod")
    from_ = next(at for at, line in enumerate(lines) if line.startswith("Memory cgroup stats for"))
    (incident,) = incidents(stamped(lines[from_:]))
    assert [stats.path for stats in incident.memcg.stats] == ["/pod"]
    assert incident.table is not None and len(incident.kills) == 1
