"""What is done to all lines of a source before any is read, where its first lines ask for it. A new one is a row here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from oomforensics.parsers.framings import (
    ci_console,
    journal_verbose,
    line_ends,
    one_string,
    pretty_json,
    quoted_printable,
)

Numbered = tuple[int, Any]  # a line's number, and its bytes, a Run of several, or PAUSED_LINE's


class Rewrite(NamedTuple):
    looks_like_it: Callable[[Sequence[bytes]], bool]  # the first lines of a source
    of: Callable[[Iterable[Numbered]], Iterator[Numbered]]


REWRITES = (
    Rewrite(one_string.looks_like_it, one_string.taken_apart),
    Rewrite(ci_console.looks_like_it, ci_console.taken_off),
    Rewrite(line_ends.looks_like_it, line_ends.taken_off),
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
