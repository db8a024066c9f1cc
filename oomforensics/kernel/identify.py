"""Which era a report comes from: by what its text looks like first, by the release string second."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from oomforensics.kernel.eras import ERAS, FINGERPRINTS, UPSTREAM, VENDOR, Era, Version, prints

_RELEASE = re.compile(r"^(\d+)\.(\d+)(?:\.(\d+))?")
# Release string -> vendor of the table of eras. The build number is the first after the base version.
_VENDORS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^2\.6\.32-(\d+)[^ ]*\.el6"), "rhel6"),
    (re.compile(r"^3\.10\.0-(\d+)[^ ]*\.(?:el7|alios7|ali\d+|centos\.plus|vz7)"), "rhel7"),
    (re.compile(r"^3\.10\.0-(\d+)[^ ]*el7"), "rhel7"),
    (re.compile(r"^4\.18\.0-(\d+)[^ ]*\.el8"), "rhel8"),
)
# Kernels whose OOM killer is known to be another one: never modelled, always said.
_UNMODELLED: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"042stab|\.vz7"), "Virtuozzo/OpenVZ selects by per-container overdraft"),
)


@dataclass(frozen=True, slots=True)
class Identified:
    """`era` is the best fit; `alternatives` are other eras that the text allows."""

    era: Era | None
    evidence: tuple[str, ...]
    alternatives: tuple[Era, ...]
    certain: bool
    unmodelled: str | None = None
    by_text_alone: bool = False  # no release is known, so `era` is one of several that print alike


def parse_release(release: str) -> Version | None:
    """`6.1.0-18-amd64` -> (6, 1, 0)."""
    found = _RELEASE.match(release)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def identify(features: frozenset[str], release: str | None) -> Identified:
    """The era of a report with these fingerprints (parsers' names) from a kernel of this release, if known."""
    return _identify(frozenset(features & FINGERPRINTS.keys()), release)


@cache
def _identify(telling: frozenset[str], release: str | None) -> Identified:
    for pattern, why in _UNMODELLED:
        if release and pattern.search(release):
            return Identified(None, (f"release {release}: {why}",), (), certain=False, unmodelled=why)
    by_text = [era for era in ERAS if telling <= prints(era)] if telling else []
    text = ", ".join(sorted(telling))
    if release is None:
        return _without_release(by_text, text)
    by_release = _by_release(release)
    if by_release is None:
        return _without_release(by_text, text)
    if not telling:
        return Identified(by_release, (f"release {release}; nothing in the text tells",), (), certain=False)
    if by_release in by_text:
        return Identified(by_release, (f"release {release}", f"text fits: {text}"), (), certain=by_release.verified)
    return _backport(release, by_release, by_text, text)


def _without_release(by_text: list[Era], text: str) -> Identified:
    if not by_text:
        return Identified(None, ("neither a release nor a telling line",), (), certain=False)
    upstream = [era for era in by_text if era.vendor is None]
    era = (upstream or by_text)[-1]
    others = tuple(other for other in by_text if other is not era)
    evidence = (f"no release printed; text fits {', '.join(fit.name for fit in by_text)}: {text}",)
    return Identified(era, evidence, others, certain=not others, by_text_alone=True)


def _backport(release: str, by_release: Era, by_text: list[Era], text: str) -> Identified:
    """The text contradicts the release: a backport, a pre-release or a cut line. The text decides."""
    if not by_text:
        note = f"no known era prints all of: {text}"
        return Identified(by_release, (f"release {release}", note), (), certain=False)
    same_base = [era for era in by_text if era.vendor is not None and era.vendor == by_release.vendor]
    pool = same_base or [era for era in by_text if era.vendor is None] or by_text
    nearest = min(pool, key=lambda era: _distance(era, by_release))
    evidence = (f"release {release} would be {by_release.name}", f"but the text is that of {nearest.name}: {text}")
    others = tuple(era for era in pool if era is not nearest)
    return Identified(nearest, evidence, (*others, by_release), certain=False)


def _distance(era: Era, other: Era) -> int:
    order = [known.name for known in ERAS]
    return abs(order.index(era.name) - order.index(other.name))


def _by_release(release: str) -> Era | None:
    for pattern, vendor in _VENDORS:
        found = pattern.match(release)
        if found:
            build = int(found[1])
            for era in VENDOR:
                if era.vendor == vendor and era.builds and era.builds[0] <= build < era.builds[1]:
                    return era
    version = parse_release(release)
    if version is None:
        return None
    return next((era for era in UPSTREAM if era.since <= version and (era.before is None or version < era.before)), None)


def neighbours(era: Era) -> tuple[Era, ...]:
    """The eras next to this one in time, where a boundary that is not exactly known may put a kernel instead."""
    if era.vendor is not None:
        return tuple(other for other in VENDOR if other.vendor == era.vendor and other is not era)
    place = UPSTREAM.index(era)
    return tuple(UPSTREAM[near] for near in (place - 1, place + 1) if 0 <= near < len(UPSTREAM))
