"""Text without its secrets: lines of a log, of which only known words stay, and our own sentences about them.

A line may hold anything, so whatever is neither a number nor a word of `vocabulary` gets a pseudonym. Our sentences hold
names only where the analysis put one, and those names are in columns or lines: exactly these are looked for, the longest
first and on the borders of words. A process may be called `total` or `anon`; such a name is replaced only where the
grammar says that a name stands, or the figures beside it could no longer be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from oomforensics.history.pseudonyms import Pseudonyms, Span, apart, apply
from oomforensics.history.vocabulary import COMMON_LABELS, EXTENSION, TOP_FOLDERS, is_kept_task, is_word

Replace = Callable[[str], str]

_WORD = re.compile(r"[^\W_]+")
_CHUNK = re.compile(r"""[^\s()\[\]{}<>=,;:"'|]+""")
_FIGURE = re.compile(r"[-+~#]?\d[\d.,*/+-]*(?:[kKmMgGtT]i?[bB]?|[bB]|ms|us|s|pages?|%)?[.?!]?", re.ASCII)
_HEX_FIGURE = re.compile(r"0[xX][0-9a-fA-F]+", re.ASCII)
_SYMBOL = re.compile(r"[A-Za-z_][\w.]*\+0x[0-9a-f]+/0x[0-9a-f]+", re.ASCII)
_GFP = re.compile(r"(?:(?:__)?GFP_[A-Z0-9_]{1,40}|VM_FAULT_[A-Z]{1,20}|CONSTRAINT_[A-Z_]{1,30}|R\d\d|[A-Z]{1,3})")
_IDENTIFIER = re.compile(r"[A-Za-z_][\w.]*")
_BEFORE_PID = re.compile(r" \(pid \d+\)")
_AFTER_PID = re.compile(r"\b\d+ \(")
_MOST_CHUNKS = 500_000  # kept in mind
_MOST_NAME = 80  # characters of a process's name: 15 bytes, four for each that is shown as \xNN
_LONG_LINE = 8192  # characters: beyond, a line is no report's, and looking for the grammar's places takes too long
_DROPPED = (
    (re.compile(r"^\s*Code:(.*)$", re.DOTALL), "bytes"),
    (re.compile(r"^\s*Modules linked in:(.*)$", re.DOTALL), "names"),
    (re.compile(r"^\s*(?:Kernel c|C)ommand line:(.*)$", re.DOTALL), "words"),
)
_ROW = re.compile(r"^\s*\[\s*\d+\](?:\s+-?\d+){4,12}\s(?P<comm>.*)$", re.DOTALL)
_ROW_UID = re.compile(r"^\s*\[\s*\d+\]\s+(?P<uid>-?\d{1,20})\s+\d")
# Where the grammar says what stands there: the groups' names are methods of Pseudonyms.
_PLACES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"^(?P<comm>.*) invoked oom-killer",
        r"[Kk]ill(?:ed)? process \d+(?:, UID (?P<uid>-?\d{1,20}),)? \((?P<comm>.*)\)"
        r"(?=,? (?:total-vm|vsz|score|sharing)|, UID|\. But|\.?\s*$)",
        r"(?:reaped process |reap pid:|OOM victim )\d+ \((?P<comm>.*)\)",
        r"[Cc]omm: (?P<comm>.*?) +(?=Kdump:|Not tainted|Tainted:)",
        r"(?:Not tainted|Tainted: [A-Z ()-]*?) +\(?(?P<release>\d[^\s)]*)",
        r"^(?P<comm>.*) cpuset=(?P<cgroup>\S+) mems_allowed",
        r"cpuset=(?P<cgroup>[^,]*),mems_allowed",
        r"(?:oom_memcg=(?P<cgroup>.*?)|global_oom),task_memcg=(?P<cgroup_2>.*),task=(?P<comm>.*),pid=\d+",
        r"Task in (?P<cgroup>.*) killed as a result of limit of (?P<cgroup_2>.*?)\s*$",
        r"Memory cgroup stats for (?P<cgroup>.*?): ?(?=[a-z]|$)",
        r"Tasks in (?P<cgroup>.*) are going to be killed",
        r"Hardware name: (?P<hardware>.*)$",
        r"(?i:\buid)(?:[:= ]|\": ?) ?(?P<uid>-?\d{1,20})",
    )
)
# In JSON, what stands under a key of ours.
_KEYS = {
    "comm": "comm", "program": "comm", "process": "comm", "cgroup": "cgroup", "path": "cgroup", "memcg": "cgroup",
    "host": "host", "hostname": "host", "node": "host", "unit": "cgroup", "boot_id": "ident", "pod_uid": "ident",
    "container_id": "ident", "incident_id": "ident", "sha256": "ident", "source": "path", "file": "path",
    "framing": "keep", "severity": "keep", "kind": "keep", "mechanism": "keep",
}  # fmt: skip


