from __future__ import annotations

import pytest

from oomforensics.amounts import percent, size


@pytest.mark.parametrize(
    ("bytes_", "said"), [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (-4096, "-4 KiB"), (438_304_768, "418 MiB")]
)  # fmt: skip
def test_size(bytes_: int, said: str) -> None:
    assert size(bytes_) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 100, "0 %"),
        (1, 100_000, "under 0.1 %"),
        (3, 1000, "0.3 %"),
        (1, 100, "1 %"),
        (111, 100, "111 %"),
        (1, 0, "0 %"),
    ],
)
def test_percent(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said
