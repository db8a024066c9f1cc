"""Keeps who grew before each incident: made from recordings, else from an earlier report of the same boot.

What an incident's rows were made of is stored with them. At the end of each ingest, the incidents whose value is another by
now are made anew, each wholly or not at all: after an ingest that was killed, the next one makes what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from oomforensics.analysis.growth import wording
from oomforensics.analysis.growth.culprit import Grower, Verdict
from oomforensics.history import growth_recorded, growth_reports
from oomforensics.history.frames import NEW, Columns, Row, columns, insert, run
from oomforensics.history.schema import Connection, transaction

_RECORDING, _REPORTS = "recording", "reports"  # seen_in
_MADE_BY = "1"  # the rules of analysis/growth: another number makes all stale
_BATCH = 1000  # incidents stored at once
_GROWTH: Columns = columns(
    text="incident_id seen_in kind who shape source",
    int="pid processes start_bytes end_bytes samples",
    float="from_s until_s onset_s slope slope_low slope_high share",
    floats="change_points_s",
)
_VERDICTS: Columns = columns(
    text="incident_id made_of seen_in culprit culprit_kind shape text",
    int="culprit_pid total_bytes left_bytes",
    float="share from_s until_s inevitable_from_s inevitable_low_s inevitable_high_s",
    texts="not_known",
)
_VALUE: Columns = columns(text="value")

_WANTED = f"""
WITH recorded AS ({growth_recorded.MADE_OF}), reports AS ({growth_reports.MADE_OF})
SELECT incident_id, concat_ws(' ', recorded.made_of, reports.made_of, '{_MADE_BY}') AS made_of,
       recorded.made_of IS NOT NULL AS is_recorded, before_id
FROM recorded FULL JOIN reports USING (incident_id)
"""


class _Wanted(NamedTuple):
    incident_id: str
    made_of: str
    is_recorded: bool
    before_id: str | None  # the earlier report


class _Made(NamedTuple):
    """`source`: the recording, or the log of the earlier report."""

    seen_in: str
    source: str
    growers: tuple[Grower, ...]
    verdict: Verdict

    @property
    def text(self) -> str:
        say = wording.recorded if self.seen_in == _RECORDING else wording.between_reports
        return say(self.verdict)


def derive(con: Connection, stopped: Callable[[], bool] = lambda: False) -> None:
    """Of all incidents of which something else is known than when their rows were made, or that have none. What is left out
    because it is stopped, the next one makes.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE new_growth AS {_WANTED}")
    stale = con.execute(
        """
        SELECT incident_id FROM t_growth_verdicts AS had
        WHERE NOT EXISTS (FROM new_growth AS now WHERE now.incident_id = had.incident_id AND now.made_of = had.made_of)
        """
    ).fetchall()
    if stale:
        with transaction(con):
            _forget(con, [incident_id for (incident_id,) in stale])
    missing = con.execute(
        """
        SELECT incident_id, made_of, is_recorded, before_id FROM new_growth
        WHERE incident_id NOT IN (SELECT incident_id FROM t_growth_verdicts) ORDER BY incident_id
        """
    ).fetchall()
    con.execute("DROP TABLE new_growth")
    wanted = [_Wanted(*row) for row in missing]
    recorded, reported = ([one for one in wanted if one.is_recorded == side] for side in (True, False))
    batches = [[one] for one in recorded] + [reported[n : n + _BATCH] for n in range(0, len(reported), _BATCH)]
    for batch in batches:
        if stopped():
            return
        made = _made(con, batch)
        with transaction(con):
            _keep(con, batch, made)


def _made(con: Connection, batch: list[_Wanted]) -> dict[str, _Made]:
    """By the incident; without those of which neither says anything."""
    made = {}
    for one in batch:
        seen = growth_recorded.judge(con, one.incident_id) if one.is_recorded else None
        if seen is not None:
            made[one.incident_id] = _Made(_RECORDING, *seen)
    before = {
        one.incident_id: one.before_id for one in batch if one.incident_id not in made and one.before_id is not None
    }
    for incident_id, found in growth_reports.judge(con, before).items():
        made[incident_id] = _Made(_REPORTS, *found)
    return made


def _forget(con: Connection, ids: list[str]) -> None:
    for table in ("t_growth", "t_growth_verdicts"):
        run(con, _VALUE, zip(ids, strict=True), f"DELETE FROM {table} WHERE incident_id IN (FROM {NEW})")


def _keep(con: Connection, batch: list[_Wanted], made: Mapping[str, _Made]) -> None:
    insert(con, "t_growth", _GROWTH, (_grower(key, it, one) for key, it in made.items() for one in it.growers))
    insert(con, "t_growth_verdicts", _VERDICTS, (_verdict(one, made.get(one.incident_id)) for one in batch))


def _grower(incident_id: str, made: _Made, one: Grower) -> Row:
    grown, rate = one.growth, one.growth.slope
    slopes = (None, None, None) if rate is None else (rate.value, rate.low, rate.high)
    return (
        incident_id, made.seen_in, one.kind, one.who, grown.shape, made.source,
        one.pid, one.processes, grown.start_bytes, grown.end_bytes, grown.samples,
        grown.from_s, grown.until_s, grown.onset_s, *slopes, one.share,
        list(grown.change_points_s),
    )  # fmt: skip


def _verdict(wanted: _Wanted, made: _Made | None) -> Row:
    key = wanted.incident_id, wanted.made_of
    if made is None:
        return *key, *(None,) * (len(_VERDICTS) - len(key))
    it, who, when = made.verdict, made.verdict.culprit, made.verdict.inevitable
    return (
        *key, made.seen_in, *((None,) * 3 if who is None else (who.who, who.kind, who.growth.shape)), made.text,
        None if who is None else who.pid, it.total_bytes, it.left_bytes,
        None if who is None else who.share, it.from_s, it.until_s,
        *((None,) * 3 if when is None else (when.from_s, when.low_s, when.high_s)),
        wording.unknown(it.unknown),
    )  # fmt: skip
