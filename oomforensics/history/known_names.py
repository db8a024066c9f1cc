"""Names that columns hold, found again in text: exactly these, the longest first, on the borders of words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from oomforensics.history.pseudonyms import Span

_WORD = re.compile(r"[^\W_]+")


class KnownNames:
    def __init__(self) -> None:
        self._hidden: dict[str, str] = {}
        self._lengths: dict[str, dict[int, list[int]]] = {}  # first word -> what precedes it in names -> their lengths

    def __contains__(self, name: str) -> bool:
        return name in self._hidden

    def learn(self, name: str, hidden: str) -> None:
        first = _WORD.search(name)
        if first is None or name in self._hidden:
            return
        self._hidden[name] = hidden
        lengths = self._lengths.setdefault(first[0], {}).setdefault(first.start(), [])
        if len(name) not in lengths:
            lengths.append(len(name))
            lengths.sort(reverse=True)

    def between(self, text: str, taken: list[Span]) -> list[Span]:
        """Every known name that stands between the spans `taken`, which are in order."""
        found: list[Span] = []
        start = 0
        for low, high in [*((low, high) for low, high, _ in taken), (len(text), len(text))]:
            found += self._within(text, start, low)
            start = high
        return found

    def _within(self, text: str, start: int, stop: int) -> Iterable[Span]:
        done = start
        for word in _WORD.finditer(text, start, stop):
            best: tuple[int, int] | None = None
            for before, lengths in self._lengths.get(word[0], {}).items():
                at = word.start() - before
                if at < done:
                    continue
                for length in lengths:
                    if at + length <= stop and self._stands(text, at, at + length):
                        best = max(best or (0, 0), (length, at))
                        break
            if best is not None:
                length, at = best
                done = at + length
                yield at, done, self._hidden[text[at:done]]

    def _stands(self, text: str, start: int, end: int) -> bool:
        if text[start:end] not in self._hidden:
            return False
        opens = text[start].isalnum() and text[start - 1 : start].isalnum()
        return not opens and not (text[end - 1].isalnum() and text[end : end + 1].isalnum())
