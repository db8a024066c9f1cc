"""A stream of bytes as numbered lines, whatever is in it.

    for number, line in lines(chunks, problems, source): ...

A line ends in LF, CR LF, CR CR LF or LF CR (serial consoles), none of which it keeps. NUL bytes go: log files that were
preallocated, or torn by a crash, are full of them. No more than MAX_LINE bytes of a line are ever held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from oomforensics.parsers.records import Problem

MAX_LINE = 64 * 1024


def lines_of(part: bytes, problems: list[Problem], source: str, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """The same of one chunk; most have nothing about them that must be looked at line by line."""
    if len(part) > MAX_LINE or b"\r" in part or b"\0" in part:
        return lines([part], problems, source, first)
    split = part.split(b"\n")
    if not split[-1]:
        split.pop()
    return enumerate(split, first)


def lines(chunks: Iterable[bytes], problems: list[Problem], source: str, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Every line with its number; the first one is `first`. Chunks may end anywhere."""
    number = first
    rest = b""
    skipping = False  # inside the part of a long line that is thrown away
    for chunk in chunks:
        parts = chunk.split(b"\n")
        if not rest and not skipping and len(chunk) <= MAX_LINE and b"\r" not in chunk and b"\0" not in chunk:
            rest = parts.pop()
            yield from enumerate(parts, number)
            number += len(parts)
            continue
        if skipping:
            parts[0] = b""
        if len(parts) > 1:
            if not skipping:
                parts[0] = rest + parts[0]
                rest = b""
            for part in parts[:-1]:
                if skipping:  # its head was handed on when it grew too long
                    skipping = False
                elif part[-1:] == b"\r" or part[:1] == b"\r" or len(part) > MAX_LINE or b"\0" in part:
                    yield number, _line(part, number, problems, source)
                else:
                    yield number, part
                number += 1
        if skipping:
            continue
        rest = rest + parts[-1] if len(parts) == 1 else parts[-1]
        if len(rest) > MAX_LINE + 2:  # room for the CR of a line of just MAX_LINE
            yield number, _line(rest, number, problems, source)
            rest, skipping = b"", True
    if rest and not skipping:
        yield number, _line(rest, number, problems, source)


def _line(raw: bytes, number: int, problems: list[Problem], source: str) -> bytes:
    if b"\0" in raw:
        raw = raw.replace(b"\0", b"")
    raw = raw.strip(b"\r")
    if len(raw) > MAX_LINE:
        problems.append(
            Problem(source, number, f"line longer than {MAX_LINE} bytes: the rest of it was not read", "data_loss")
        )
        raw = raw[:MAX_LINE]
    return raw
