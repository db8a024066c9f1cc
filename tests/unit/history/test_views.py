"""The contract's columns, by name and in order; every column says what it means."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from oomforensics.history import rows
from oomforensics.history.frames import Columns
from oomforensics.history.schema import migrate
from oomforensics.history.store import open_read, open_write

CONTRACT = {
    "incidents": "incident_id host boot_id ts ts_source uptime_s kernel_release era page_size scope scope_inferred"
    " constraint_raw oom_memcg task_memcg trigger_pid trigger_comm gfp_mask alloc_order totalpages totalpages_source"
    " victim_pid victim_comm victim_uid printed_score recomputed_score verdict verdict_text complete missing source"
    " line_start line_end",
    "candidates": "incident_id pid tgid uid comm total_vm_pages rss_pages rss_anon_pages rss_file_pages rss_shmem_pages"
    " pgtables_bytes swapents_pages oom_score_adj eligible ineligible_reason badness_pages points proc_oom_score rank"
    " is_victim",
    "kills": "incident_id pid comm uid total_vm_kb anon_rss_kb file_rss_kb shmem_rss_kb pgtables_kb oom_score_adj reason"
    " reaped line",
    "memory_events": "kind ts host pid comm cgroup detail source line incident_id",
    "recurrences": "host place scope victim_comm memory_limit_kb incidents kills first_ts last_ts mean_between_s",
    "findings": "incident_id finding severity text evidence advice",
    "memory_balance": "incident_id seq node parent label bytes",
    "allocations": "incident_id cause text",
    "allocation_zones": "incident_id node zone usable reason",
    "sources": "source size_bytes sha256",
    "report_lines": "incident_id seq line kind text",
    "source_problems": "source sha256 line severity reason",
    "incident_sources": "incident_id source line_start line_end",
    "deaths": "ts host pid comm mechanism evidence witnesses incident_id",
    "cgroups": "path container_runtime container_id pod_uid",
    "host_facts": "host boot_id kind name value",
    "evidence_losses": "kind lost host boot_id ts uptime_s",
    "incident_losses": "incident_id kind lost",
    "reconciliation": "host boot_id name cgroup counted seen lost",
    "recordings": "segment_id host boot_id kernel_release began_ts ended_ts interval_s target source",
    "snapshots": "ts mono_s host boot_id",
    "snapshots_processes": "ts mono_s host boot_id pid starttime comm cmdline",
    "snapshots_cgroups": "ts mono_s host boot_id cgroup",
    "snapshots_system": "ts mono_s host boot_id",
    "incident_recordings": "incident_id segment_id mono_s",
    "growth": "incident_id kind who start_bytes end_bytes slope_bytes_per_s",
    "growth_verdicts": "incident_id culprit culprit_kind shape share inevitable_from_s",
    "processes": "host boot_id pid ppid uid user comm cmdline",
    "containers": "host container_id runtime name pod_uid pod namespace image",
}


@pytest.mark.parametrize("view", CONTRACT)
def test_columns_of_the_contract_come_first(view: str) -> None:
    with duckdb.connect() as con:
        migrate(con)
        names = [column[0] for column in con.execute(f"SELECT * FROM {view}").description or []]
    wanted = CONTRACT[view].split()
    assert names[: len(wanted)] == wanted


def test_every_column_of_every_view_says_what_it_means() -> None:
    with duckdb.connect() as con:
        migrate(con)
        views = con.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        silent = con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() WHERE comment IS NULL AND NOT internal"
            " AND table_name NOT LIKE 't\\_%' ESCAPE '\\'"
        ).fetchall()
    assert {name for name, _ in views} == set(CONTRACT)
    assert all(comment for _, comment in views)
    assert silent == []


# Numbers that are names, places in an order or values on a scale of the kernel's own.
WITHOUT_UNIT = {
    "pid", "tgid", "ppid", "uid", "login_uid", "victim_uid", "trigger_pid", "victim_pid", "selected_pid",
    "runner_up_pid", "line", "line_start", "line_end", "seq", "table_order", "rank", "occurrence", "version",
    "oom_adj", "oom_score_adj", "oom_score", "proc_oom_score", "printed_score", "recomputed_score",
    "node", "trigger_cpu", "culprit_pid", "order_asked",
}  # fmt: skip
UNITS = re.compile(r"\b(?:KiB|bytes|pages|thousandths|count|seconds?|percent|clock ticks|0 to 1)\b", re.IGNORECASE)
NUMBER = re.compile(r"U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL\(.*\)")
SUFFIXES = {
    "_kb": "KiB", "_pages": "pages", "_bytes": "bytes", "_bytes_per_s": "bytes a second", "_s": "second", "_percent": "percent",
}  # fmt: skip


def test_every_number_says_its_unit(tmp_path: Path) -> None:
    """Of every view that SQL finds, those of the macros too."""
    with open_write(tmp_path / "empty.duckdb"):
        pass
    with open_read(tmp_path / "empty.duckdb", locked=True) as con:
        found = con.execute(
            "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal AND table_name IN"
            " (SELECT view_name FROM duckdb_views() WHERE comment IS NOT NULL)"
        ).fetchall()
    assert {"eras", "selections", "recurrences"} < {view for view, *_ in found}
    for view, name, kind, comment in found:
        where = f"{view}.{name}: {comment}"
        for suffix, unit in SUFFIXES.items():
            assert not name.endswith(suffix) or unit.lower() in comment.lower(), where
        if name not in WITHOUT_UNIT and NUMBER.fullmatch(kind):
            assert UNITS.search(comment), where


@pytest.mark.parametrize(
    ("table", "spec"),
    [
        ("t_incidents", rows.INCIDENTS),
        ("t_candidates", rows.CANDIDATES),
        ("t_kills", rows.KILLS),
        ("t_report_lines", rows.REPORT_LINES),
        ("t_incident_sources", rows.INCIDENT_SOURCES),
        ("t_kill_keys", rows.KILL_KEYS),
        ("t_sources", rows.SOURCES),
        ("t_source_problems", rows.SOURCE_PROBLEMS),
    ],
)
def test_every_column_of_a_table_is_written(table: str, spec: Columns) -> None:
    with duckdb.connect() as con:
        migrate(con)
        assert {column[0] for column in con.execute(f"SELECT * FROM {table}").description or []} == set(spec)
