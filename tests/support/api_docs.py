"""Writes docs/api.md from the signatures and docstrings of the library: `python -m tests.support.api_docs`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import oomforensics

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
_INTRO = """# Python reference

Made from the code by `python -m tests.support.api_docs`; do not edit by hand. [In Python](library.md) shows it at work.
`DataFrame` and `Series` are those of pandas, `Figure` is Plotly's.
"""
_NAMES = ("open_history", "read_logs", "History", "Incident", "WhatIf")
_QUOTED = re.compile(r"(: |-> )'([^']*)'")
_MODULES = re.compile(r"\b(?:pd|graph_objects|tempfile)\.")


def page() -> str:
    return _INTRO + "".join(_named(name, getattr(oomforensics, name)) for name in _NAMES)


def _named(name: str, what: Any) -> str:
    if isinstance(what, FunctionType):
        return f"\n## {name}\n\n    oomforensics.{name}{_signature(what)}\n\n{_told(what)}\n"
    return f"\n## {name}\n{_told(what)}\n" + "".join(_members(name, what))


def _members(owner: str, cls: type) -> Iterator[str]:
    for name, what in vars(cls).items():
        if name.startswith("_"):
            continue
        function = getattr(what, "func", None) or getattr(what, "fget", None) or what
        if not isinstance(function, FunctionType):
            continue
        shown = (
            f"{name}{_signature(function)}"
            if function is what
            else f"{name}: {_plain(function.__annotations__['return'])}"
        )
        yield f"\n### {owner}.{name}\n\n    {shown}\n\n{_told(function)}\n"


def _signature(function: FunctionType) -> str:
    """As written, but for `self`."""
    signature = inspect.signature(function)
    kept = [one for one in signature.parameters.values() if one.name != "self"]
    return _plain(_QUOTED.sub(r"\1\2", str(signature.replace(parameters=kept))))


def _plain(annotation: str) -> str:
    return _MODULES.sub("", annotation).replace("Series[Any]", "Series")


def _told(what: Any) -> str:
    return inspect.cleandoc(what.__doc__)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
