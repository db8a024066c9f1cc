"""Keeps what the other files of bundles say. A file read again replaces what it said before."""

from __future__ import annotations

from collections.abc import Sequence

from oomforensics.history.frames import NEW, Columns, Row, columns, insert, run
from oomforensics.history.schema import Connection
from oomforensics.parsers.bundle.facts import Container, Fact, Process
from oomforensics.parsers.records import SourceInfo

_SOURCE: Columns = columns(text="source")
_FACTS: Columns = columns(text="bundle host boot_id kind name value source", small="line")
_PROCESSES: Columns = columns(text="bundle host boot_id user comm cmdline source", int="pid ppid uid", small="line")
_CONTAINERS: Columns = columns(
    text="bundle host boot_id container_id runtime name pod_uid pod namespace image source", small="line"
)


def keep(con: Connection, sources: Sequence[SourceInfo]) -> None:
    """The items of these sources, which are then let go."""
    told = [one for one in sources if one.items]
    if not told:
        return
    facts: list[Row] = []
    processes: list[Row] = []
    containers: list[Row] = []
    for info in told:
        where = info.bundle or "", info.host, info.boot_id
        for it in info.items:
            if isinstance(it, Fact):
                facts.append((*where, it.kind, it.name, it.value, info.name, it.line))
            elif isinstance(it, Process):
                processes.append((*where, it.user, it.comm, it.cmdline, info.name, it.pid, it.ppid, it.uid, it.line))
            elif isinstance(it, Container):
                who = it.container_id, it.runtime, it.name, it.pod_uid, it.pod, it.namespace, it.image
                on = where if it.host is None or it.host == info.host else (info.bundle or "", it.host, None)
                containers.append((*on, *who, info.name, it.line))
        info.items.clear()
    tables = (
        ("t_bundle_facts", _FACTS, facts),
        ("t_bundle_processes", _PROCESSES, processes),
        ("t_bundle_containers", _CONTAINERS, containers),
    )
    names = [(info.name,) for info in told]
    for table, spec, rows in tables:
        run(con, _SOURCE, names, f"DELETE FROM {table} WHERE source IN (FROM {NEW})")
        insert(con, table, spec, rows)
