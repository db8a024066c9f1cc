from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from oomforensics.reports import headline
from oomforensics.reports.load import load
from tests.unit.reports import report_samples as samples

POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice"
ID = "9192cb33411ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64987"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/shop", "cgroup /shop was at its limit"),
        (None, "a cgroup that the log does not name was at its limit"),
        (f"{POD}/cri-containerd-{ID}.scope", "cgroup …/cri-containerd-9192cb33411f….scope was at its limit"),
        (f"/{'x' * 79}", f"cgroup /{'x' * 79} was at its limit"),
    ],
)
def test_a_long_path_is_told_by_its_last_part(con: duckdb.DuckDBPyConnection, path: str | None, told: str) -> None:
    page = replace(load(con, samples.add_memcg_group(con)), oom_memcg=path)
    assert headline.sentence(page).partition(": ")[2].startswith(told)
    if path:
        assert any(path in value for label, value in headline.facts(page) if label == "Limit")
