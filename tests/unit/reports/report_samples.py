"""Histories to report on: invented hosts and names with the figures of real incidents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import duckdb

from oomforensics.history.schema import migrate

Builder = Callable[[duckdb.DuckDBPyConnection], str]
HOSTILE = "</script><img src=x onerror=window.pwned=1>"


def history() -> duckdb.DuckDBPyConnection:
    """An empty history in memory, with the shipped schema."""
    con = duckdb.connect()
    migrate(con)
    return con


def insert(con: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    marks = ", ".join("?" for _ in values)
    con.execute(f"INSERT INTO t_{table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


_INCIDENT: dict[str, Any] = {
    "ts_source": "none",
    "scope": "unknown",
    "scope_inferred": False,
    "verdict": "insufficient_data",
    "verdict_text": "",
    "complete": True,
    "missing": [],
    "outcomes": [],
    "source": "kern.log",
    "line_start": 1,
    "line_end": 1,
}
_KILL: dict[str, Any] = {"reason": "victim", "line": 1, "kill_key": ""}


def add(
    con: duckdb.DuckDBPyConnection,
    incident: Mapping[str, Any],
    tasks: Sequence[Mapping[str, Any]] = (),
    kills: Sequence[Mapping[str, Any]] = (),
    lines: Sequence[tuple[int, str, str]] = (),
    sources: Sequence[str] = ("kern.log",),
) -> str:
    values = {**_INCIDENT, **incident}
    incident_id: str = values["incident_id"]
    insert(con, "incidents", **values)
    for order, task in enumerate(tasks):
        insert(
            con,
            "candidates",
            **{"incident_id": incident_id, "table_order": order, "is_victim": False, **task},
        )
    for kill in kills:
        insert(con, "kills", **{"incident_id": incident_id, **_KILL, "source": values["source"], **kill})
    for seq, (number, kind, text) in enumerate(lines):
        insert(con, "report_lines", incident_id=incident_id, seq=seq, line=number, kind=kind, text=text)
    for name in sources:
        insert(
            con,
            "incident_sources",
            incident_id=incident_id,
            source=name,
            line_start=values["line_start"],
            line_end=values["line_end"],
            ts_source=values["ts_source"],
            complete=values["complete"],
            candidates=len(tasks),
            kills=len(kills),
            kill_keys=[],
            occurrence=0,
            content="",
        )
        con.execute(
            "INSERT INTO t_sources (source, sha256, size_bytes, framing, ingested_at)"
            " VALUES (?, ?, 18231, 'rfc3164', now())",
            [name, "9f" * 32],
        )
    return incident_id


def add_finding(
    con: duckdb.DuckDBPyConnection,
    incident_id: str,
    name: str,
    severity: str,
    *,
    text: str | None = None,
    confidence: str = "certain",
    line: int | None = None,
) -> None:
    """One that rests on a line of the incident's own source; its words are made of its name."""
    said = text if text is not None else f"{name}: the one held 148 MiB, and another died with 61 MiB."
    fact = {"what": f"what {name} saw", "value": 1536, "unit": "KiB", "line": line, "source": None}
    insert(
        con, "findings", incident_id=incident_id, finding=name, severity=severity, confidence=confidence, text=said,
        advice=f"What to do about {said}", evidence=json.dumps([fact]),
    )  # fmt: skip


