"""What the analysis of one incident cannot know, in sentences: each only where it holds."""

from __future__ import annotations

from collections.abc import Iterator

from oomforensics.reports import units
from oomforensics.reports.load import IncidentPage


def of(page: IncidentPage) -> list[str]:
    return list(_limits(page))


def _limits(page: IncidentPage) -> Iterator[str]:
    if page.victim_pid is not None and page.verdict != "oom_origin":
        yield "Whom the kernel chose follows from its rule. That the victim caused the shortage is not said by it."
    if page.recorded is None:
        yield (
            "Nothing was recorded before: the report shows one moment. Whether memory grew slowly or at once, and whose, it does "
            "not tell."
        )
    else:
        yield f"What was before the recorded {_recorded_s(page):.0f} s is not known."
    if page.candidates:
        yield (
            "A page that several processes share counts in the rss of each: the processes' sum is not the memory in use, and "
            "what a kill frees is less than the rss of who was killed, as far as it was shared."
        )
    if page.scope == "memcg" and page.candidates:
        yield "The kernel listed the processes of this control group alone. Who used the rest of the machine it does not tell."
    if page.scope_inferred:
        yield "The report does not print what ran out; it was concluded from the rest."
    if page.era is None:
        yield "Which kernel it was could not be told, so its arithmetic could not be chosen."
    elif not page.era_certain:
        yield "The kernel was concluded from the text. A vendor's own change of its rules would not show in it."
    if page.totalpages is not None and not page.totalpages_exact:
        yield "totalpages holds an assumption, and every share with it; its bounds are above."
    if page.ts_us is None:
        yield "No clock on the wall: the incident cannot be set beside other logs by its time."
    elif page.ts_uncertainty_s is not None and page.ts_uncertainty_s > 1:
        yield f"The time on the wall may be wrong by {page.ts_uncertainty_s:,.0f} s, and distances to other logs with it."
    if page.missing or page.report_suppressed:
        yield "Parts of the report are lost. What was worked out rests on the parts that are there."
    sources = units.count(len(page.sources), "source")
    yield (
        f"Other killers, claims and neighbours are those in what was read ({sources} of this incident); others may exist."
    )


def _recorded_s(page: IncidentPage) -> float:
    starts = [curve.points[0][0] for curve in page.recorded.curves if curve.points] if page.recorded else []
    return -min(starts, default=0.0)