class Texts:
    """Learns the names of one history, then takes them out of its texts."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self.pseudonyms = pseudonyms
        self._known: dict[str, str] = {}
        self._lengths: dict[str, dict[int, list[int]]] = {}  # first word -> what precedes it in names -> their lengths
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
        self._learn(name, hidden)
        if not hidden.startswith("ip-"):
            self._learn(name.lower(), hidden)
            label, _, domain = name.partition(".")
            self._learn(label, self.pseudonyms.host(label))
            self._learn(domain, self.pseudonyms.name("dom", domain.lower()))
            for one in domain.split("."):
                if one.lower() not in COMMON_LABELS:
                    self._learn(one, self.pseudonyms.name("dom", one.lower()))

    def learn_cgroup(self, path: str) -> None:
        self._learn_parts(path, self.pseudonyms.cgroup)

    def learn_path(self, path: str) -> None:
        self._learn_parts(path, self.pseudonyms.path)
        for part in path.split("/"):
            stem = EXTENSION.sub("", part)
            if len(stem) >= 4:
                self._learn(stem, EXTENSION.sub("", self.pseudonyms.path(part)))

    def learn_ident(self, value: str) -> None:
        self._learn(value, self.pseudonyms.ident(value))

    def learn_step(self, value: str) -> None:
        self._learn(value, self.pseudonyms.step(value))

    def learn_release(self, value: str) -> None:
        """After the names, which a release may hold; it stands for itself, so that nothing else is seen in it."""
        self._learn(value, self.release(value), always=True)

    def _learn_parts(self, path: str, hide: Replace) -> None:
        self._learn(path, hide(path), always=path.startswith("/") and hide(path) != path)
        for one in path.split("/"):
            self._learn(one, hide(one))

    def _learn(self, name: str, hidden: str, *, always: bool = False) -> None:
        first = _WORD.search(name)
        if first is None or name in self._known or not (always or (hidden != name and not _is_plain(name))):
            return
        self._known[name] = hidden
        lengths = self._lengths.setdefault(first[0], {}).setdefault(first.start(), [])
        if len(name) not in lengths:
            lengths.append(len(name))
            lengths.sort(reverse=True)

    # -- taking it out ---------------------------------------------------------------------------------------------------

    def line(self, text: str) -> str:
        """A line of a log: what is not known to be harmless goes."""
        for pattern, what in _DROPPED:
            if match := pattern.match(text):
                return f"{text[: match.start(1)]} [{len(match[1].split())} {what} redacted]"
        spans = self._hidden(text, [*self._row(text), *self._places(text)] if len(text) <= _LONG_LINE else [])
        return apply(text, [*spans, *self._denied(text, spans)])

    def prose(self, text: str) -> str:
        """A sentence of ours: the names in it go."""
        return apply(text, self._hidden(text, self._beside_pids(text)))

    def release(self, text: str) -> str:
        return apply(text, self._hidden(text, [], addresses=False))

    def hardware(self, text: str) -> str:
        return apply(text, apart(text, [*self._hidden(text, []), *self.pseudonyms.serials(text)]))

    def symbol(self, text: str) -> str:
        """A function of the kernel, from a call trace."""
        return self.prose(text) if _IDENTIFIER.fullmatch(text) else self.line(text)

    def json(self, text: str, leaf: str = "line") -> str:
        return json.dumps(self._value(json.loads(text), leaf), ensure_ascii=False)

    def _value(self, value: Any, how: str) -> Any:
        if isinstance(value, dict):
            return {self._key(key): self._value(item, self._class_of(key, how)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, how) for item in value]
        if isinstance(value, str):
            return value if how == "keep" else self.by_class("line" if how == "uid" else how, value)
        if how == "uid" and isinstance(value, int) and not isinstance(value, bool):
            return self.pseudonyms.uid(value)
        return value

    def by_class(self, how: str, value: str) -> str:
        """By the name of a class: a method of this class, or of Pseudonyms."""
        method: Replace = getattr(self, how, None) or getattr(self.pseudonyms, how)
        return method(value)

    def _key(self, key: str) -> str:
        return key if key in _KEYS or self._chunk(key) is None else self.line(key)

    @staticmethod
    def _class_of(key: str, how: str) -> str:
        return "uid" if key == "uid" or (key.endswith("_uid") and key != "pod_uid") else _KEYS.get(key, how)

    # -- spans -----------------------------------------------------------------------------------------------------------

    def _hidden(self, text: str, spans: Iterable[Span], *, addresses: bool = True) -> list[Span]:
        """`spans`, then known names, then what is a secret by its form."""
        known = self._names(text, apart(text, spans))
        return apart(text, [*known, *self.pseudonyms.patterns(text, addresses=addresses)])

    def _row(self, text: str) -> Iterable[Span]:
        """The name at the end of a row of the task table, as the table was read; else what follows its figures."""
        row = _ROW.match(text)
        if row is None:
            return
        uid = _ROW_UID.match(text)
        if uid is not None:
            yield (*uid.span("uid"), str(self.pseudonyms.uid(int(uid["uid"]))))
        tail = text.rstrip()
        for at in range(max(0, len(tail) - _MOST_NAME), len(tail)):
            if text[at - 1 : at].isspace() and tail[at:] in self._comms:
                yield at, len(tail), self.pseudonyms.comm(tail[at:])
                return
        yield row.start("comm"), len(tail), self.pseudonyms.comm(row["comm"].rstrip())

    def _places(self, text: str) -> Iterable[Span]:
        for place in _PLACES:
            for match in place.finditer(text):
                for group, value in match.groupdict().items():
                    if value:
                        yield (*match.span(group), self._in_place(group.removesuffix("_2"), value))

    def _in_place(self, how: str, value: str) -> str:
        return str(self.pseudonyms.uid(int(value))) if how == "uid" else self.by_class(how, value)

    def _beside_pids(self, text: str) -> Iterable[Span]:
        """`NAME (pid N)` and `N (NAME)`, as our sentences have it, for names that could also be words of them."""
        for match in _BEFORE_PID.finditer(text):
            end = match.start()
            yield from self._first_comm(text, ((at, end) for at in range(max(0, end - _MOST_NAME), end)))
        for match in _AFTER_PID.finditer(text):
            start = match.end()
            yield from self._first_comm(
                text, ((start, at) for at in range(min(len(text), start + _MOST_NAME), start, -1))
            )

    def _first_comm(self, text: str, places: Iterable[tuple[int, int]]) -> Iterable[Span]:
        for start, end in places:
            name = text[start:end]
            if name in self._comms and not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
                yield start, end, self.pseudonyms.comm(name)
                return

    def _names(self, text: str, taken: list[Span]) -> list[Span]:
        """`taken` and every known name between them, the longest where several begin."""
        spans = list(taken)
        start = 0
        for low, high in [*((low, high) for low, high, _ in taken), (len(text), len(text))]:
            spans += self._names_between(text, start, low)
            start = high
        return sorted(spans)

    def _names_between(self, text: str, start: int, stop: int) -> Iterable[Span]:
        done = start
        for word in _WORD.finditer(text, start, stop):
            best: tuple[int, int] | None = None
            for before, lengths in self._lengths.get(word[0], {}).items():
                at = word.start() - before
                if at < done:
                    continue
                for length in lengths:
                    if at + length <= stop and self._is_known(text, at, at + length):
                        best = max(best or (0, 0), (length, at))
                        break
            if best is not None:
                length, at = best
                done = at + length
                yield at, done, self._known[text[at:done]]

    def _is_known(self, text: str, start: int, end: int) -> bool:
        if text[start:end] not in self._known:
            return False
        opens = text[start].isalnum() and text[start - 1 : start].isalnum()
        return not opens and not (text[end - 1].isalnum() and text[end : end + 1].isalnum())

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
                self._learn(chunk.rstrip(".!?"), hidden)
        return self._chunks[chunk]

    def _judged(self, chunk: str) -> str | None:
        if _is_plain(chunk) or any(pattern.fullmatch(chunk) for pattern in (_FIGURE, _HEX_FIGURE, _SYMBOL, _GFP)):
            return None
        if "/" in chunk:
            hide = self.pseudonyms.path if chunk.lstrip("/").split("/")[0] in TOP_FOLDERS else self.pseudonyms.cgroup
            hidden = hide(chunk)
            return None if hidden == chunk else hidden
        return self.pseudonyms.name("name", chunk.rstrip(".!?")) + chunk[len(chunk.rstrip(".!?")) :]


def _is_plain(text: str) -> bool:
    """Nothing but figures and words that kernels print."""
    return text.isascii() and all(word.isdecimal() or is_word(word) for word in _WORD.findall(text))
