"""Where the memory was: every page that a report accounts for, in one tree that sums to RAM or to the limit."""

from __future__ import annotations

from dataclasses import dataclass

from oomforensics.analysis.scene import Scene


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the whole. Children never add up to more than their parent says; what is left over is a node of its own."""

    node: str  # its name: unique within the tree, the kernel's own word where it has one
    parent: str | None
    label: str  # for people
    bytes: int | None  # None: not known, bounded by the next two where they are
    min_bytes: int | None
    max_bytes: int | None
    origin: str  # printed field that it was read from, or the sum behind it
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    nodes: tuple[Node, ...]  # parents before their children
    text: str  # one or two sentences: who had the memory, what is left over, why RSS does not add up


def balance(scene: Scene) -> Balance | None:
    """None where the report prints neither Mem-Info nor the statistics of the cgroup whose limit was hit."""
    return None
