"""A history without its secrets, for a report or an export that strangers may read.

What every public column holds is said by COLUMNS, and a test fails for a column that it does not know. A redacted
history is a copy in memory with the views' names, made from the file and then cut off from it: whatever is rendered from
it has nothing else to show.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from oomforensics.errors import HistoryError, UsageError
from oomforensics.history.pseudonyms import Pseudonyms
from oomforensics.history.redact_text import Texts
from oomforensics.history.schema import Connection

MARK = "redaction"  # a table of this name says that a history is redacted
_LEAST_KEY = 16  # bytes
_KEY_SUFFIX = ".redact-key"

# class of column -> what becomes of it. `keep`: figures, moments, and words that are ours. The others are methods of
# Texts or Pseudonyms:
#   comm, host, user, cgroup, path, command, release, hardware, symbol   a name of that kind
#   ident    a UUID, a hash, an id; also ours, which are hashes of what a log says and could be guessed
#   step     a name inside a job
#   who      a process, a command, a unit, a control group or a user, as `growth` names them
#   uid      a user's number
#   prose    a sentence of ours with names in it
#   line     text of a log
#   json     a structure: strings in it are lines, but for keys that say better
#   said     the same of a witness, whose keys say more
# A column that is missing here is not in a redacted history.
COLUMNS: dict[str, dict[str, str]] = {
    "incidents": {
        "comm": "trigger_comm victim_comm selected_comm",
        "host": "host",
        "cgroup": "oom_memcg task_memcg oom_group_path systemd_slice systemd_unit systemd_user_unit container_name pod"
        " pod_namespace place cpuset",
        "path": "source container_image",
        "ident": "incident_id boot_id container_id pod_uid job_id",
        "step": "job_step",
        "uid": "victim_uid login_uid",
        "prose": "totalpages_source verdict_text era_evidence era_agreement page_size_source totalpages_arithmetic score_note"
        " proof caveats",
        "line": "constraint_raw gfp_mask nodemask mems_allowed",
        "json": "meminfo memcg_stats",
        "symbol": "call_trace",
        "release": "kernel_release",
        "hardware": "hardware",
        "keep": "ts ts_source uptime_s era page_size scope scope_inferred trigger_pid alloc_order totalpages victim_pid"
        " printed_score recomputed_score verdict complete missing line_start line_end era_certain era_alternatives"
        " totalpages_exact totalpages_min totalpages_max selected_pid evidence_lines runner_up_pid margin_pages outcomes"
        " report_suppressed memory_usage_kb memory_limit_kb memory_failcnt memsw_usage_kb memsw_limit_kb swap_usage_kb"
        " swap_limit_kb total_swap_kb free_swap_kb ram_pages reserved_pages callbacks_suppressed container_runtime pod_qos"
        " job_scheduler ts_uncertainty_s trigger_cpu kmem_usage_kb kmem_limit_kb",
    },
    "candidates": {
        "comm": "comm",
        "ident": "incident_id",
        "uid": "uid",
        "prose": "arithmetic",
        "keep": "pid tgid total_vm_pages rss_pages rss_anon_pages rss_file_pages rss_shmem_pages pgtables_bytes"
        " swapents_pages oom_score_adj eligible ineligible_reason badness_pages points proc_oom_score rank is_victim"
        " table_order nr_ptes nr_pmds oom_adj badness_min badness_max adj_pages root_bonus_pages line",
    },
    "kills": {
        "comm": "comm",
        "ident": "incident_id",
        "uid": "uid",
        "line": "message",
        "path": "source",
        "keep": "pid total_vm_kb anon_rss_kb file_rss_kb shmem_rss_kb pgtables_kb oom_score_adj reason reaped line ts uptime_s"
        " seq",
    },
    "report_lines": {"ident": "incident_id", "line": "text", "keep": "seq line kind"},
    "memory_events": {
        "comm": "comm program",
        "host": "host",
        "cgroup": "cgroup unit",
        "path": "source",
        "ident": "incident_id event_id boot_id container_id pod_uid job_id",
        "uid": "uid",
        "line": "text",
        "said": "detail",
        "keep": "kind ts pid line says mechanism uptime_s ts_source tied_by sightings",
    },
    "deaths": {
        "comm": "comm",
        "host": "host",
        "cgroup": "cgroup unit name",
        "path": "source",
        "ident": "incident_id container_id pod_uid job_id",
        "keep": "ts pid mechanism evidence witnesses uptime_s line",
    },
    "cgroups": {
        "cgroup": "path systemd_slice systemd_unit systemd_user_unit",
        "ident": "container_id pod_uid job_id",
        "step": "job_step",
        "uid": "login_uid",
        "keep": "container_runtime pod_qos job_scheduler",
    },
    "recurrences": {
        "comm": "victim_comm largest_comm",
        "host": "host",
        "cgroup": "place",
        "path": "source",
        "ident": "latest_id incident_ids",
        "keep": "scope memory_limit_kb incidents kills first_ts last_ts mean_between_s",
    },
    "host_facts": {
        "host": "host",
        "ident": "boot_id",
        "path": "bundle source",
        "line": "name value",
        "keep": "kind line",
    },
    "processes": {
        "host": "host",
        "user": "user",
        "ident": "boot_id",
        "path": "bundle source",
        "uid": "uid",
        "comm": "comm",
        "command": "cmdline",
        "keep": "pid ppid line",
    },
    "evidence_losses": {
        "host": "host",
        "ident": "boot_id event_id",
        "path": "source",
        "line": "text",
        "keep": "kind lost ts uptime_s line",
    },
    "recordings": {
        "host": "host",
        "ident": "segment_id boot_id",
        "release": "kernel_release",
        "path": "source",
        "line": "target watched missing notes",
        "keep": "page_size interval_s began_ts ended_ts began_s ended_s kmsg_offset_s kmsg_spread_s torn_bytes damaged_bytes"
        " missing_frames undecodable_frames",
    },
    "snapshots": {
        "host": "host",
        "ident": "boot_id segment_id",
        "keep": "ts mono_s took_s planned_s reason known unread complete",
    },
    "snapshots_processes": {
        "host": "host",
        "ident": "boot_id segment_id",
        "comm": "comm",
        "command": "cmdline",
        "uid": "uid",
        "cgroup": "cgroup",
        "keep": "ts mono_s pid starttime gone vm_size_kb rss_anon_kb rss_file_kb rss_shmem_kb pgtables_kb swap_kb oom_score_adj"
        " oom_score",
    },
    "snapshots_cgroups": {
        "host": "host",
        "ident": "boot_id segment_id",
        "cgroup": "cgroup",
        "keep": "ts mono_s version gone usage_bytes limit_bytes swap_bytes swap_limit_bytes anon_bytes file_bytes shmem_bytes"
        " slab_bytes oom_kill under_oom",
    },
    "snapshots_system": {
        "host": "host",
        "ident": "boot_id segment_id",
        "keep": "ts mono_s mem_total_kb mem_free_kb mem_available_kb swap_total_kb swap_free_kb cached_kb shmem_kb anon_kb"
        " slab_kb sunreclaim_kb pgtables_kb committed_as_kb oom_kill pgmajfault some_avg10_percent full_avg10_percent",
    },
    "incident_recordings": {"ident": "incident_id segment_id", "keep": "mono_s into_s left_s"},
    "growth": {
        "ident": "incident_id",
        "who": "who",
        "path": "source",
        "keep": "kind start_bytes end_bytes slope_bytes_per_s slope_low_bytes_per_s slope_high_bytes_per_s shape share samples"
        " seen_in pid processes grown_bytes from_s until_s onset_s change_points_s",
    },
    "growth_verdicts": {
        "ident": "incident_id",
        "who": "culprit",
        "prose": "text not_known",
        "keep": "culprit_kind shape share inevitable_from_s inevitable_low_s inevitable_high_s seen_in culprit_pid grown_bytes"
        " left_bytes from_s until_s",
    },
    "incident_losses": {"ident": "incident_id", "path": "source", "line": "text", "keep": "kind lost distance_s line"},
    "reconciliation": {
        "host": "host",
        "ident": "boot_id",
        "cgroup": "cgroup",
        "line": "name",
        "path": "source",
        "prose": "explained",
        "keep": "counted seen lost unplaced line",
    },
    "containers": {
        "host": "host",
        "cgroup": "name pod namespace",
        "ident": "container_id pod_uid",
        "path": "image bundle source",
        "comm": "runtime",
        "keep": "line",
    },
    "findings": {
        "ident": "incident_id",
        "prose": "text",
        "json": "evidence",
        "keep": "finding severity confidence advice",  # the advice stands in the catalogue: nothing of a log is in it
    },
    "memory_balance": {
        "ident": "incident_id",
        "cgroup": "memcg",
        "prose": "label origin",
        "keep": "seq node parent bytes min_bytes max_bytes line",
    },
    "allocations": {
        "ident": "incident_id",
        "cgroup": "limit_memcg",
        "prose": "text balance_text notes",
        "line": "gfp_flags nodes",
        "keep": "cause also order_asked request_bytes migratetype highest_zone",
    },
    "allocation_zones": {
        "ident": "incident_id",
        "prose": "reason",
        "keep": "node zone usable managed_kb free_kb free_cma_kb boost_kb min_kb low_kb high_kb reserve_kb needed_kb"
        " largest_free_kb line",
    },
    "incident_sources": {
        "host": "host",
        "path": "source",
        "ident": "incident_id boot_id",
        "keep": "line_start line_end ts ts_source uptime_s kill_ts kill_uptime_s complete candidates kills occurrence",
    },
    "sources": {
        "path": "source",
        "ident": "sha256",
        "json": "problems",
        "keep": "size_bytes framing records incidents kills problem_count ingested_at",
    },
    "source_problems": {"path": "source", "ident": "sha256", "line": "reason", "keep": "line severity"},
}
# Lines come first: a sentence of ours may name what only a line holds. Releases come last, for they may hold names.
_LINES_FIRST = ("report_lines", "memory_events", "source_problems", "sources")
_LEARNT = ("comm", "host", "user", "cgroup", "command", "ident", "step", "path", "release")
ATTACHED = "history"
_PLAIN_TEXT = "VARCHAR"


def view_order() -> list[str]:
    return [*_LINES_FIRST, *(view for view in COLUMNS if view not in _LINES_FIRST)]


def class_of(view: str, column: str) -> str | None:
    return next((how for how, names in COLUMNS.get(view, {}).items() if column in names.split()), None)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# -- the key -----------------------------------------------------------------------------------------------------------


def key_beside(history: Path) -> Path:
    """Where the key of a history lies: not in it, so that a history can be handed on without it."""
    return history.with_name(history.name + _KEY_SUFFIX)


def read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the key {path} cannot be read: {error.strerror}") from error
    if len(key) < _LEAST_KEY:
        raise UsageError(f"the key {path} is too short: {_LEAST_KEY} bytes at least")
    return key


def key_of(history: Path) -> tuple[bytes, bool]:
    """The key of a history, made when there is none; and whether it is kept for the next time."""
    path = key_beside(history)
    if not path.exists():
        _make_key(path)
    return (read_key(path), True) if path.exists() else (secrets.token_bytes(32), False)


def _make_key(path: Path) -> None:
    """Whole or not at all, and never in place of another's."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        with suppress(FileExistsError):
            os.link(part, path)
    except OSError:
        pass  # nothing can be written there: the caller is told
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


