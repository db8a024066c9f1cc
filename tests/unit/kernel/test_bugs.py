"""Which kernels have a documented fault. The boundaries are those of the sources that the table names."""

from __future__ import annotations

import pytest

from oomforensics.kernel.bugs import BUGS, bugs_of


@pytest.mark.parametrize(
    ("release", "names"),
    [
        ("4.7.2-201.fc24.x86_64", {"compaction_gives_up", "page_fault_kills_for_all"}),
        ("4.8.0-1-amd64", {"page_fault_kills_for_all"}),
        ("4.4.0-57-generic", {"page_fault_kills_for_all"}),
        ("4.4.0-59-generic", {"compaction_gives_up_xenial", "page_fault_kills_for_all"}),
        ("4.4.0-62-generic", {"page_fault_kills_for_all"}),
        ("5.4.0-120-generic", {"boosted_watermark", "page_fault_kills_for_all"}),
        ("5.7.0", {"page_fault_kills_for_all"}),
        ("5.15.0-rc4+", {"page_fault_kills_for_all"}),
        ("5.16.0", set()),
        ("2.6.28-19-generic", set()),
        ("6.6.31", {"mglru_dirty_cgroup"}),
        ("6.12.107+deb13-cloud-amd64", set()),
        ("6.18.0", set()),
        ("3.2.0-4-amd64", {"memcg_oom_deadlock", "page_fault_kills_for_all"}),
        ("3.10.0-957.1.3.el7.x86_64", {"rhel7_kmem"}),
        ("3.10.0-1160.el7.x86_64", set()),
        ("2.6.32-696.el6.x86_64", set()),
        ("4.18.0-425.el8.x86_64", set()),
        ("6.12.0-211.el10.ppc64le", set()),
        ("no release at all", set()),
    ],
)
def test_a_release_has_the_faults_of_its_time(release: str, names: set[str]) -> None:
    assert {bug.name for bug in bugs_of(release)} == names


def test_each_fault_names_its_source_and_its_end() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    for bug in BUGS:
        assert bug.source and bug.cure.endswith(".") and bug.what.endswith(".")
        assert (bug.builds is None) == (bug.since is not None and bug.fixed is not None)
