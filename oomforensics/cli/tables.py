"""Rows as a table that fits the terminal. Where even narrow columns do not fit, each row becomes a list of its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oomforensics.cli.terminal import safe
from oomforensics.reports.escape import cells, clip, pad

_GAP = "  "
_NARROW = 6  # no column is made narrower


def render(header: Sequence[str], rows: Sequence[Sequence[object]], width: int | None) -> Iterator[str]:
    """Lines, each with its end. Numbers stand to the right. `width`: columns of the terminal; None = no limit."""
    names = [safe(name) for name in header]
    texts = [[_shown(value) for value in row] for row in rows]
    widths = [max(map(cells, column)) for column in zip(names, *texts, strict=True)]
    if width is not None and not _shrink(widths, width - len(_GAP) * (len(widths) - 1)):
        yield from _records(names, texts, width)
        return
    right = [
        any(row[at] is not None for row in rows) and all(_is_number(row[at]) for row in rows if row[at] is not None)
        for at in range(len(names))
    ]
    for line in (names, *texts):
        parts = [
            pad(clip(text, room), room, right=to_right)
            for text, room, to_right in zip(line, widths, right, strict=True)
        ]
        yield _GAP.join(parts).rstrip() + "\n"


def _shown(value: object) -> str:
    return "" if value is None else safe(str(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shrink(widths: list[int], room: int) -> bool:
    """Take from the widest columns until all fit; False where they cannot."""
    while sum(widths) > room:
        widest = max(range(len(widths)), key=widths.__getitem__)
        if widths[widest] <= _NARROW:
            return False
        rest = sorted(widths, reverse=True)[1:2]
        least = max(_NARROW, rest[0] if rest else 0)
        step = max(1, min(sum(widths) - room, widths[widest] - least))
        widths[widest] -= step
    return True


def _records(names: Sequence[str], texts: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    left = min(max(map(cells, names)), width // 2)
    for number, row in enumerate(texts, start=1):
        yield f"-- {number}\n"
        for name, text in zip(names, row, strict=True):
            yield clip(f"{pad(clip(name, left), left)}{_GAP}{text}", width).rstrip() + "\n"