# -- the copy ----------------------------------------------------------------------------------------------------------


@contextmanager
def attached(path: Path) -> Iterator[Connection]:
    """A connection in memory that sees the file as `history`, for reading. The caller has opened it before, and checked."""
    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH {literal(str(path))} AS {ATTACHED} (READ_ONLY)")
        yield con
    except duckdb.IOException as error:
        raise HistoryError(f"{path} cannot be used: {str(error).splitlines()[0]}") from error
    finally:
        con.close()


class Redaction:
    """One connection's functions, taught the names of what will be shown."""

    def __init__(self, con: Connection, key: bytes, ids: Sequence[str] | None = None) -> None:
        """`ids`: of the incidents that will be shown; None: the whole history."""
        self._con = con
        self._ids = ids
        self.texts = Texts(Pseudonyms(key))
        self._types = _types(con)
        if ids is not None:
            con.execute("CREATE TEMP TABLE _wanted AS SELECT unnest(?::VARCHAR[]) AS incident_id", [list(ids)])
        self._learn()
        for how in {how for classes in COLUMNS.values() for how in classes} - {"keep", "uid"}:
            con.create_function(f"_hide_{how}", self._function(how), [_PLAIN_TEXT], _PLAIN_TEXT)
        con.create_function("_hide_uid", self.texts.pseudonyms.uid, ["BIGINT"], "BIGINT")

    def ident(self, value: str) -> str:
        return self.texts.pseudonyms.ident(value)

    def views(self) -> list[str]:
        """Those that this history has, in the order in which they have to be redacted."""
        return [view for view in view_order() if view in self._types]

    def select(self, view: str) -> str:
        """The view's redacted columns as the list of a SELECT from it."""
        return ", ".join(_hidden(view, column, kind) for column, kind in self._types[view].items())

    def source(self, view: str) -> str:
        """The view in the file, or what of it belongs to the incidents wanted."""
        where, wanted = "", "WHERE incident_id IN (FROM _wanted)"
        if self._ids is not None:
            if "incident_id" in self._types[view]:
                where = wanted
            elif view == "recurrences":  # what is said of a group is said of all its incidents
                where = "WHERE list_has_all((SELECT list(incident_id) FROM _wanted), incident_ids)"
            elif "source" in self._types[view]:
                where = f"WHERE source IN (SELECT source FROM {ATTACHED}.incident_sources {wanted})"
            elif view == "cgroups":
                paths = f"SELECT unnest([oom_memcg, task_memcg]) FROM {ATTACHED}.incidents {wanted}"
                where = f"WHERE path IN ({paths})"
        return f"(FROM {ATTACHED}.{quoted(view)} {where})"

    def _function(self, how: str) -> Callable[[str], str]:
        return lambda value: self.texts.by_class(how, value)

    def _learn(self) -> None:
        for how in _LEARNT:
            learn = getattr(self.texts, f"learn_{how}")
            for view, columns in self._types.items():
                for column, kind in columns.items():
                    if class_of(view, column) == how:
                        name = quoted(column) if kind == _PLAIN_TEXT else f"unnest({quoted(column)})"
                        sql = f"SELECT DISTINCT {name} AS name FROM {self.source(view)}"
                        sql = f"FROM ({sql}) WHERE name <> '' ORDER BY name"
                        for (value,) in self._con.execute(sql).fetchall():
                            learn(value)


