"""What is done to all lines of a source before any is read, where its first lines ask for it. A new one is a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from oomforensics.parsers.framings import (
    ci_console,
    journal_verbose,
    line_ends,
    markdown,
    one_string,
    pretty_json,
    quoted_printable,
)
from oomforensics.parsers.records import PAUSED_LINE
from oomforensics.parsers.runs import Run

Numbered = tuple[int, Any]  # a line's number, and its bytes, a Run of several, or PAUSED_LINE's


class Rewrite(NamedTuple):
    looks_like_it: Callable[[Sequence[bytes]], bool]  # the first lines of a source
    of: Callable[[Iterable[Numbered]], Iterator[Numbered]]


def _most(is_one: Callable[[bytes], bool], least: int) -> Callable[[Sequence[bytes]], bool]:
    """It stands on no fewer than `least` lines, and on all but one in ten."""

    def looks_like_it(head: Sequence[bytes]) -> bool:
        said = [line for line in head if line.strip()]
        count = sum(map(is_one, said))
        return count >= least and 10 * count >= 9 * len(said)

    return looks_like_it


def _each(bare: Callable[[bytes], bytes]) -> Callable[[Iterable[Numbered]], Iterator[Numbered]]:
    """Of each line alone."""

    def of(lines: Iterable[Numbered]) -> Iterator[Numbered]:
        for numbered in lines:
            number, line = numbered
            if numbered is PAUSED_LINE:
                yield numbered
            elif isinstance(line, Run):
                yield from of(line.lines())
            else:
                yield number, bare(line)

    return of


REWRITES = (
    Rewrite(one_string.looks_like_it, one_string.taken_apart),
    Rewrite(_most(ci_console.is_stamped, ci_console.LEAST_LINES), _each(ci_console.bare)),
    Rewrite(_most(line_ends.is_ended, line_ends.LEAST_LINES), _each(line_ends.bare)),
    Rewrite(markdown.looks_like_it, _each(markdown.bare)),
    Rewrite(pretty_json.looks_like_it, pretty_json.on_one_line),
    Rewrite(journal_verbose.looks_like_it, journal_verbose.on_one_line),
    Rewrite(quoted_printable.looks_like_it, quoted_printable.decoded),
)


def asked_for(head: list[tuple[int, bytes]]) -> tuple[list[Rewrite], list[tuple[int, bytes]]]:
    """Those that the first lines ask for, in order; and these lines after them."""
    wanted = []
    for rewrite in REWRITES:
        if rewrite.looks_like_it([raw for _, raw in head]):
            wanted.append(rewrite)
            head = list(rewrite.of(head))
    return wanted, head
