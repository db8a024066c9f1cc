"""What a framing is: the bytes around the kernel's text, and how to take them off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from oomforensics.parsers.records import Problem, Record


@dataclass(frozen=True, slots=True)
class Context:
    """What a log does not say of itself and the caller may know."""

    source: str
    timezone: tzinfo  # of stamps without a zone
    not_after: datetime  # aware: a stamp without a year is the last such date before this (file's mtime)
    host: str | None = None  # overrides what the log says


class LineReader(Protocol):
    """Lines (number, bytes without the newline) in, records out; what cannot be read goes to `problems`."""

    def __call__(
        self, lines: Iterable[tuple[int, bytes]], context: Context, problems: list[Problem]
    ) -> Iterator[Record]: ...
