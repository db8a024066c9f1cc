"""What the entries look at: the scene, and figures over it that several of them need, each made once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from oomforensics.analysis.allocation import Allocation
from oomforensics.analysis.balance import Balance
from oomforensics.analysis.findings import memory
from oomforensics.analysis.findings.memory import Memory
from oomforensics.analysis.scene import Process, Scene

_ASSUMED_PAGE_SIZE = 4096
# What tells workers of one program apart: a number at the end, after whatever joins it to the name.
_NUMBER = re.compile(r"[\s:/#._-]*\d+$")


class Group(NamedTuple):
    """Processes that have something in common, and what they hold together."""

    name: str
    members: Sequence[Process]
    used_pages: int
    largest_pages: int


class Evidence:
    def __init__(self, scene: Scene, balance: Balance | None, allocation: Allocation) -> None:
        self.scene = scene
        self.balance = balance
        self.allocation = allocation

    @cached_property
    def page_kb(self) -> int:
        return (self.scene.page_size or _ASSUMED_PAGE_SIZE) // 1024

    @cached_property
    def memory(self) -> Memory | None:
        """What ran out, by kind; None where the report does not say."""
        return memory.of(self.scene, self.balance, self.page_kb)

    @cached_property
    def used_pages(self) -> int:
        """Of all processes of the table, without what is known to be shared."""
        return sum(map(own_pages, self.scene.processes))

    def matters(self, pages: int, least: float) -> bool:
        """Whether this is a part of the memory that ran out worth speaking of; True where that is not known."""
        return self.memory is None or pages * self.page_kb >= self.memory.whole.kb * least

    @cached_property
    def biggest(self) -> Process | None:
        """That holds most, resident and swapped, whether the kernel could choose it or not."""
        return max(self.scene.processes, key=lambda process: process.used_pages, default=None)

    @cached_property
    def by_name(self) -> Mapping[str, Group]:
        """Processes of one name, numbers at its end aside."""
        members: dict[str, list[Process]] = {}
        for process in self.scene.processes:
            members.setdefault(process.comm or "", []).append(process)
        stems: dict[str, list[Process]] = {}
        for name, found in members.items():
            stem = _NUMBER.sub("", name) if name[-1:].isdigit() else name
            stems.setdefault(stem or name, []).extend(found)
        return {name: _group(name, found) for name, found in stems.items()}


def own_pages(process: Process) -> int:
    """Resident and swapped; without file pages and shared memory where the table tells them apart (6.8 and later)."""
    resident = process.rss_pages if process.rss_anon_pages is None else process.rss_anon_pages
    return (resident or 0) + (process.swapents_pages or 0)


def _group(name: str, members: Sequence[Process]) -> Group:
    sizes = list(map(own_pages, members))
    return Group(name, members, sum(sizes), max(sizes))
