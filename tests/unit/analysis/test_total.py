"""totalpages where Mem-Info may leave zones out."""

from __future__ import annotations

import pytest

from oomforensics.analysis.model import TotalPages
from tests.support.logs import judged
from tests.support.samples import FIXTURES

# A cpuset's total is the present pages of its nodes, and all swap.
_CPUSET = FIXTURES / "kernels" / "6.1.0-50-cloud-amd64" / "cpuset" / "dmesg.log"
_ASKED = "0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP|__GFP_ZERO)"


def total(release: str | None, gfp: str) -> TotalPages:
    text = _CPUSET.read_text().replace(_ASKED, gfp)
    if release is None:
        lines = [line for line in text.splitlines() if "6.1.0-50-cloud-amd64" not in line]
    else:
        lines = text.replace("6.1.0-50-cloud-amd64", release).splitlines()
    (found,) = judged(lines)
    assert found.scope == "cpuset"
    return found.totalpages


@pytest.mark.parametrize(
    ("release", "gfp", "exact"),
    [
        # dump_header() shows the zones up to gfp_zone() of the request since 6.1 (974f4367dd31).
        ("6.0.19", "0xcc0(GFP_KERNEL)", True),
        ("6.1.0-50-cloud-amd64", "0xcc0(GFP_KERNEL)", False),
        ("6.1.0-50-cloud-amd64", _ASKED, True),
        # GFP_ZONE_TABLE has __GFP_MOVABLE alone as Normal: only with __GFP_HIGHMEM it is Movable, which is above all.
        ("6.12.107", "0xc08(GFP_NOIO|__GFP_MOVABLE)", False),
        ("6.12.107", "0x100cca(GFP_HIGHUSER_MOVABLE)", True),
        (None, "0xcc0(GFP_KERNEL)", False),
    ],
)
def test_zones_above_the_request_are_not_printed_since_6_1(release: str | None, gfp: str, exact: bool) -> None:
    found = total(release, gfp)
    assert found.exact is exact
    assert found.max_pages == (found.pages if exact else None)
    assert ("lower bound" in found.source) is not exact
