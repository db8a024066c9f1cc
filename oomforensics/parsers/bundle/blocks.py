"""YAML as Kubernetes' tools write it: blocks by indentation, one value a line. Scalars stay text.

    documents("kind: Pod\\nmetadata:\\n  name: a\\n")      # [{"kind": "Pod", "metadata": {"name": "a"}}]

Text of several lines is left out. Anchors are not followed, so that a small file cannot become a large one. What cannot
be read is passed over, and a file that was cut off gives what is there.
"""

from __future__ import annotations

import json
from typing import Any

MAX_DEPTH = 40
MAX_DOCUMENTS = 10_000
_MAX_LINE = 4096  # characters looked at
_BLANK = " \t"


class _Lines:
    """Lines that are neither blank nor a comment, as (indent, text)."""

    def __init__(self, raw: list[str]) -> None:
        self._raw = raw
        self._at = 0
        self.indent = -1  # of the line that is next; -1: there is none
        self.text = ""
        self._next()

    def step(self) -> None:
        self._at += 1
        self._next()

    def replace(self, indent: int, text: str) -> None:
        """What is left of the line that is next."""
        self.indent, self.text = indent, text

    def skip(self, indent: int) -> None:
        """Past all that lies deeper than `indent`."""
        while self.indent > indent:
            self.step()

    def _next(self) -> None:
        while self._at < len(self._raw):
            line = self._raw[self._at][:_MAX_LINE]
            text = line.strip()
            if text and text[0] != "#":
                self.indent, self.text = len(line) - len(line.lstrip(_BLANK)), text
                return
            self._at += 1
        self.indent, self.text = -1, ""


def documents(text: str) -> list[Any]:
    """Every document of a stream. Of JSON, which is YAML too, the one that it is."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError):
            return []
    found = []
    for part in f"\n{text}".split("\n---")[:MAX_DOCUMENTS]:
        lines = _Lines(part.split("\n"))
        if lines.indent >= 0:
            found.append(_block(lines, lines.indent, 0))
    return found


def _block(lines: _Lines, indent: int, depth: int) -> Any:
    if depth > MAX_DEPTH:
        lines.skip(indent - 1)
        return None
    if _is_item(lines.text):
        return _sequence(lines, indent, depth)
    return _mapping(lines, indent, depth)


def _sequence(lines: _Lines, indent: int, depth: int) -> list[Any]:
    found: list[Any] = []
    while lines.indent == indent and _is_item(lines.text):
        rest = lines.text[1:].lstrip(_BLANK)
        if not rest:
            lines.step()
            found.append(_block(lines, lines.indent, depth + 1) if lines.indent > indent else None)
        elif _is_item(rest) or _key(rest) is not None:
            inner = indent + len(lines.text) - len(rest)
            lines.replace(inner, rest)
            found.append(_block(lines, inner, depth + 1))
        else:
            found.append(_scalar(rest))
            lines.step()
        lines.skip(indent)
    return found


def _mapping(lines: _Lines, indent: int, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while lines.indent == indent and not _is_item(lines.text):
        pair = _key(lines.text)
        lines.step()
        if pair is None:
            continue
        key, value = pair
        if value:
            found[key] = _scalar(value)
        elif lines.indent > indent or (lines.indent == indent and _is_item(lines.text)):
            found[key] = _block(lines, lines.indent, depth + 1)
        else:
            found[key] = None
        lines.skip(indent)
    return found


def _is_item(text: str) -> bool:
    return text == "-" or text.startswith("- ")


def _key(text: str) -> tuple[str, str] | None:
    """`key: value`; a key may itself hold colons, as `f:metadata` does."""
    if text[0] in "\"'":
        end = text.find(text[0], 1)
        if end < 0 or text[end + 1 : end + 2] != ":":
            return None
        return text[1:end], text[end + 2 :].strip()
    at = text.find(": ")
    if at < 0:
        return (text[:-1], "") if text.endswith(":") else None
    return text[:at], text[at + 2 :].strip()


def _scalar(text: str) -> Any:
    first = text[0]
    if first in "|>":  # its lines lie deeper, and are passed over
        return None
    if first in "{[":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    if first == '"':
        try:
            return json.loads(text)
        except ValueError:  # it goes on in the next line
            return None
    if first == "'":
        return text[1:-1].replace("''", "'") if len(text) > 1 and text.endswith("'") else None
    return None if text in ("null", "~") else text.partition(" #")[0]