def _types(con: Connection) -> dict[str, dict[str, str]]:
    """The columns that have a class; of any other nothing is known, and none is shown."""
    sql = (
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? ORDER BY column_index"
    )
    types: dict[str, dict[str, str]] = {}
    for view, column, kind in con.execute(sql, [ATTACHED]).fetchall():
        if class_of(view, column) is not None:
            types.setdefault(view, {})[column] = kind
    return types


def _hidden(view: str, column: str, kind: str) -> str:
    how, name = class_of(view, column), quoted(column)
    if how == "keep":
        return name
    if how == "uid":
        return f"CAST(_hide_uid({name}) AS {kind}) AS {name}"
    if how in ("json", "said"):
        return f"CAST(CAST(_hide_{how}(CAST(to_json({name}) AS VARCHAR)) AS JSON) AS {kind}) AS {name}"
    if kind == f"{_PLAIN_TEXT}[]":
        return f"list_transform({name}, lambda one: _hide_{how}(one)) AS {name}"
    return f"_hide_{how}(CAST({name} AS {_PLAIN_TEXT})) AS {name}"


@contextmanager
def open_redacted(path: Path, key: bytes, ids: Sequence[str]) -> Iterator[tuple[Connection, list[str]]]:
    """The incidents `ids` of the history at `path` as a history of its own, and what they are called there."""
    with attached(path) as con:
        redaction = Redaction(con, key, ids)
        for view in redaction.views():
            con.execute(f"CREATE TABLE {quoted(view)} AS SELECT {redaction.select(view)} FROM {redaction.source(view)}")
            con.execute(f"CREATE VIEW {quoted(f't_{view}')} AS FROM {quoted(view)}")
        con.execute(f"CREATE TABLE {MARK} AS SELECT true AS redacted")
        con.execute("DROP TABLE _wanted")
        con.execute(f"DETACH {ATTACHED}")
        con.execute("SET enable_external_access = false")
        yield con, [redaction.ident(one) for one in ids]


def is_redacted(con: Connection) -> bool:
    return bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [MARK]).fetchall())