def task(
    pid: int,
    comm: str,
    rss: int,
    pgtables: int,
    swap: int,
    adj: int,
    *,
    total: int | None,
    uid: int = 0,
    vm: int = 0,
    line: int = 0,
) -> dict[str, Any]:
    """A row of a 5.9+ kernel. Test data may do the sum that reports must not."""
    row: dict[str, Any] = {
        "pid": pid,
        "tgid": pid,
        "uid": uid,
        "comm": comm,
        "total_vm_pages": vm or rss * 2,
        "rss_pages": rss,
        "pgtables_bytes": pgtables,
        "swapents_pages": swap,
        "oom_score_adj": adj,
        "line": line or None,
        "eligible": adj != -1000,
    }
    if adj == -1000:
        return {**row, "ineligible_reason": "oom_score_adj_min", "proc_oom_score": 0}
    if total is None:
        return row
    adj_pages = adj * (total // 1000)
    badness = rss + swap + pgtables // 4096 + adj_pages
    points = int(badness * 1000 / total)
    arithmetic = f"{rss} rss + {swap} swap + {pgtables // 4096} page tables + {adj} * {total // 1000} = {badness}"
    return {
        **row,
        "adj_pages": adj_pages,
        "badness_pages": badness,
        "badness_min": badness,
        "badness_max": badness,
        "points": points,
        "proc_oom_score": max(0, (1000 + points) * 2 // 3),
        "arithmetic": arithmetic,
    }


def ranked(tasks: list[dict[str, Any]], victim: int | None) -> list[dict[str, Any]]:
    order = sorted(
        (row for row in tasks if row.get("badness_pages") is not None), key=lambda row: -row["badness_pages"]
    )
    for rank, row in enumerate(order, 1):
        row["rank"] = rank
    for row in tasks:
        row["is_victim"] = row["pid"] == victim
    return tasks


_GLOBAL_TASKS = (
    (199, "systemd-journal", 226, 102400, 14, -250),
    (255, "systemd-udevd", 159, 69632, 37, -1000),
    (348, "entropyd", 138, 53248, 787, 0),
    (489, "cron", 38, 45056, 30, 0),
    (491, "dbus-daemon", 139, 57344, 2, -900),
    (497, "rsyslogd", 209, 77824, 33, 0),
    (517, "scand", 422324, 4395008, 107099, 0),
    (573, "freshscan", 368, 114688, 326, 0),
    (581, "redis-server", 1567, 110592, 197, 0),
    (640, "postgres", 2913, 249856, 402, -900),
    (754, "guard/f.postfix", 4182, 331776, 2967, 0),
    (1680, "filterd", 14927, 380928, 8231, 0),
    (1682, "filterd", 16509, 421888, 7811, 0),
    (1683, "filterd", 14614, 376832, 8614, 0),
    (1701, "sshd", 211, 81920, 19, -1000),
    (2210, "backup worker", 9120, 180224, 0, 300),
    (3825, "stats", 112, 53248, 0, 0),
    (3837, "tlsmgr", 148, 73728, 95, 0),
)
GLOBAL_TOTAL = 638689


def add_global(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-7c41d0e29ab3", host: str = "mail-02") -> str:
    """A machine that ran out of memory and swap; one daemon held most of it. 5.10, 4 KiB pages."""
    first = 62
    tasks = ranked(
        [
            task(*row, total=GLOBAL_TOTAL, uid=111 if row[0] == 517 else 0, line=first + k)
            for k, row in enumerate(_GLOBAL_TASKS)
        ],
        victim=517,
    )
    rows = [
        f"[{row['pid']:>7}] {row['uid']:>5} {row['tgid']:>5} {row['total_vm_pages']:>8} {row['rss_pages']:>8}"
        f" {row['pgtables_bytes']:>8}"
        f" {row['swapents_pages']:>8} {row['oom_score_adj']:>13} {row['comm']}"
        for row in tasks
    ]
    body = [
        (
            "invoked",
            "guard/f.postfix invoked oom-killer: gfp_mask=0x100cca(GFP_HIGHUSER_MOVABLE), order=0, oom_score_adj=0",
        ),
        ("stack", "CPU: 0 PID: 754 Comm: guard/f.postfix Not tainted 5.10.0-10-amd64 #1 Debian 5.10.84-1"),
        ("call_trace", "Call Trace:"),
        *(("call_trace", f" trace_frame_{k}+0x{k:x}/0x80") for k in range(30)),
        *(("meminfo", f"counter_{k}:{k * 17}") for k in range(22)),
        ("meminfo", "Free swap  = 0kB"),
        ("meminfo", "Total swap = 524284kB"),
        ("meminfo", "524156 pages RAM"),
        ("meminfo", "16538 pages reserved"),
        ("table_header", "Tasks state (memory values in pages):"),
        (
            "table_header",
            "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        ),
        *(("task", row) for row in rows),
        (
            "summary",
            "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,"
            "task_memcg=/system.slice/scand.service,task=scand,pid=517,uid=111",
        ),
        (
            "killed",
            "Out of memory: Killed process 517 (scand) total-vm:2361456kB, anon-rss:1689296kB, file-rss:0kB,"
            " shmem-rss:0kB,"
            " UID:111 pgtables:4292kB oom_score_adj:0",
        ),
        ("reaped", "oom_reaper: reaped process 517 (scand), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"),
    ]
    lines = [(number, kind, text) for number, (kind, text) in enumerate(body, 2)]
    by_start = {text.split(" ")[0]: number for number, _, text in lines}
    last = lines[-1][0]
    return add(
        con,
        {
            "incident_id": incident_id,
            "host": host,
            "boot_id": "boot-1",
            "ts": "2026-12-20 03:17:52+00",
            "ts_source": "syslog-year-inferred",
            "uptime_s": 75669.581768,
            "kernel_release": "5.10.0-10-amd64",
            "era": "5.9-6.1",
            "era_certain": True,
            "era_evidence": [
                "“Killed process” on one line with pgtables and oom_score_adj: 5.4 or later (line 82)",
                "release 5.10.0-10-amd64 in the stack header (line 3)",
            ],
            "era_alternatives": ["5.4-5.8"],
            "era_agreement": "The same victim under every era tried: 5.4-5.8, 5.9-6.1, 6.2-6.7.",
            "page_size": 4096,
            "page_size_source": "printed kB figures are 4 times the pages of the task table",
            "scope": "global",
            "constraint_raw": "CONSTRAINT_NONE",
            "task_memcg": "/system.slice/scand.service",
            "trigger_pid": 754,
            "trigger_comm": "guard/f.postfix",
            "gfp_mask": "0x100cca(GFP_HIGHUSER_MOVABLE)",
            "alloc_order": 0,
            "totalpages": GLOBAL_TOTAL,
            "totalpages_exact": True,
            "totalpages_source": "RAM, reserved pages and swap as the report prints them",
            "totalpages_arithmetic": "524156 pages RAM - 16538 reserved + 131071 swap = 638689",
            "selected_pid": 517,
            "selected_comm": "scand",
            "victim_pid": 517,
            "victim_comm": "scand",
            "victim_uid": 111,
            "recomputed_score": 1220,
            "verdict": "highest_badness",
            "verdict_text": "scand (pid 517) had the highest badness of all eligible candidates, 530496 pages; next "
            "was backup worker (pid 2210) with 200564 pages, 329932 less.",
            "proof": [
                "totalpages = 524156 pages RAM - 16538 reserved + 131071 swap = 638689",
                "badness(scand 517) = 422324 rss + 107099 swap + 4395008 / 4096 page tables = 530496",
                "badness(backup worker 2210) = 9120 rss + 0 swap + 44 page tables + 300 * 638 = 200564",
                "530496 > 200564: scand is the first choice (line 81 agrees)",
            ],
            "evidence_lines": [
                2,
                by_start["Total"],
                by_start["524156"],
                by_start["16538"],
                68,
                last - 2,
                last - 1,
            ],
            "caveats": ["The task table is printed after the selection; processes went on running in between."],
            "runner_up_pid": 2210,
            "margin_pages": 329932,
            "line_start": 2,
            "line_end": last,
            "total_swap_kb": 524284,
            "free_swap_kb": 0,
            "ram_pages": 524156,
            "reserved_pages": 16538,
            "meminfo": json.dumps({"line": 35}),
            "hardware": "QEMU Standard PC (Q35 + ICH9, 2009)",
            "call_trace": ["dump_stack", "out_of_memory"],
        },
        tasks,
        [
            {
                "pid": 517,
                "comm": "scand",
                "uid": 111,
                "total_vm_kb": 2361456,
                "anon_rss_kb": 1689296,
                "file_rss_kb": 0,
                "shmem_rss_kb": 0,
                "pgtables_kb": 4292,
                "oom_score_adj": 0,
                "reaped": True,
                "message": "Out of memory",
                "line": last - 1,
            }
        ],
        lines,
        ["/var/log/kern.log", "journal-mail-02.json"],
    )


def add_memcg_group(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-51e9aa07bd10") -> str:
    """memory.oom.group on a 6.8 kernel: three processes of one container went together."""
    total = 131072
    tasks = [
        task(*row, total=total, uid=1000)
        for row in (
            (4101, "sh", 180, 49152, 0, 0),
            (4102, "fuzz-worker", 98100, 860160, 0, 0),
            (4103, "fuzz-worker", 26900, 290816, 0, 0),
        )
    ]
    for row in tasks:
        row.update(rss_anon_pages=row["rss_pages"] - 120, rss_file_pages=100, rss_shmem_pages=20)
    summary = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/ci/job-7,"
        "task_memcg=/ci/job-7,task=fuzz-worker,pid=4102,uid=1000"
    )
    lines = [
        (900, "memcg", "memory: usage 524288kB, limit 524288kB, failcnt 3338"),
        (901, "memcg", "swap: usage 0kB, limit 0kB, failcnt 0"),
        (910, "summary", summary),
    ]
    lines += [
        (911 + k, "killed", f"Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:{kb}kB")
        for k, (pid, comm, kb) in enumerate(
            ((4102, "fuzz-worker", 901120), (4101, "sh", 2560), (4103, "fuzz-worker", 233000))
        )
    ]
    return add(
        con,
        {
            "incident_id": incident_id,
            "host": "ci-runner-9",
            "ts": "2026-05-26 06:17:40+00",
            "ts_source": "journald",
            "kernel_release": "6.8.11",
            "era": "6.8-6.19",
            "era_certain": True,
            "era_evidence": ["rss_anon, rss_file, rss_shmem columns: 6.8 or later"],
            "page_size": 4096,
            "scope": "memcg",
            "constraint_raw": "CONSTRAINT_MEMCG",
            "oom_memcg": "/ci/job-7",
            "task_memcg": "/ci/job-7",
            "trigger_pid": 4102,
            "trigger_comm": "fuzz-worker",
            "totalpages": total,
            "totalpages_exact": True,
            "selected_pid": 4102,
            "selected_comm": "fuzz-worker",
            "victim_pid": 4102,
            "victim_comm": "fuzz-worker",
            "victim_uid": 1000,
            "verdict": "oom_group",
            "verdict_text": "memory.oom.group is set on /ci/job-7: all its processes were killed together.",
            "proof": ["badness(fuzz-worker 4102) = 98100 rss + 0 swap + 210 page tables + 0 * 131 = 98310"],
            "evidence_lines": [910, 911],
            "runner_up_pid": 4103,
            "margin_pages": 71339,
            "oom_group_path": "/ci/job-7",
            "memory_usage_kb": 524288,
            "memory_limit_kb": 524288,
            "memory_failcnt": 3338,
            "swap_usage_kb": 0,
            "swap_limit_kb": 0,
            "line_start": 900,
            "line_end": 913,
        },
        ranked(tasks, victim=4102),
        [
            {"pid": 4102, "comm": "fuzz-worker", "line": 911, "anon_rss_kb": 391920},
            {"pid": 4101, "comm": "sh", "line": 912, "reason": "oom_group"},
            {"pid": 4103, "comm": "fuzz-worker", "line": 913, "reason": "oom_group", "anon_rss_kb": 107120},
        ],
        lines,
    )


def add_bare_kill(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-0d9f61c3aa55") -> str:
    """A kill line alone: no time, no host, no table. Everything else must show as unknown."""
    text = "Memory cgroup out of memory: Killed process 4107 (worker) total-vm:24896kB, anon-rss:0kB"
    return add(
        con,
        {
            "incident_id": incident_id,
            "scope": "memcg",
            "scope_inferred": True,
            "victim_pid": 4107,
            "victim_comm": "worker",
            "verdict": "insufficient_data",
            "verdict_text": "Only the kill line is in the log.",
            "complete": False,
            "missing": ["report"],
            "evidence_lines": [7],
            "line_start": 7,
            "line_end": 7,
            "callbacks_suppressed": 23,
            "source": "cut.log",
        },
        kills=[{"pid": 4107, "comm": "worker", "line": 7, "total_vm_kb": 24896, "anon_rss_kb": 0}],
        lines=[(7, "killed", text)],
        sources=["cut.log"],
    )


def add_no_victim(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-aa20c55f1e77") -> str:
    return add(
        con,
        {
            "incident_id": incident_id,
            "host": "db-1",
            "uptime_s": 93784.0,
            "scope": "global",
            "verdict": "none_killable",
            "verdict_text": "No process could be chosen, and the kernel panicked.",
            "outcomes": ["panic_deadlock"],
            "missing": [],
        },
    )


def add_hostile(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-bad000000001") -> str:
    """Names that attack a terminal, a web page, a template engine and a reader's eyes."""
    names = [
        HOSTILE,
        "{{7*7}}${7*7}",
        "a\u202eb\u200bc",
        "\x1b[2J\x9b31mred",
        "<a href='javascript:window.pwned=2'>x</a>",
        "%{x}<b>bold</b>",
        "`|*_[x](y)",
        "\u2028line\nnext",
    ]
    tasks = ranked(
        [task(100 + k, name, 5000 - k * 10, 40960, 0, 0, total=100000) for k, name in enumerate(names)],
        victim=100,
    )
    lines = [(10 + k, "task", f"[{100 + k}] {name}") for k, name in enumerate(names)]
    lines.append((30, "killed", f"Out of memory: Killed process 100 ({HOSTILE})"))
    return add(
        con,
        {
            "incident_id": incident_id,
            "host": f"host{HOSTILE}",
            "ts": "2026-01-02 00:00:00+00",
            "ts_source": "syslog",
            "era": "5.9-6.1",
            "era_certain": True,
            "scope": "memcg",
            "oom_memcg": f"/pod\u202e{HOSTILE}",
            "task_memcg": "/{{7*7}}",
            "page_size": 4096,
            "victim_pid": 100,
            "victim_comm": HOSTILE,
            "trigger_pid": 102,
            "trigger_comm": names[2],
            "verdict": "highest_badness",
            "verdict_text": f"{HOSTILE} was first.",
            "proof": [f"badness({HOSTILE}) = 5010, see line 30"],
            "caveats": [names[3]],
            "evidence_lines": [30],
            "era_evidence": [names[5]],
            "runner_up_pid": 101,
            "margin_pages": 10,
            "missing": [HOSTILE],
            "source": f"/tmp/{HOSTILE}\x1b]0;x\x07.log",
            "line_start": 10,
            "line_end": 30,
            "totalpages": 100000,
            "totalpages_exact": True,
        },
        tasks,
        [
            {"pid": 100, "comm": HOSTILE, "line": 30},
            {"pid": 101, "comm": names[1], "line": 30, "reason": "shared_mm"},
        ],
        lines,
        [f"/tmp/{HOSTILE}\x1b]0;x\x07.log"],
    )


def add_large(con: duckdb.DuckDBPyConnection, count: int = 20_000, incident_id: str = "oom-large0000001") -> str:
    """As many processes as the largest machines have."""
    import pandas as pd

    rows = [
        task(
            1000 + k,
            f"worker-{k % 977}",
            50 + (k * 7919) % 40_000,
            40960,
            k % 300,
            (k % 5) * 100,
            total=8_000_000,
            uid=k % 50,
            line=100 + k,
        )
        for k in range(count)
    ]
    ranked(rows, victim=max(rows, key=lambda row: row["badness_pages"])["pid"])
    frame = pd.DataFrame(rows).assign(incident_id=incident_id, table_order=range(count))
    frame = frame[[*frame.columns]]
    con.register("large", frame)
    add(
        con,
        {
            "incident_id": incident_id,
            "host": "big",
            "scope": "global",
            "era": "5.9-6.1",
            "era_certain": True,
            "totalpages_exact": True,
            "page_size": 4096,
            "verdict": "highest_badness",
            "verdict_text": "x",
            "totalpages": 8_000_000,
        },
    )
    con.execute(f"INSERT INTO t_candidates ({', '.join(frame.columns)}) SELECT * FROM large")
    con.unregister("large")
    return incident_id


def add_permille(con: duckdb.DuckDBPyConnection, incident_id: str = "oom-26320000beef") -> str:
    """RHEL 6: badness is in thousandths of totalpages, and the table lacks inputs, so it is known within bounds."""
    tasks = [
        {"pid": 2101, "comm": "java", "rss_pages": 390_000, "adj": 0, "badness_min": 612, "badness_max": 655},
        {
            "pid": 2207,
            "comm": "mysqld",
            "rss_pages": 120_000,
            "adj": 0,
            "badness_min": 188,
            "badness_max": 231,
        },
        {
            "pid": 1544,
            "comm": "sshd",
            "rss_pages": 170,
            "adj": -1000,
            "badness_min": None,
            "badness_max": None,
        },
    ]
    rows = [
        {
            "pid": row["pid"],
            "tgid": row["pid"],
            "uid": 0,
            "comm": row["comm"],
            "total_vm_pages": 800_000,
            "rss_pages": row["rss_pages"],
            "oom_score_adj": row["adj"],
            "eligible": row["adj"] != -1000,
            "ineligible_reason": "oom_score_adj_min" if row["adj"] == -1000 else None,
            "badness_min": row["badness_min"],
            "badness_max": row["badness_max"],
            "is_victim": row["pid"] == 2101,
        }
        for row in tasks
    ]
    incident = {
        "incident_id": incident_id,
        "host": "newdb-1",
        "scope": "global",
        "scope_inferred": True,
        "page_size": 4096,
        "totalpages": 637_000,
        "totalpages_exact": True,
        "victim_pid": 2101,
        "victim_comm": "java",
        "printed_score": 631,
        "verdict": "insufficient_data",
        "verdict_text": "This kernel's table lacks swapents and nr_ptes, which its score counts.",
        "uptime_s": 4210.5,
        "runner_up_pid": 2207,
    }
    return add(
        con,
        incident,
        rows,
        [{"pid": 2101, "comm": "java", "line": 1}],
        [(1, "killed", "Killed process 2101")],
    )
