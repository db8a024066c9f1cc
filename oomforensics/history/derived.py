"""What follows from all that is known of an incident, made at the end of each ingest and kept.

An incident's derived rows rest on its own report, on what bundles say of its host, on its neighbours and witnesses, and on
who grew before it, all of which may come later. `basis` names that; whatever incident has none, or another one, is derived
again. An ingest that is killed in between leaves incidents without, which the next one makes up for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from oomforensics.analysis import allocation, balance, findings
from oomforensics.analysis.allocation import Allocation
from oomforensics.analysis.balance import Balance
from oomforensics.analysis.findings import Finding
from oomforensics.analysis.scene import NEIGHBOURS_S, Scene
from oomforensics.history import scenes
from oomforensics.history.frames import NEW, Columns, Row, columns, insert, run
from oomforensics.history.schema import Connection, transaction

EDITION = 3  # another number: all is derived again, because the rules have changed

# The basis is counted, not compared: what the history holds only grows, or is replaced as a whole with its incident.
_STALE = f"""
    WITH incidents AS (
        SELECT incident_id, boot_id, lower(split_part(host, '.', 1)) AS label, epoch(ts) AS at_s FROM t_incidents
    ),
    facts AS (
        SELECT lower(split_part(host, '.', 1)) AS label, count(*) AS n, hash(list(value ORDER BY kind, name, source, line)) AS h
        FROM t_bundle_facts GROUP BY ALL
    ),
    unnamed AS (SELECT count(*) AS n FROM t_bundle_facts WHERE host IS NULL),
    spans AS (
        SELECT lower(split_part(host, '.', 1)) AS label, floor(epoch(ts) / {NEIGHBOURS_S}) AS span, count(*) AS n
        FROM t_incidents GROUP BY ALL
    ),
    boots AS (SELECT boot_id, count(*) AS n FROM t_incidents WHERE boot_id IS NOT NULL GROUP BY ALL),
    told AS (SELECT lower(split_part(host, '.', 1)) AS label, count(*) AS n FROM t_memory_events GROUP BY ALL),
    bases AS (
        SELECT incidents.incident_id,
               concat_ws(' ', {EDITION}, coalesce(facts.n, 0), coalesce(facts.h, 0), unnamed.n, coalesce(now.n, 0),
                         coalesce(before.n, 0), coalesce(boots.n, 0), coalesce(told.n, 0), grown.made_of) AS basis
        FROM incidents
        CROSS JOIN unnamed
        LEFT JOIN facts ON facts.label = incidents.label
        LEFT JOIN spans AS now ON now.label = incidents.label AND now.span = floor(at_s / {NEIGHBOURS_S})
        LEFT JOIN spans AS before ON before.label = incidents.label AND before.span = floor(at_s / {NEIGHBOURS_S}) - 1
        LEFT JOIN boots ON boots.boot_id = incidents.boot_id
        LEFT JOIN told ON told.label = incidents.label
        LEFT JOIN t_growth_verdicts AS grown ON grown.incident_id = incidents.incident_id
    )
    SELECT incident_id, basis, incident_id IN (SELECT incident_id FROM t_derived) AS was_derived FROM bases
    WHERE NOT EXISTS (FROM t_derived AS kept WHERE kept.incident_id = bases.incident_id AND kept.basis = bases.basis)
    ORDER BY incident_id
"""

_ID: Columns = columns(text="incident_id")
_DERIVED: Columns = columns(text="incident_id basis")
_BALANCE: Columns = columns(
    text="incident_id node parent label origin memcg", int="bytes min_bytes max_bytes line", small="seq"
)
_ALLOCATIONS: Columns = columns(
    text="incident_id cause text migratetype highest_zone nodes limit_memcg balance_text",
    small="order_asked",
    int="request_bytes",
    texts="gfp_flags notes also",
)
_ZONES: Columns = columns(
    text="incident_id zone reason",
    small="node",
    bool="usable",
    int="managed_kb free_kb free_cma_kb boost_kb min_kb low_kb high_kb reserve_kb needed_kb largest_free_kb line",
)
_FINDINGS: Columns = columns(text="incident_id finding severity confidence text advice", json="evidence")
TABLES = ("t_derived", "t_memory_balance", "t_allocations", "t_allocation_zones", "t_findings")


class _Derived(NamedTuple):
    scene: Scene
    balance: Balance | None
    allocation: Allocation
    findings: list[Finding]


def derive(con: Connection) -> None:
    """Of each incident whose basis has changed; in batches, each stored wholly or not at all."""
    stale = con.execute(_STALE).fetchall()
    basis_of = {name: basis for name, basis, _ in stale}
    derived_before = {name for name, _, was_derived in stale if was_derived}
    for batch in scenes.batches(con, list(basis_of)):
        made = _of(batch)
        ids = [scene.incident_id for scene in batch]
        with transaction(con):
            old = [(name,) for name in ids if name in derived_before]
            for table in TABLES:
                run(con, _ID, old, f"DELETE FROM {table} WHERE incident_id IN (FROM {NEW})")
            _insert(con, made)
            insert(con, "t_derived", _DERIVED, ((name, basis_of[name]) for name in ids))


def _of(batch: Sequence[Scene]) -> list[_Derived]:
    """One analysis after the other: so each finds its code in the processor's cache."""
    balanced = [balance.balance(scene) for scene in batch]
    failed = [allocation.allocation(scene) for scene in batch]
    seen = map(findings.Evidence, batch, balanced, failed)
    return list(map(_Derived, batch, balanced, failed, map(findings.find, seen)))


def _insert(con: Connection, made: Sequence[_Derived]) -> None:
    insert(con, "t_memory_balance", _BALANCE, _balance(made))
    insert(con, "t_allocations", _ALLOCATIONS, map(_allocation, made))
    insert(con, "t_allocation_zones", _ZONES, _named(_ZONES, ((one, one.allocation.zones) for one in made)))
    insert(con, "t_findings", _FINDINGS, _named(_FINDINGS, ((one, one.findings) for one in made)))


def _balance(made: Sequence[_Derived]) -> Iterator[Row]:
    fields = attrgetter(*list(_BALANCE)[1:-1])
    for one in made:
        for seq, node in enumerate(one.balance.nodes if one.balance is not None else ()):
            yield one.scene.incident_id, *fields(node), seq


def _allocation(one: _Derived) -> Row:
    it = one.allocation
    text = one.balance.text if one.balance is not None else None
    return (
        one.scene.incident_id, it.cause, it.text, it.migratetype, it.highest_zone, it.nodes, it.limit_memcg, text,
        it.order_asked, it.request_bytes, list(it.gfp_flags) if it.gfp_flags is not None else None, list(it.notes),
        list(it.also),
    )  # fmt: skip


def _named(spec: Columns, made: Iterable[tuple[_Derived, Sequence[object]]]) -> Iterator[Row]:
    """Rows whose fields have the columns' names."""
    fields = attrgetter(*list(spec)[1:])
    return ((one.scene.incident_id, *fields(row)) for one, rows in made for row in rows)
