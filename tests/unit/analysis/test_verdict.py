"""Each verdict word from a report that earns it, with figures worked by hand."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from oomforensics.analysis.model import Judged, Scope, VerdictWord
from tests.support.logs import judged
from tests.support.printer import KERNELS, Report, Task, stamped
from tests.support.samples import FIXTURES

W = VerdictWord
# 524,288 pages RAM - 16,384 reserved, no swap: totalpages 507,904, one unit of oom_score_adj is 507 pages.
TOTAL, UNIT = 507_904, 507


def one(kernel: str, tasks: list[Task], victim: Task, **changes: object) -> Judged:
    (result,) = judged(stamped(Report(KERNELS[kernel], tasks, victim, **changes).lines()))  # type: ignore[arg-type]
    return result


def task(pid: int, pages: int, adj: int = 0, **more: object) -> Task:
    return Task(pid, f"task{pid}", rss_anon=pages, oom_score_adj=adj, **more)  # type: ignore[arg-type]


def test_highest_badness_with_its_arithmetic() -> None:
    small, big = task(10, 1_000), task(11, 90_000, swapents=5)
    result = one("6.12", [small, big], big)
    # rss 90,010 + swapents 5 + 23 page-table pages
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert result.candidates[1].badness_pages == 90_038
    assert result.candidates[1].rank == 1
    assert result.candidates[1].points == 90_038 * 1000 // TOTAL == 177
    assert result.candidates[1].proc_oom_score == (1000 + 177) * 2 // 3
    assert (result.totalpages.pages, result.totalpages.exact) == (TOTAL, True)
    assert (result.verdict.runner_up_pid, result.verdict.margin_pages) == (10, 90_038 - 1_033)
    assert "524288 pages RAM - 16384 reserved + 0 pages of swap = 507904" in result.verdict.proof[0]
    assert "= 90038" in result.verdict.proof[1]
    assert result.complete
    assert result.era.name == "6.8-6.19"
    assert result.era.certain


def test_oom_score_adj_decides_and_the_text_says_so() -> None:
    small, big = task(10, 1_000, adj=500), task(11, 90_000)
    result = one("6.12", [small, big], small)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert result.candidates[0].badness_pages == 1_010 + 23 + 500 * UNIT
    assert "task11 (pid 11) is bigger" in result.verdict.text
    assert "the victim's oom_score_adj 500 decided" in result.verdict.text


def test_a_vendor_kernel_nobody_has_read_is_said_to_be_judged_as_its_base() -> None:
    small, big = task(10, 1_000), task(11, 90_000)
    kernel = replace(KERNELS["6.12"], release="6.12.0-55.9.1.el10_0.x86_64")
    (result,) = judged(stamped(Report(kernel, [small, big], big).lines()))
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert not result.era.certain
    assert any("RHEL 10) was read; judged as its upstream base" in caveat for caveat in result.verdict.caveats)
    assert result.verdict.era_agreement


@pytest.mark.parametrize("shield", [-600, -1000])
def test_a_shielded_bigger_process_is_named(shield: int) -> None:
    shielded, victim = task(10, 90_000, adj=shield), task(11, 20_000)
    result = one("6.12", [shielded, victim, task(12, 100)], victim)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert (
        f"task10 (pid 10) is bigger (90010 pages resident and swapped against 20010): its oom_score_adj {shield}"
        in (result.verdict.text)
    )


def test_minus_1000_is_no_candidate() -> None:
    exempt, victim = task(10, 90_000, adj=-1000), task(11, 500)
    result = one("5.10", [exempt, victim], victim)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert not result.candidates[0].eligible
    assert result.candidates[0].ineligible_reason == "oom_score_adj_min"
    assert result.candidates[0].badness_pages is None
    assert result.candidates[0].proc_oom_score == 0


@pytest.mark.parametrize(
    ("kernel", "victim", "word"),
    [
        ("6.12", 1, W.TIE),  # 5.3+: the last of equals
        ("6.12", 0, W.WITHIN_NOISE),
        ("4.14", 0, W.TIE),  # before: the first
        ("4.14", 1, W.WITHIN_NOISE),
        ("rhel7.9", 0, W.TIE),
    ],
)
def test_ties_follow_the_eras_order(kernel: str, victim: int, word: VerdictWord) -> None:
    """Sizes differ but sums are equal, so that no row repeats another."""
    tasks = [task(10, 4_000, total_vm=9_000), task(11, 4_000, total_vm=8_000), task(12, 100)]
    assert one(kernel, tasks, tasks[victim], score=7).verdict.word is word


def test_a_cgroup_before_5_3_does_not_show_its_order() -> None:
    tasks = [task(10, 4_000, total_vm=9_000), task(11, 4_000, total_vm=8_000)]
    result = one("4.14", tasks, tasks[1], memcg="/a", score=7)
    assert result.verdict.word is W.TIE
    assert "order that a cgroup's report does not show" in result.verdict.text


def test_child_sacrificed() -> None:
    parent, child = task(10, 90_000), task(11, 50)
    result = one("4.4", [parent, child], child, selected=parent, score=177)
    assert result.verdict.word is W.CHILD_SACRIFICED
    assert result.verdict.text.startswith("task10 (pid 10) had the highest badness, ")
    assert (
        "task11 (pid 11) died for it, whatever its own badness. The parent lives on, with its memory."
        in result.verdict.text
    )
    assert (result.selected_pid, result.victim_pid) == (10, 11)
    assert (result.printed_score, result.recomputed_score) == (177, 177)


def test_allocating_task() -> None:
    small, big = task(10, 1_000), task(11, 90_000)
    lines = [line.replace("Out of memory: Killed", "Out of memory (oom_kill_allocating_task): Killed")
             for line in Report(KERNELS["6.12"], [small, big], small).lines()]  # fmt: skip
    (result,) = judged(stamped(lines))
    assert result.verdict.word is W.ALLOCATING_TASK
    assert result.candidates[1].rank == 1, "the ranking is shown all the same"


def test_another_may_die_for_the_allocating_task() -> None:
    asks, dies = task(6344, 400), task(6345, 50)
    report = Report(KERNELS["4.4"], [asks, dies, task(11, 90_000)], dies, trigger=asks, selected=asks, score=0)
    lines = [line.replace("Out of memory: Kill", "Out of memory (oom_kill_allocating_task): Kill")
             for line in report.lines()]  # fmt: skip
    (result,) = judged(stamped(lines))
    assert (result.verdict.word, result.selected_pid, result.victim_pid) == (W.ALLOCATING_TASK, 6344, 6345)
    assert result.verdict.text == (
        "vm.oom_kill_allocating_task is set: the kernel took the task whose allocation failed, task6344, without comparing "
        "anyone. Killed was task6345 (pid 6345): a child in its parent's place, or the process to which that "
        "thread belongs."
    )


def test_from_5_1_on_no_child_dies_for_the_allocating_task() -> None:
    thread, process = task(6344, 400), task(6343, 400)
    lines = [line.replace("Out of memory: Killed", "Out of memory (oom_kill_allocating_task): Killed")
             .replace("task=task6343,pid=6343", "task=task6344,pid=6344")
             for line in Report(KERNELS["6.12"], [process], process, trigger=thread).lines()]  # fmt: skip
    (result,) = judged(stamped(lines))
    assert (result.verdict.word, result.selected_pid, result.victim_pid) == (W.ALLOCATING_TASK, 6344, 6343)
    assert result.verdict.text.endswith("Killed was task6343 (pid 6343): the process to which that thread belongs.")


@pytest.mark.parametrize(
    ("memcg", "drop", "word"),
    [
        (None, True, W.INSUFFICIENT_DATA),
        (None, False, W.HIGHEST_BADNESS),  # a machine of one process, as its whole report shows
        ("/pod", True, W.INSUFFICIENT_DATA),
        ("/pod", False, W.HIGHEST_BADNESS),
    ],
)
def test_one_row_without_what_stands_above_it_proves_nothing(memcg: str | None, drop: bool, word: W) -> None:
    lines = list(Report(KERNELS["4.4"], [task(10, 90_000)], task(10, 90_000), memcg=memcg, score=177).lines())
    if drop:
        table = next(at for at, line in enumerate(lines) if line.startswith("[ pid ]"))
        lines = lines[table:]
    (result,) = judged(stamped(lines))
    assert result.verdict.word is word, result.verdict.text


def test_oom_group() -> None:
    small, big = task(10, 1_000), task(11, 20_000)
    kill = list(Report(KERNELS["6.12"], [], small, memcg="/pod").kill_lines())
    lines = [*Report(KERNELS["6.12"], [small, big], big, memcg="/pod", swap_limit_kb=0).lines(),
             "Tasks in /pod are going to be killed due to memory.oom.group set", *kill]  # fmt: skip
    (result,) = judged(stamped(lines))
    assert result.verdict.word is W.OOM_GROUP
    assert result.victim_pid == 11
    assert [candidate.is_victim for candidate in result.candidates] == [True, True]
    assert "task11 (pid 11) had the highest badness" in result.verdict.text


def test_swapoff() -> None:
    big, swapoff = task(11, 90_000), Task(12, "swapoff", rss_anon=50)
    assert one("6.12", [big, swapoff], swapoff).verdict.word is W.OOM_ORIGIN


def test_swap_that_is_going_away_betrays_swapoff() -> None:
    """swapoff takes the device out of Total swap before it brings its pages back."""
    big, remover = task(11, 90_000, swapents=700), task(12, 50)
    result = one("6.12", [big, remover], remover, total_swap_kb=0)
    assert result.verdict.word is W.OOM_ORIGIN
    assert "700 pages there and Total swap is 0 kB" in result.verdict.text


def test_none_killable() -> None:
    lines = list(Report(KERNELS["6.12"], [task(10, 90_000, adj=-1000)], task(10, 1)).lines())
    cut = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    (result,) = judged(stamped([*lines[:cut], "Out of memory and no killable processes..."]))
    assert result.verdict.word is W.NONE_KILLABLE
    assert result.victim_pid is None
    assert result.complete


def test_not_explained_is_shown() -> None:
    small, big = task(10, 1_000), task(11, 90_000)
    result = one("6.12", [small, big], small)
    assert result.verdict.word is W.NOT_EXPLAINED
    assert "task11 (pid 11) leads with 90033 pages; task10 (pid 10) has 1033 pages" in result.verdict.text


def test_within_noise_states_the_error() -> None:
    first, second = task(10, 50_000), task(11, 50_200)
    result = one("5.10", [first, second], first)
    assert result.verdict.word is W.WITHIN_NOISE
    assert "leads task10 (pid 10) by 200 pages" in result.verdict.text
    assert "512 pages" in result.verdict.text  # 2 * 4 counters * 64 pages


def test_a_vfork_child_above_its_parent_is_inferred() -> None:
    parent, child = task(10, 60_000), Task(11, "task10", rss_anon=60_000)
    result = one("6.12", [parent, child, task(12, 50)], parent)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert result.candidates[1].ineligible_reason == "vfork_child"
    assert any("vfork" in caveat for caveat in result.verdict.caveats)


def test_an_earlier_victim_cannot_be_chosen_again() -> None:
    big, second = task(10, 90_000), task(11, 50_000)
    first = Report(KERNELS["6.12"], [big, second], big).lines()
    again = Report(KERNELS["6.12"], [big, second], second).lines()
    results = judged([*stamped(first, 100.0), *stamped(again, 103.0)])
    assert [result.verdict.word for result in results] == [W.HIGHEST_BADNESS, W.HIGHEST_BADNESS]
    assert results[1].candidates[0].ineligible_reason == "already_killed"


def test_no_table_is_insufficient() -> None:
    (result,) = judged(stamped(Report(KERNELS["6.12"], [], task(10, 1)).kill_lines()))
    assert result.verdict.word is W.INSUFFICIENT_DATA
    assert not result.complete
    assert result.totalpages.pages is None
    assert result.era.name is None, "the kill line alone fits several eras"
    assert "5.4-5.8" in result.era.alternatives


def test_before_2_6_36_nothing_can_be_recomputed() -> None:
    result = one("2.6.34", [task(10, 90_000), task(11, 50)], task(11, 50))
    assert result.verdict.word is W.INSUFFICIENT_DATA
    assert "CPU time" in result.verdict.text


@pytest.mark.parametrize("has_bonus", [True, False])
def test_root_bonus_is_told_by_the_printed_score(has_bonus: bool) -> None:
    root = Task(10, "daemon", uid=0, rss_anon=99_000)  # 99,010 + 20 + 3 = 99,033 pages
    spared = 99_033 * 3 // 100 if has_bonus else 0
    score = (99_033 - spared) * 1000 // TOTAL
    result = one("4.14", [root, task(11, 500)], root, score=score)
    assert (result.printed_score, result.recomputed_score) == (score, score)
    assert result.candidates[0].root_bonus_pages == spared
    assert (
        "nobody" in " ".join(result.verdict.caveats) or "no candidate" in " ".join(result.verdict.caveats)
    ) != has_bonus


def test_a_score_that_disagrees_is_shown() -> None:
    big = task(10, 90_000)
    result = one("4.14", [big, task(11, 5)], big, score=999)
    assert (result.printed_score, result.recomputed_score) == (999, 177)
    assert result.score_note == "printed 999, recomputed 177: different"


# -- totals ------------------------------------------------------------------------------------------------------------


def test_memcg_without_swap_is_exact() -> None:
    big = task(10, 9_000)
    result = one("6.12", [big, task(11, 5, adj=100)], big, memcg="/a", swap_limit_kb=0)
    assert (result.totalpages.pages, result.totalpages.exact) == (16_384, True)
    assert result.oom_memcg == "/a"
    assert result.candidates[0].proc_oom_score is None, "/proc/PID/oom_score refers to the machine, not the cgroup"


def test_a_swap_limit_that_is_used_up_tells_the_swap() -> None:
    big = task(10, 9_000, adj=100)
    lines = Report(KERNELS["6.12"], [big, task(11, 5)], big, memcg="/a", swap_limit_kb=16_384).lines()
    (result,) = judged(stamped([line.replace("swap: usage 0kB", "swap: usage 16384kB") for line in lines]))
    assert (result.totalpages.pages, result.totalpages.exact) == (16_384 + 4_096, True)


def test_memcg_total_that_does_not_matter_is_said() -> None:
    big = task(10, 9_000, adj=100)
    result = one("6.12", [big, task(11, 5)], big, memcg="/a")
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert not result.totalpages.exact
    assert any("the same for every value" in caveat for caveat in result.verdict.caveats)
    assert result.recomputed_score is None


def test_memcg_verdict_that_depends_on_swap_is_said() -> None:
    """9,033 pages against 5,033 + 100 * unit: the second leads once the unit exceeds 40, so swap decides."""
    first, second = task(10, 9_000), task(11, 5_000, adj=100)
    result = one("6.12", [first, second], second, memcg="/a", memcg_limit_kb=131_072)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert result.totalpages.pages is None, "32,768 pages of limit alone would not do"
    assert any("leads for a total from 40000 pages" in caveat for caveat in result.verdict.caveats)
    result = one("6.12", [first, second], first, memcg="/a", memcg_limit_kb=131_072)
    assert result.verdict.word is W.HIGHEST_BADNESS
    assert result.totalpages.pages == 32_768
    assert any("up to" in caveat and "pages" in caveat for caveat in result.verdict.caveats)


def test_total_swap_from_another_report_of_the_same_boot() -> None:
    big, small = task(10, 9_000), task(11, 5, adj=100)
    machine = Report(KERNELS["6.12"], [big, small], small, total_swap_kb=1_048_576)
    cgroup = Report(KERNELS["6.12"], [big, small], big, memcg="/a", swap_limit_kb=2_097_152)
    results = judged([*stamped(cgroup.lines(), 100.0), *stamped(machine.lines(), 500.0)])
    assert (results[0].totalpages.pages, results[0].totalpages.exact) == (16_384 + 262_144, True)
    assert "same boot" in results[0].totalpages.source


def test_total_is_found_from_the_printed_score() -> None:
    """score 710 of a task with oom_score_adj 600 fits only one range of totals: swap is in it."""
    grep = task(10, 130_513, adj=600, nr_ptes=268, nr_pmds=0)
    result = one("rhel7.9", [grep, task(11, 900)], grep, memcg="/site", memcg_limit_kb=524_288, score=710)
    low, high = result.totalpages.min_pages, result.totalpages.max_pages
    assert low is not None
    assert high is not None
    for pages in (low, high):
        assert (130_791 + 600 * (pages // 1000)) * 1000 // pages == 710
    assert (130_791 + 600 * ((low - 1) // 1000)) * 1000 // (low - 1) > 710
    assert "no independent check" in result.score_note


@pytest.mark.parametrize(("kernel", "size"), [("5.10", 4096), ("5.10-64k", 65536)])
def test_page_size_is_the_reports_own(kernel: str, size: int) -> None:
    big = task(10, 9_000)
    result = one(kernel, [big, task(11, 5)], big, total_swap_kb=1_048_576)
    assert result.page_size == size
    assert result.totalpages.pages == TOTAL + 1_048_576 * 1024 // size
    assert result.candidates[0].badness_pages == 9_010 + 23


def test_the_eras_unsure_the_victim_is_tried_under_all() -> None:
    big, small = task(10, 90_000), task(11, 5)
    lines = [line for line in Report(KERNELS["6.6"], [big, small], big).lines() if not line.startswith("CPU:")]
    (result,) = judged(stamped(lines))
    assert not result.era.certain
    assert result.verdict.era_agreement.startswith("The same victim under every era tried")


def test_identity_is_the_same_from_every_source() -> None:
    big = task(10, 90_000)
    lines = list(Report(KERNELS["6.12"], [big, task(11, 5)], big).lines())
    sources = [
        stamped(lines),
        [f"Nov 23 06:00:01 alpha kernel: {line}" for line in stamped(lines, 7000.0)],
        [f"2026-11-23T06:00:01.123456+01:00 alpha kernel: {line}" for line in lines],
        list(Report(KERNELS["6.12"], [], big).kill_lines()),
    ]
    ids = {result.incident_id for lines in sources for result in judged(lines)}
    assert len(ids) == 1


def test_a_run_without_a_kill_is_the_same_with_and_without_stamps() -> None:
    lines = list(Report(KERNELS["6.12"], [task(10, 90_000, adj=-1000)], task(10, 1)).lines())
    cut = next(place for place, line in enumerate(lines) if line.startswith("oom-kill:"))
    lines = [*lines[:cut], "Out of memory and no killable processes..."]
    (stamped_run,) = judged(stamped(lines))
    (syslog_run,) = judged([f"Nov 23 06:00:01 alpha kernel: {line}" for line in lines])
    assert stamped_run.incident_id == syslog_run.incident_id
    other = [line.replace("free:13191", "free:13192") for line in lines]
    assert judged(stamped(other))[0].incident_id != stamped_run.incident_id


def test_with_the_total_lost_nobody_with_an_adjustment_has_a_badness() -> None:
    """The victim may lead for every total; a badness under one that was only tried would be a guess."""
    log = (FIXTURES / "handmade" / "3.16-global.log").read_text()
    lost = [line for line in log.splitlines() if not re.search(r"pages RAM|pages reserved|managed:", line)]
    (found,) = judged(lost)
    assert (found.verdict.word, found.totalpages.pages) == (VerdictWord.HIGHEST_BADNESS, None)
    adjusted = [row for row in found.candidates if row.row.oom_score_adj]
    assert adjusted and all(row.badness_pages is None and row.badness_min is None for row in adjusted)
    assert {row.row.comm: row.badness_pages for row in found.candidates}["ruby worker"] == 52940


def test_whose_the_victim_was_by_the_line_before_its_kill() -> None:
    """The `oom-kill:` line is there from 5.0, the UID of a kill line from 5.4; the table between them may be lost."""
    named = (
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/,task=winch"
    )
    killed = "Out of memory: Killed process 71 (winch) total-vm:9kB, anon-rss:7kB, file-rss:0kB, shmem-rss:0kB"
    (one,) = judged([f"{named},pid=71,uid=1042", killed])
    assert (one.victim_pid, one.victim_uid) == (71, 1042)
    (other,) = judged([f"{named},pid=70,uid=1042", killed])
    assert (other.victim_pid, other.victim_uid) == (71, None)


@pytest.mark.parametrize(
    ("kept", "scope"),
    [
        (("mem_cgroup_out_of_memory", "invoked"), Scope.MEMCG),
        (("Memory cgroup stats for", "invoked"), Scope.MEMCG),
        (("invoked",), Scope.UNKNOWN),
    ],
)
def test_what_ran_out_is_told_by_what_only_a_cgroups_report_has(kept: tuple[str, ...], scope: Scope) -> None:
    lines = [*Report(KERNELS["4.4"], [task(1, 9)], task(1, 9), memcg="/a").lines()]
    lines.insert(4, " mem_cgroup_out_of_memory+0xbb/0xd0")
    (result,) = judged(stamped([line for line in lines if any(word in line for word in (*kept, "Call Trace"))]))
    assert result.scope is scope


@pytest.mark.parametrize(
    ("nodemask", "scope"),
    [("(null)", Scope.GLOBAL), ("0", Scope.GLOBAL), ("0-1", Scope.GLOBAL), ("1", Scope.UNKNOWN)],
)
def test_who_asked_for_some_nodes_only_did_not_run_the_machine_out(nodemask: str, scope: Scope) -> None:
    """4.9 to 4.20 do not print the constraint."""
    invoked = f"a invoked oom-killer: gfp_mask=0x16080c0(GFP_KERNEL), nodemask={nodemask},  order=0, oom_score_adj=0"
    (result,) = judged(stamped([invoked, "Out of memory: Kill process 9 (a) score 9 or sacrifice child"]))
    assert (result.scope, result.scope_inferred) == (scope, True)


@pytest.mark.parametrize(("nodemask", "scope"), [("0", Scope.UNKNOWN), ("0-1", Scope.GLOBAL)])
def test_nodes_with_memory_are_those_of_the_huge_pages(nodemask: str, scope: Scope) -> None:
    invoked = f"a invoked oom-killer: gfp_mask=0x16080c0(GFP_KERNEL), nodemask={nodemask}, order=0, oom_score_adj=0"
    pages = [
        f"Node {node} hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB" for node in (0, 1)
    ]
    kill = "Out of memory: Kill process 9 (a) score 9 or sacrifice child"
    (result,) = judged(stamped([invoked, "Mem-Info:", *pages, kill]))
    assert result.scope is scope


def test_a_release_that_another_report_names_is_said_to_be_borrowed() -> None:
    tasks = [task(1, 9)]
    whole = list(Report(KERNELS["6.12"], tasks, tasks[0]).lines())
    bare = list(Report(KERNELS["6.12"], [], task(2, 9)).kill_lines())
    named, borrowed = judged([*stamped(whole), *stamped(bare, start_s=9_000)])
    said = "the release is that of the boot's banner or of another report of the same boot"
    assert named.kernel_release == borrowed.kernel_release is not None
    assert (said in named.era.evidence, said in borrowed.era.evidence) == (False, True)


@pytest.mark.parametrize(
    ("limit", "expected"), [("/kube", "/kubepods/pod7"), ("/kubepods", "/kubepods"), ("/box", "/box"), ("/", "/")]
)
def test_the_path_of_a_limit_that_is_cut_within_a_name(limit: str, expected: str) -> None:
    lines = [line.replace("limit of /kubepods/pod7", f"limit of {limit}")
             for line in Report(KERNELS["4.4"], [task(1, 9)], task(1, 9), memcg="/kubepods/pod7").lines()]  # fmt: skip
    (result,) = judged(stamped(lines))
    assert result.oom_memcg == expected
