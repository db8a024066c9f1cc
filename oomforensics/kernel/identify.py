"""Which era a report comes from: by what its text looks like first, by the release string second."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache

from oomforensics.kernel.eras import (
    BASES,
    ERAS,
    FINGERPRINT_WORDS,
    FINGERPRINTS,
    UPSTREAM,
    VENDOR,
    Era,
    Version,
    era_named,
    find_era,
    prints,
)

_RELEASE = re.compile(r"^(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?")
# Release string -> vendor of the table of eras. The build number is the first after the base version.
_VENDORS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^2\.6\.32-(\d{1,9})[^ ]*\.el6"), "rhel6"),
    (re.compile(r"^3\.10\.0-(\d{1,9})[^ ]*\.(?:el7|alios7|ali\d+|centos\.plus|vz7)"), "rhel7"),
    (re.compile(r"^3\.10\.0-(\d{1,9})[^ ]*el7"), "rhel7"),
    (re.compile(r"^4\.18\.0-(\d{1,9})[^ ]*\.el8"), "rhel8"),
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
    unverified: str | None = None  # that no source of this very kernel was read, and what was taken instead


def parse_release(release: str) -> Version | None:
    """`6.1.0-18-amd64` -> (6, 1, 0)."""
    found = _RELEASE.match(release)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def version_of(release: str | None, era: str | None) -> Version | None:
    """Of the release, or the first one of the era that the text alone tells."""
    found = parse_release(release) if release else None
    rules = find_era(era) if era is not None and found is None else None
    return found or (rules.since if rules is not None else None)


def identify(features: frozenset[str], release: str | None) -> Identified:
    """The era of a report with these fingerprints (parsers' names) from a kernel of this release, if known."""
    return _identify(frozenset(features & FINGERPRINTS.keys()), release)


@cache
def _identify(telling: frozenset[str], release: str | None) -> Identified:
    for pattern, why in _UNMODELLED:
        if release and pattern.search(release):
            return Identified(None, (f"release {release}: {why}",), (), certain=False, unmodelled=why)
    by_text = [era for era in ERAS if telling <= prints(era)] if telling else []
    by_release = _by_release(release) if release is not None else None
    if release is None or by_release is None:
        return _without_release(by_text, telling)
    unverified, also = _unread(release, by_release)
    if not telling:
        found = Identified(by_release, (f"release {release}; nothing in the text tells",), also, certain=False)
    elif by_release in by_text:
        evidence = (f"release {release}", f"text fits: {_words(telling)}")
        found = Identified(by_release, evidence, also, certain=unverified is None)
    else:
        found = _backport(release, by_release, by_text, telling)
    return replace(found, unverified=unverified)


def _unread(release: str, era: Era) -> tuple[str | None, tuple[Era, ...]]:
    """Why the rules of this kernel are an expectation, if they are, and which other eras it may have taken rules from."""
    if not era.verified:
        return f"no source of this vendor's kernel was read; expected from its neighbours: {era.what}", ()
    if era.builds_read and _build(release) not in era.builds_read:
        read = ", ".join(str(build) for build in sorted(era.builds_read))
        return f"no source of this build was read; expected to be like build {read}", neighbours(era)
    for base in BASES:
        if re.search(base.release, release):
            why = f"; {base.why}" if base.why else ""
            text = f"no source of this vendor's kernel ({base.vendor}) was read; judged as its upstream base{why}"
            return text, tuple(era_named(name) for name in base.also)
    return None, ()


def _build(release: str) -> int | None:
    """4.18.0-348.el8 -> 348."""
    found = re.match(r"[\d.]+-(\d{1,9})", release)
    return int(found[1]) if found else None


def _without_release(by_text: list[Era], telling: frozenset[str]) -> Identified:
    if not telling:
        return Identified(None, ("neither a release nor a telling line",), (), certain=False)
    closest = by_text or _closest(telling)
    era = [*(fit for fit in closest if fit.vendor is not None), *(fit for fit in closest if fit.vendor is None)][-1]
    others = tuple(other for other in closest if other is not era)
    fit = "fits" if by_text else "fits no known era whole, closest are"
    evidence = (f"no release printed; text {fit} {', '.join(one.name for one in closest)}: {_words(telling)}",)
    return Identified(era, evidence, others, certain=bool(by_text) and not others, by_text_alone=True)


def _closest(telling: frozenset[str]) -> list[Era]:
    """The eras that print all but the fewest of these lines: a vendor's mixture that no row describes."""
    amiss = {era.name: len(telling - prints(era)) for era in ERAS}
    return [era for era in ERAS if amiss[era.name] == min(amiss.values())]


def _backport(release: str, by_release: Era, by_text: list[Era], telling: frozenset[str]) -> Identified:
    """The text contradicts the release: a backport, a pre-release or a cut line. The text decides."""
    if not by_text:
        note = f"no known era prints all of: {_words(telling)}"
        others = tuple(era for era in _closest(telling) if era is not by_release)
        return Identified(by_release, (f"release {release}", note), others, certain=False)
    same_base = [era for era in by_text if era.vendor is not None and era.vendor == by_release.vendor]
    pool = same_base or [era for era in by_text if era.vendor is None] or by_text
    nearest = min(pool, key=lambda era: _distance(era, by_release))
    evidence = (
        f"release {release} would be {by_release.name}",
        f"but the text is that of {nearest.name}: {_words(telling)}",
    )
    others = tuple(era for era in pool if era is not nearest)
    return Identified(nearest, evidence, (*others, by_release), certain=False)


def _words(telling: frozenset[str]) -> str:
    return ", ".join(FINGERPRINT_WORDS[name] for name in sorted(telling))


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
    return next(
        (era for era in UPSTREAM if era.since <= version and (era.before is None or version < era.before)), None
    )


def neighbours(era: Era) -> tuple[Era, ...]:
    """The eras next to this one in time, where a boundary that is not exactly known may put a kernel instead."""
    if era.vendor is not None:
        return tuple(other for other in VENDOR if other.vendor == era.vendor and other is not era)
    place = UPSTREAM.index(era)
    return tuple(UPSTREAM[near] for near in (place - 1, place + 1) if 0 <= near < len(UPSTREAM))
