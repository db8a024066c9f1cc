"""What the entries look at: the scene, and figures over it that several of them need, each made once."""

from __future__ import annotations

import re
from collections.abc import Sequence
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

    numbered: bool  # their names differ by a number at the end
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
    def own_pages(self) -> Sequence[int]:
        """Of each process of the table: resident and swapped, without files and shared memory where it tells (6.8 and later)."""
        return [
            ((one.rss_pages if one.rss_anon_pages is None else one.rss_anon_pages) or 0) + (one.swapents_pages or 0)
            for one in self.scene.processes
        ]

    @cached_property
    def used_pages(self) -> int:
        """Of all processes of the table; memory that they share may be in it as often as it is shared."""
        return sum(self.own_pages)

    def matters(self, pages: int, least: float) -> bool:
        """Whether this is a part of the memory that ran out worth speaking of; True where that is not known."""
        return self.memory is None or pages * self.page_kb >= self.memory.whole.kb * least

    @cached_property
    def biggest(self) -> Process | None:
        """That holds most, resident and swapped, whether the kernel could choose it or not."""
        return max(self.scene.processes, key=lambda process: process.used_pages, default=None)

    @cached_property
    def largest_group(self) -> Group | None:
        """Processes of one name, numbers at its end aside, that have most."""
        totals: dict[str, int] = {}
        for process, pages in zip(self.scene.processes, self.own_pages, strict=True):
            name = process.comm or ""
            totals[name] = totals.get(name, 0) + pages
        stems: dict[str, list[str]] = {}
        for name in totals:
            stem = _NUMBER.sub("", name) if name[-1:].isdigit() else name
            stems.setdefault(stem or name, []).append(name)
        if not stems:
            return None
        largest = max(stems, key=lambda stem: sum(totals[name] for name in stems[stem]))
        names = frozenset(stems[largest])
        members = [
            (process, pages)
            for process, pages in zip(self.scene.processes, self.own_pages, strict=True)
            if (process.comm or "") in names
        ]
        sizes = [pages for _, pages in members]
        return Group(len(names) > 1, [process for process, _ in members], sum(sizes), max(sizes))
