"""Text without its secrets: lines of a log, of which only known words stay, and our own sentences about them.

A line may hold anything, so whatever is neither a number nor a word of `vocabulary` gets a pseudonym. Our sentences hold
names only where the analysis put one, and those names are in columns or lines: exactly these are looked for. A process
may be called `total` or `anon`; such a name is replaced only where the grammar says that a name stands, or the figures
beside it could no longer be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from oomforensics.history import places
from oomforensics.history.known_names import KnownNames
from oomforensics.history.pseudonyms import Pseudonyms, Span, apart, apply
from oomforensics.history.vocabulary import (
    COMMON_LABELS,
    EXTENSION,
    TOP_FOLDERS,
    is_kept_task,
    is_kept_unit,
    is_release_word,
    is_word,
)

Replace = Callable[[str], str]

_WORD = re.compile(r"[^\W_]+")
_CHUNK = re.compile(r"""[^\s()\[\]{}<>=,;:"'|]+""")
_FIGURE = re.compile(
    r"[-+~#]?\d[\d.,*/+-]*(?:[kKmMgGtT]i?[bB]?|[bB]|ms|us|s|m\d+s|pages?|%|Z)?[.?!]?|\d{4}-\d\d-\d\dT\d\d", re.ASCII
)
_HEX_FIGURE = re.compile(r"0[xX][0-9a-fA-F]+", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+", re.ASCII)
_CONSTANT = re.compile(r"(?:__)?GFP_[A-Z0-9_]{1,40}|VM_FAULT_[A-Z]{1,20}|CONSTRAINT_[A-Z_]{1,30}|[A-Z]")
_GROWER = re.compile(r"(?P<comm>.*) \(pid (?P<pid>\d+)\)|uid (?P<uid>\d+)", re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*")
_MOST_CHUNKS = 500_000  # kept in mind
_LONG_LINE = 8192  # characters: beyond, a line is no report's, and looking for the grammar's places takes too long


class Texts:
    """Learns the names of one history, then takes them out of its texts."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self._known = KnownNames()  # of columns
        self._foreign = KnownNames()  # what only lines hold
        self._whole: dict[
            str, str
        ] = {}  # names that may be words, too: they are replaced where nothing stands beside them
        self._comms: set[str] = set()
        self._chunks: dict[str, str | None] = {}

    # -- what is known ---------------------------------------------------------------------------------------------------

    def learn_comm(self, name: str) -> None:
        if name and not is_kept_task(name):
            self._comms.add(name)
            self._learn(name, self.pseudonyms.comm(name))

    def learn_host(self, name: str) -> None:
        hidden = self.pseudonyms.host(name)
        if hidden == name:
            return
        if any(char.isdigit() for char in name) and not name.isdecimal():
            self._known.learn(name, hidden)  # `node-1`: a host's name, although no word of it is telling
        self._learn(name, hidden)
        if not hidden.startswith("ip-"):
            self._learn(name.lower(), hidden)
            label, _, domain = name.partition(".")
            self._learn(label, self.pseudonyms.host(label))
            self._learn(domain, self.pseudonyms.name("dom", domain.lower()))
            for one in domain.split("."):
                if one.lower() not in COMMON_LABELS:
                    self._learn(one, self.pseudonyms.name("dom", one.lower()))

    def learn_user(self, name: str) -> None:
        self._learn(name, self.pseudonyms.user(name))

    def learn_cgroup(self, path: str) -> None:
        self._learn_parts(path, self.pseudonyms.cgroup)

    def learn_path(self, path: str) -> None:
        self._learn_parts(path, self.pseudonyms.path)
        for part in path.split("/"):
            stem = EXTENSION.sub("", part)
            if len(stem) >= 4 and not is_kept_task(stem) and not is_kept_unit(stem):
                self._learn(stem, EXTENSION.sub("", self.pseudonyms.path(part)))

    def learn_ident(self, value: str) -> None:
        self._learn(value, self.pseudonyms.ident(value))

    def learn_step(self, value: str) -> None:
        self._learn(value, self.pseudonyms.step(value))

    def learn_command(self, value: str) -> None:
        self._learn(value, self.pseudonyms.command(value))

    def learn_release(self, value: str) -> None:
        """After the names, which a release may hold; it stands for itself, so that nothing else is seen in it."""
        self._known.learn(value, self.release(value))

    def _learn_parts(self, path: str, hide: Replace) -> None:
        if path.startswith("/") and hide(path) != path:
            self._known.learn(path, hide(path))
        for one in (path, *path.split("/")):
            self._learn(one, hide(one))

    def _learn(self, name: str, hidden: str) -> None:
        if hidden == name or name.isdecimal():
            return
        self._whole.setdefault(name, hidden)
        if not _is_plain(name):
            self._known.learn(name, hidden)

    # -- taking it out ---------------------------------------------------------------------------------------------------

    def line(self, text: str) -> str:
        """A line of a log: what is not known to be harmless goes."""
        if text in self._whole:
            return self._whole[text]
        found = list(places.in_line(text, self._comms)) if len(text) <= _LONG_LINE else []
        at, what = places.rest(text, found) or (len(text), "")
        spans = self._hidden(text[:at], self._replaced(text, (place for place in found if place[1] <= at)))
        shown = apply(text[:at], [*spans, *self._denied(text[:at], spans)])
        return f"{shown} [{len(text[at:].split())} {what} redacted]" if what else shown

    def prose(self, text: str) -> str:
        """A sentence of ours: the names in it go."""
        spans = self._hidden(text, self._replaced(text, places.in_sentence(text, self._comms)))
        return apply(text, [*spans, *self._foreign.between(text, spans)])

    def release(self, text: str) -> str:
        spans = self._hidden(text, [], addresses=False)
        words = ((*match.span(), match[0]) for match in _WORD.finditer(text) if not is_release_word(match[0]))
        return apply(
            text, apart(text, [*spans, *((low, high, self.pseudonyms.name("name", word)) for low, high, word in words)])
        )

    def hardware(self, text: str) -> str:
        return apply(text, apart(text, [*self._hidden(text, []), *self.pseudonyms.serials(text)]))

    def symbol(self, text: str) -> str:
        """A function of the kernel, from a call trace."""
        return apply(text, self._hidden(text, [])) if _IDENTIFIER.fullmatch(text) else self.line(text)

    def who(self, text: str) -> str:
        """Whose memory grew, as the view `growth` names it."""
        named = _GROWER.fullmatch(text)
        if named is None:
            return self.line(text)
        if named["uid"] is not None:
            return f"uid {self.pseudonyms.uid(int(named['uid']))}"
        return f"{self.pseudonyms.comm(named['comm'])} (pid {named['pid']})"

    def json(self, text: str) -> str:
        return self._structure(text, places.KEYS)

    def said(self, text: str) -> str:
        """What a witness said, as a structure."""
        return self._structure(text, places.SAID)

    def _structure(self, text: str, classes: Mapping[str, str]) -> str:
        return json.dumps(self._value(json.loads(text), "line", classes), ensure_ascii=False)

    def _value(self, value: Any, how: str, classes: Mapping[str, str]) -> Any:
        if isinstance(value, dict):
            return {
                self._key(key, classes): self._value(item, _class_of(key, how, classes), classes)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self._value(item, how, classes) for item in value]
        if isinstance(value, str):
            return value if how == "keep" else self.by_class("line" if how == "uid" else how, value)
        if how == "uid" and isinstance(value, int) and not isinstance(value, bool):
            return self.pseudonyms.uid(value)
        return value

    def by_class(self, how: str, value: str) -> str:
        """By the name of a class: a method of this class, or of Pseudonyms."""
        method: Replace = getattr(self, how, None) or getattr(self.pseudonyms, how)
        return method(value)

    def _key(self, key: str, classes: Mapping[str, str]) -> str:
        return key if key in classes or self._chunk(key) is None else self.line(key)

    # -- spans -----------------------------------------------------------------------------------------------------------

    def _replaced(self, text: str, found: Iterable[places.Place]) -> Iterable[Span]:
        for low, high, how in found:
            value = text[low:high]
            yield low, high, str(self.pseudonyms.uid(int(value))) if how == "uid" else self.by_class(how, value)

    def _hidden(self, text: str, spans: Iterable[Span], *, addresses: bool = True) -> list[Span]:
        """`spans`, then known names, then what is a secret by its form."""
        first = apart(text, spans)
        known = [*first, *self._known.between(text, first)]
        return apart(text, [*known, *self.pseudonyms.patterns(text, addresses=addresses)])

    def _denied(self, text: str, taken: list[Span]) -> Iterable[Span]:
        start = 0
        for low, high in [*((low, high) for low, high, _ in taken), (len(text), len(text))]:
            for match in _CHUNK.finditer(text, start, low):
                hidden = self._chunk(match[0])
                if hidden is not None:
                    yield match.start(), match.end(), hidden
            start = high

    def _chunk(self, chunk: str) -> str | None:
        """The pseudonym of what stands between two blanks or brackets; None: it is harmless."""
        if chunk not in self._chunks:
            if len(self._chunks) > _MOST_CHUNKS:
                self._chunks.clear()
            hidden = self._chunks[chunk] = self._judged(chunk)
            if hidden is not None:
                self._foreign.learn(chunk.rstrip(".!?"), hidden)
        return self._chunks[chunk]

    def _judged(self, chunk: str) -> str | None:
        if (
            _is_plain(chunk)
            or is_kept_task(chunk)
            or any(pattern.fullmatch(chunk) for pattern in (_FIGURE, _HEX_FIGURE, _SYMBOL, _CONSTANT))
        ):
            return None
        if "/" in chunk:
            hide = self.pseudonyms.path if chunk.lstrip("/").split("/")[0] in TOP_FOLDERS else self.pseudonyms.cgroup
            hidden = hide(chunk)
            return None if hidden == chunk else hidden
        return self.pseudonyms.name("name", chunk.rstrip(".!?")) + chunk[len(chunk.rstrip(".!?")) :]


def _class_of(key: str, how: str, classes: Mapping[str, str]) -> str:
    return classes.get(key, "uid" if key.endswith("_uid") else how)


def _is_plain(text: str) -> bool:
    """Nothing but figures and words that kernels print."""
    return text.isascii() and all(word.isdecimal() or is_word(word) for word in _WORD.findall(text))
