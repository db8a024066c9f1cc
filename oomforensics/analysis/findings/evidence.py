"""What the entries look at: the scene, and figures over it that several of them need, each made once."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import NamedTuple

from oomforensics.analysis.allocation import Allocation
from oomforensics.analysis.balance import Balance
from oomforensics.analysis.findings import memory
from oomforensics.analysis.findings.memory import Memory
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.task_table import Process, TaskTable

_ASSUMED_PAGE_SIZE = 4096
# What tells workers of one program apart: a number at the end, after whatever joins it to the name.
_NUMBER = re.compile(r"[\s:/#._-]*\d+$")


@lru_cache(maxsize=4096)
def _stem(name: str | None) -> str:
    name = name or ""
    return (_NUMBER.sub("", name) or name) if name[-1:].isdigit() else name


class Group(NamedTuple):
    """Processes that have something in common, and what they hold together."""

    numbered: bool  # their names differ by a number at the end
    members: TaskTable
    used_pages: int
    largest_pages: int


class Evidence:
    def __init__(self, scene: Scene, balance: Balance | None, allocation: Allocation) -> None:
        self.scene = scene
        self.allocation = allocation
        self.page_kb = (scene.page_size or _ASSUMED_PAGE_SIZE) // 1024
        # What ran out, by kind; None where the report does not say.
        self.memory: Memory | None = memory.of(scene, balance, self.page_kb)

    @cached_property
    def used_pages(self) -> int:
        """Of all processes of the table; memory that they share may be in it as often as it is shared."""
        return int(self.scene.processes.own_pages.sum())

    @cached_property
    def most_own_pages(self) -> int:
        """Of the process of the table that has most."""
        return int(self.scene.processes.own_pages.max(initial=0))

    def matters(self, pages: int, least: float) -> bool:
        """Whether this is a part of the memory that ran out worth speaking of; True where that is not known."""
        return self.memory is None or pages * self.page_kb >= self.memory.whole.kb * least

    @cached_property
    def biggest(self) -> Process | None:
        """That holds most, resident and swapped, whether the kernel could choose it or not."""
        return self.scene.processes.largest(self.scene.processes.used_pages)

    @cached_property
    def largest_group(self) -> Group | None:
        """Processes of one name, numbers at its end aside, that have most."""
        tasks = self.scene.processes
        names, own_pages = tasks.listed("comm"), tasks.own_pages.tolist()
        stems = [_stem(name) for name in names]
        totals = dict.fromkeys(stems, 0)
        for stem, pages in zip(stems, own_pages, strict=True):
            totals[stem] += pages
        if not totals:
            return None
        largest = max(totals, key=totals.__getitem__)
        members = [place for place, stem in enumerate(stems) if stem == largest]
        numbered = len({names[place] or "" for place in members}) > 1
        return Group(numbered, tasks.at(members), totals[largest], max([own_pages[place] for place in members]))
