"""The real kernels' runs that show each finding: one that triggers it, one that nearly does and must not.

A run is laid out as a bundle of a host of its own: its log, and what was read of /proc and cgroupfs beside it. A recording
lies in a folder as it is.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FIXTURES_FOLDER = Path(__file__).parents[2] / "fixtures"
RUNS = FIXTURES_FOLDER / "kernels"
_RECORDINGS = "recordings/"
_5_10, _6_1, _7_2 = "5.10.0-32-cloud-amd64", "6.1.0-50-cloud-amd64", "7.2.13+deb14-cloud-amd64"
_686 = "6.1.0-50-686-pae"
_V1, _V1_LATER = "host-6.18.44-fc-v445-memcg-v1", "host-6.18.44-fc-v857-memcg-v1"


class Pair(NamedTuple):
    """Names of runs, below `fixtures/kernels`, or of recordings, and what the second lacks."""

    triggers: str
    nearly: str
    why_not: str


FIXTURES: dict[str, Pair] = {
    "leak": Pair("recordings/grew-leak", "recordings/grew-burst", "something else leaks beside what burst"),
    "burst": Pair("recordings/grew-burst", "recordings/grew-leak", "the same growth over 38 s"),
    "who_grew_lives": Pair("recordings/grew-leak", "recordings/grew-burst", "who grew is the victim"),
    "limit_below_steady_use": Pair("recordings/grew-steady", "recordings/grew-burst", "half of the limit was free"),
    "limit_of_ancestor": Pair(
        f"{_7_2}/memcg-v2-nested", f"{_7_2}/memcg-v2-weird-victims-1", "nested too, and the inner limit was hit"
    ),
    "kernel_holds_most": Pair(f"{_6_1}/slab-hog", f"{_6_1}/fragmented", "45 %, most of it in no counter"),
    "memory_in_no_counter": Pair(f"{_6_1}/pipe-hog", f"{_7_2}/page-table-hog", "8 %, of what the kernel set up"),
    "tmpfs_not_freed": Pair(f"{_6_1}/tmpfs-hog", f"{_7_2}/memcg-v2-shared", "as much shared memory, all of it mapped"),
    "shared_memory": Pair(
        f"{_7_2}/memcg-v2-shared", f"{_7_2}/memcg-v2-tmpfs", "as much shared memory, none of it mapped"
    ),
    "slab_unreclaimable": Pair(f"{_6_1}/slab-hog", f"{_6_1}/thread-hog", "nine per cent, of a thousand threads"),
    "kernel_stacks": Pair(f"{_6_1}/thread-hog", f"{_6_1}/a-little-of-each", "400 threads: 3 %"),
    "fragmented": Pair(f"{_6_1}/fragmented", f"{_6_1}/order-3-exhausted", "the same request, and little memory free"),
    "other_nodes_had_room": Pair(f"{_6_1}/cpuset", f"{_6_1}/mempolicy-both-full", "the other node is as full"),
    "lower_zones_exhausted": Pair(f"{_686}/lowmem-slab", f"{_686}/highmem-full", "HighMem is as full as Normal"),
    "huge_pages_idle": Pair(f"{_6_1}/huge-pages-idle", f"{_6_1}/huge-pages", "as large a pool, all of it in use"),
    "kill_loop": Pair(
        f"{_V1_LATER}/memcg-restarted", f"{_V1}/memcg-tmpfs", "three victims of one cgroup, of three names"
    ),
    "overcommitted": Pair(f"{_6_1}/promised", f"{_6_1}/global-bystander", "as much used, little more promised"),
    "cgroup_hangs_unkilled": Pair(
        f"{_V1_LATER}/memcg-v1-oom-kill-disable-beside", f"{_V1_LATER}/memcg-restarted", "the killer is enabled"
    ),
    "page_tables": Pair(f"{_7_2}/page-table-hog", f"{_6_1}/a-little-of-each", "3 %, most of it of 400 threads"),
    "mlocked": Pair(f"{_6_1}/locked-hog", f"{_6_1}/a-little-of-each", "a smaller process is locked: 15 %"),
    "huge_pages_in_use": Pair(f"{_6_1}/huge-pages", f"{_6_1}/a-little-of-each", "the pool is 15 %"),
    "no_swap": Pair(f"{_7_2}/global-no-swap", f"{_7_2}/global-swap", "there is swap"),
    "swap_full": Pair(f"{_6_1}/global-swappiness-0", f"{_6_1}/memcg-v2-swappiness-0", "swap is free and not used"),
    "swap_forbidden": Pair(f"{_6_1}/memcg-v2-hog", f"{_6_1}/memcg-v2-swap-unlimited", "swap without a limit"),
    "swappiness_zero": Pair(
        f"{_6_1}/memcg-v2-swappiness-0", f"{_6_1}/global-swappiness-0", "0 too, but swap was used and is full"
    ),
    "zram_counted_as_swap": Pair(f"{_7_2}/global-swap-zram", f"{_7_2}/global-swap", "swap on a disk"),
    "culprit_shielded": Pair(f"{_7_2}/adj-500-saves-biggest", f"{_7_2}/global-no-swap", "the biggest is taken"),
    "bystander_doomed": Pair(
        f"{_7_2}/adj500-dooms-smallest", f"{_7_2}/vfork-adjusted-child-memory", "the other is not twice as big"
    ),
    "everything_shielded": Pair(
        f"{_6_1}/memcg-v2-none-killable", f"{_6_1}/adj-1000-saves-biggest", "others can be killed"
    ),
    "many_small_processes": Pair(
        f"{_7_2}/many-children", f"{_7_2}/memcg-v2-weird-names", "as many, each of another name"
    ),
    "group_killed_together": Pair(f"{_7_2}/memcg-v2-oom-group", f"{_7_2}/memcg-v2-hog", "no memory.oom.group"),
    "victim_memory_was_shared": Pair(f"{_7_2}/memcg-v2-shared", f"{_7_2}/memcg-v2-hog", "as large, and its own"),
    "many_of_one_unit": Pair("recordings/grew-pool", "recordings/grew-leak", "three processes, one of which has most"),
    "victim_held_most": Pair(f"{_7_2}/memcg-v2-hog", f"{_7_2}/global-no-swap", "45 % of the machine"),
    "victim_held_little": Pair(
        f"{_7_2}/adj500-dooms-smallest", f"{_7_2}/global-bystander", "a bystander too, but a large one"
    ),
    "storm": Pair(f"{_V1}/memcg-storm", f"{_7_2}/memcg-v2-weird-victims-1", "seven kills within a second"),
    "killed_before_memory_came_back": Pair(
        f"{_5_10}/victim-starved", f"{_6_1}/victim-starved", "the reaper takes locked memory too, and nobody else dies"
    ),
    "reaper_failed": Pair(
        f"{_6_1}/memcg-v2-reaper-fails", f"{_6_1}/memcg-v2-victim-waits-for-disk", "the victim is reaped while it waits"
    ),
    "panicked_on_oom": Pair(f"{_6_1}/panic-on-oom", f"{_6_1}/memcg-v2-panic-1-kills", "1 does not hold for a cgroup"),
    "allocating_task_killed": Pair(
        f"{_7_2}/allocating-task", f"{_7_2}/memcg-v2-allocating-task", "it does not hold for a cgroup"
    ),
    "known_kernel_bug": Pair(
        f"{_6_1}/memcg-v1-dirty-cache",
        f"{_6_1}/memcg-v1-dirty-cache-small",
        "the same kernel, a quarter of the limit is dirty",
    ),
    "evidence_lost": Pair(f"{_6_1}/no-table", f"{_6_1}/global-bystander", "the same with its table"),
}


def host(run: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in run)


def lay_out(runs: Iterable[str], into: Path) -> None:
    """Each run as a bundle in a folder of its own."""
    for run in runs:
        folder = into / host(run)
        if run.startswith(_RECORDINGS):
            shutil.copytree(FIXTURES_FOLDER / run, folder)
            continue
        truth = json.loads((RUNS / run / "truth.json").read_text(encoding="utf-8", errors="surrogateescape"))
        files = {
            "hostname": f"{host(run)}\n",
            "proc/sys/kernel/random/boot_id": f"{uuid.uuid5(uuid.NAMESPACE_URL, run)}\n",
            "proc/meminfo": truth["meminfo"],
            "proc/swaps": truth["swaps"],
            **{f"proc/sys/{name}": f"{value}\n" for name, value in truth["sysctls"].items()},
            **dict(_counters(truth.get("cgroup"))),
        }
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
        (folder / "sos_commands/kernel").mkdir(parents=True)
        (folder / "sos_commands/kernel/dmesg").write_bytes((RUNS / run / "dmesg.log").read_bytes())


def _counters(cgroup: dict[str, object] | None) -> Iterator[tuple[str, str]]:
    """The cgroup's files as they were afterwards."""
    if cgroup is not None and isinstance(after := cgroup["after"], dict):
        hierarchy = "memory/" if cgroup["version"] == "v1" else ""
        for leaf, text in after.items():
            if leaf.startswith(("memory.events", "memory.oom_control")):
                yield f"sys/fs/cgroup/{hierarchy}{str(cgroup['path']).lstrip('/')}/{leaf}", text
