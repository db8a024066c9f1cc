"""Why the allocation failed that made the kernel kill: the request against what was there for it.

model    what is said of it
limits   a control group refused the charge
zones    each zone against the request
machine  the page allocator refused
page_fault  somebody refused, and a page fault told the kernel
"""

from __future__ import annotations

from oomforensics.amounts import size
from oomforensics.analysis.allocation import limits, machine, page_fault, zones
from oomforensics.analysis.allocation.model import Allocation, Cause, ZoneCheck
from oomforensics.analysis.model import Scope
from oomforensics.analysis.nodes import parse_list
from oomforensics.analysis.scene import Scene
from oomforensics.analysis.scope import SYSRQ_ORDER
from oomforensics.kernel.gfp import Gfp, decode
from oomforensics.kernel.watermarks import MAX_ORDER, Request, reaches, rules_of
from oomforensics.parsers.facts import MemInfo

__all__ = ["Allocation", "Cause", "ZoneCheck", "allocation"]

_ASSUMED_PAGE_SIZE = 4096
_COMMONEST = Request(order=0, movable=True, high=False)


def allocation(scene: Scene) -> Allocation:
    return _Request(scene).answer()


class _Request:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.page_size = scene.page_size or _ASSUMED_PAGE_SIZE
        self.gfp = decode(scene.gfp_mask, scene.version) if scene.gfp_mask else None
        order = scene.alloc_order
        self.order = order if order is None or order <= MAX_ORDER else None
        self.notes: list[str] = []

    def answer(self) -> Allocation:
        scene = self.scene
        if scene.scope == Scope.SYSRQ or self.order == SYSRQ_ORDER:
            return self._made(Cause.SYSRQ, "No allocation failed: somebody asked for the kill (sysrq f).")
        self._note_what_is_lost()
        if scene.scope == Scope.MEMCG:
            return self._of_cgroup()
        return self._of_machine()

    def _note_what_is_lost(self) -> None:
        if self.order != self.scene.alloc_order:
            self.notes.append(f"The order {self.scene.alloc_order} is nothing that a kernel can ask for.")
        if self.scene.gfp_mask is None:
            self.notes.append("The flags and the order of the request are not in the report.")
        elif self.gfp is None:
            self.notes.append(f"What the flags {self.scene.gfp_mask} mean depends on the kernel, which is not known.")
        elif self.gfp.unknown_bits:
            self.notes.append(
                f"The bits {self.gfp.unknown_bits:#x} of the flags have no name that is known for this kernel."
            )

    def _of_cgroup(self) -> Allocation:
        scene = self.scene
        cause, used = limits.refused(scene, self._bytes // 1024)
        what = {
            Cause.MEMSW_LIMIT: "limit of memory and swap together",
            Cause.KMEM_LIMIT: "limit of kernel memory",
        }.get(cause, "memory limit")
        swap = list(limits.swap(scene))
        asked = f"{size(self._bytes)} more" if self.order is not None else "more"
        text = f"The {what} {limits.level(scene)} refused {asked}: {used}"
        if cause is Cause.UNKNOWN:
            text = f"Why the kernel killed in {scene.oom_memcg or 'a control group'} is not known: {used}"
        text += "".join(f"; {words}" for _, words in swap) + "."
        return self._made(cause, text, tuple(one for one, _ in swap))

    def _of_machine(self) -> Allocation:
        scene, info = self.scene, self.scene.meminfo
        if info is None or not info.zones:
            lost = "the report is lost, only the kill is left" if "report" in scene.missing else "its zones are lost"
            return self._made(Cause.UNKNOWN, f"Why the allocation failed is not known: {lost}.")
        if scene.page_size is None:
            self.notes.append(f"The page size is not in the report: {self.page_size} bytes are assumed.")
        if scene.version is None:
            self.notes.append("The kernel is not known: the oldest rules of watermarks are applied.")
        nodes = self._nodes()
        reach = self._reach(info)
        judged = self._judge(info, reach, nodes)
        rows = tuple(one.row for one in judged)
        if self.gfp is not None and not self.gfp.bits:
            return self._made(Cause.UNKNOWN, page_fault.told(scene, rows), zones=rows, nodes=nodes)
        if reach is not None:
            found = machine.why(scene, info, judged, self._request, reach, nodes, self.page_size)
            return self._made(found.cause, found.text, found.also, rows, nodes, reach)
        judged = self._judge(info, "Movable", nodes)
        found = machine.why(scene, info, judged, _COMMONEST, "Movable", nodes, self.page_size)
        if found.cause is not Cause.NOT_ENOUGH_MEMORY:
            return self._made(
                Cause.UNKNOWN, "Why the allocation failed is not known: its flags are not.", (), rows, nodes
            )
        self.notes.append("It is judged as a page of a process's memory (GFP_HIGHUSER_MOVABLE), the commonest request.")
        return self._made(found.cause, found.text, found.also, tuple(one.row for one in judged), nodes)

    def _judge(self, info: MemInfo, reach: str | None, nodes: frozenset[int] | None) -> list[zones.Judged]:
        rules = rules_of(self.scene.version or (0, 0, 0))
        return zones.judge(
            info, self.page_size, self._request if reach is not None else _COMMONEST, reach, nodes, rules
        )

    @property
    def _request(self) -> Request:
        if self.gfp is None:
            return _COMMONEST
        return Request(max(self.order or 0, 0), "MOVABLE" in self.gfp.flags, "HIGH" in self.gfp.flags)

    @property
    def _bytes(self) -> int:
        return self.page_size << max(self.order or 0, 0)

    def _reach(self, info: MemInfo) -> str | None:
        if self.gfp is None:
            return None
        return reaches(zones.built_with(info), self.gfp.highest_zone)

    def _nodes(self) -> frozenset[int] | None:
        """Nodes that the request may use; None: all of them, or not known."""
        policy = parse_list(self.scene.nodemask)
        allowed = parse_list(self.scene.mems_allowed)
        found = policy & allowed if policy and allowed else policy or allowed
        return frozenset(found) or None

    def _made(
        self, cause: Cause, text: str, also: tuple[Cause, ...] = (), zones: tuple[ZoneCheck, ...] = (),
        nodes: frozenset[int] | None = None, reach: str | None = None,
    ) -> Allocation:  # fmt: skip
        asked = self.order is not None and self.order >= 0
        return Allocation(
            cause=cause,
            also=also,
            text=text,
            gfp_flags=self.gfp.names if self.gfp is not None else None,
            order_asked=self.order,
            request_bytes=self._bytes if asked else None,
            migratetype=_migratetype(self.gfp),
            highest_zone=reach,
            nodes=",".join(map(str, sorted(nodes))) if nodes else None,
            limit_memcg=self.scene.oom_memcg,
            zones=zones,
            notes=tuple(self.notes),
        )


def _migratetype(gfp: Gfp | None) -> str | None:
    return gfp.migratetype if gfp is not None and gfp.bits else None
