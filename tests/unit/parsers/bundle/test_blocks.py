"""YAML as Kubernetes' tools write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.bundle.blocks import MAX_DEPTH, documents


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: b\nc:\n  d: e\n", [{"a": "b", "c": {"d": "e"}}]),
        ("a:\n- b\n- c: d\n  e: f\n-\n  g: h\n- - i\n  - j\n", [{"a": ["b", {"c": "d", "e": "f"}, {"g": "h"}, ["i", "j"]]}]),
        ("a:\n  - b\nc: d\n", [{"a": ["b"], "c": "d"}]),
        ("a: 'it''s'\nb: \"x\\ty\"\nc: null\nd: ~\ne: {}\nf: []\ng:\nh: 1 # one\n",
         [{"a": "it's", "b": "x\ty", "c": None, "d": None, "e": {}, "f": [], "g": None, "h": "1"}]),
        ("a: |-\n  b: c\n\n  # d\n  e\nf: >\n  g\nh: i\n", [{"a": None, "f": None, "h": "i"}]),
        ("a: a long\n  text: of two\nb: \"another\n  one\"\nc: d\n", [{"a": "a long", "b": None, "c": "d"}]),
        ("- a: |\n    b\n  c: d\n", [[{"a": None, "c": "d"}]]),
        ('f:metadata:\n  .: {}\n  k:{"uid":"1"}: {}\n"q: r": s\n', [{"f:metadata": {".": {}, 'k:{"uid":"1"}': {}}, "q: r": "s"}]),
        ("a: &x\n  b: c\nd: *x\n", [{"a": "&x", "d": "*x"}]),
        ("---\na: b\n---\n# nothing\n---\nc: d\n", [{"a": "b"}, {"c": "d"}]),
        ('{"a": [1]}', [{"a": [1]}]),
        ('{"a": [1', []),
        ("", []),
        ("a: b\n  \tc\njunk\nd:\n  e: f\n g: h\ni: j", [{"a": "b", "d": {"e": "f"}, "i": "j"}]),
    ],
)  # fmt: skip
def test_documents(text: str, expected: list[Any]) -> None:
    assert documents(text) == expected


def test_depth_is_bounded() -> None:
    text = "".join(f"{' ' * n}a:\n" for n in range(5000)) + "b: c\n"
    (found,) = documents(text)
    assert found["b"] == "c"
    depth = 0
    while isinstance(found, dict):
        found, depth = found.get("a"), depth + 1
    assert depth <= MAX_DEPTH + 2
    assert documents("- " * 5000 + "x\n- y")[0][-1] == "y"


_SCALARS = st.none() | st.from_regex(r"[a-z][a-z0-9.:/-]{0,20}[a-z0-9]", fullmatch=True).filter(
    lambda text: text != "null"
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4)
        | st.dictionaries(st.from_regex("[a-zA-Z][a-zA-Z0-9./]{0,12}", fullmatch=True), inner, min_size=1, max_size=4)
    ),
    max_leaves=20,
).filter(lambda tree: isinstance(tree, (dict, list)))


def written(tree: Any, indent: int) -> list[str]:
    """As Go's library writes it: the items of a list no deeper than its key."""
    pad = " " * indent
    if isinstance(tree, list):
        lines = []
        for item in tree:
            inner = written(item, indent + 2)
            lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
        return lines
    if isinstance(tree, dict):
        lines = []
        for key, value in tree.items():
            if isinstance(value, (dict, list)):
                lines += [f"{pad}{key}:", *written(value, indent + (2 if isinstance(value, dict) else 0))]
            else:
                lines.append(f"{pad}{key}: {value if value is not None else 'null'}")
        return lines
    return [f"{pad}{tree if tree is not None else 'null'}"]


@given(_TREES)
def test_what_is_written_is_read(tree: Any) -> None:
    assert documents("\n".join(written(tree, 0))) == [tree]


@given(st.text(alphabet=" \n-:#'\"|{}[]ab,&*\t", max_size=200) | st.text(max_size=100))
def test_nothing_raises(text: str) -> None:
    json.dumps(documents(text))
