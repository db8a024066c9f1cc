"""The tree of a balance: parts that add up to what their parent says, whatever the counters say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Node(NamedTuple):
    """A part of the whole. Children add up to their parent; what is left over is a node of its own."""

    node: str  # its name: unique within the tree, ours or the kernel's, never text of a log
    parent: str | None
    label: str  # for people
    bytes: int
    min_bytes: int
    max_bytes: int
    origin: str  # printed field that it was read from, or the sum behind it
    line: int | None = None
    memcg: str | None = None  # control group whose share of its parent it is

    @property
    def kb(self) -> int:
        return self.bytes // 1024

    @property
    def least_kb(self) -> int:
        return self.min_bytes // 1024


@dataclass(frozen=True, slots=True)
class Balance:
    nodes: tuple[Node, ...]  # parents before their children
    text: str  # who had the memory, what is left over, why RSS does not add up to it


class Part(NamedTuple):
    """A node in the making, of bytes as printed: it may still overlap its siblings."""

    name: str
    label: str
    bytes: int
    origin: str
    line: int | None = None
    least: int | None = None  # None: `bytes`
    most: int | None = None
    parts: tuple[Part, ...] = ()
    memcg: str | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        least = self.bytes if self.least is None else min(self.least, self.bytes)
        most = self.bytes if self.most is None else max(self.most, self.bytes)
        return max(0, least), most


def group(name: str, label: str, parts: Sequence[Part | None], origin: str) -> Part | None:
    """What these come to; None without any. One that is nothing is left out."""
    there = tuple(part for part in parts if part is not None and part.bytes)
    if not there:
        return None
    bounds = [part.bounds for part in there]
    total = sum(part.bytes for part in there)
    return Part(name, label, total, origin, there[0].line, sum(least for least, _ in bounds),
                sum(most for _, most in bounds), there)  # fmt: skip


def with_rest(part: Part, name: str, label: str, origin: str) -> Part:
    """The part with what its own parts leave over as the last of them."""
    left = part.bytes - sum(one.bytes for one in part.parts)
    if left <= 0 or not part.parts:
        return part
    return part._replace(parts=(*part.parts, Part(name, label, left, origin)))


def nodes(whole: Part) -> list[Node]:
    """Parents before children. Counters are read one after the other, and none of them with the shares that single CPUs hold,
    so parts may come to more than their whole: then the largest give up the difference and keep what was printed as their
    upper bound."""
    found: list[Node] = []
    _add(found, whole, None, whole.bounds[1])
    return found


def _add(found: list[Node], part: Part, parent: str | None, ceiling: int) -> None:
    name, label, bytes_, origin, line, _, _, parts, memcg = part
    least, most = part.bounds
    found.append(Node(name, parent, label, bytes_, least, min(most, ceiling), origin, line, memcg))
    for child in _fitted(parts, bytes_):
        _add(found, child, name, bytes_)


def _fitted(parts: Sequence[Part], room: int) -> Sequence[Part]:
    excess = sum([part.bytes for part in parts]) - room
    if excess <= 0:
        return parts
    fitted = list(parts)
    for place in sorted(range(len(parts)), key=lambda place: -parts[place].bytes):
        if excess <= 0:
            break
        part = parts[place]
        given = min(part.bytes, excess)
        excess -= given
        least, most = part.bounds
        fitted[place] = part._replace(bytes=part.bytes - given, least=min(least, part.bytes - given), most=most,
                                origin=f"{part.origin}; {given} bytes less, for the counters overlap")  # fmt: skip
    return fitted
