from __future__ import annotations

import json
import unicodedata

import pytest

from oomforensics.reports.escape import cells, clip, pad, script_json, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name", "plain name"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\tc\rd\x00", r"a\x0ab\x09c\x0dd\x00"),
        ("\x7f\x9b31m", r"\x7f\x9b31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\u2066\u2069\u200e\u061c", r"\u2066\u2069\u200e\u061c"),
        ("zero\u200bwidth\ufeff\u00ad", r"zero\u200bwidth\ufeff\xad"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("half\udc80", r"half\udc80"),
        ("Zoë 日本", "Zoë 日本"),
    ],
)
def test_visible(raw: str, shown: str) -> None:
    assert visible(raw) == shown


def test_nothing_invisible_is_left() -> None:
    """Of all characters, those of Unicode's control, format, line and surrogate classes are written out."""
    kept = [
        code
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cs", "Zl", "Zp") and visible(chr(code)) == chr(code)
    ]
    assert kept == []
    bidi = [code for code in range(0x110000) if unicodedata.bidirectional(chr(code)) in ("LRE", "RLE", "PDF", "LRO")]
    assert bidi and all(visible(chr(code)) != chr(code) for code in bidi)


def test_cells_and_clip_count_columns() -> None:
    assert cells("日本") == 4
    assert cells("e\u0301") == 1
    assert clip("日本語", 5) == "日本…"
    assert cells(clip("日本語", 4)) <= 4
    assert clip("fits", 4) == "fits"
    assert pad("日", 4) == "日  "
    assert pad("7", 3, right=True) == "  7"


def test_script_json_cannot_end_its_element() -> None:
    value = {"name": "</script><!--&\u2028\u2029\x7f"}
    embedded = script_json(value)
    assert not set("<>&\u2028\u2029\x7f") & set(embedded)
    assert json.loads(embedded) == value
