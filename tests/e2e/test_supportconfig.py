"""A supportconfig as it comes: sections of text files say what the files of a sosreport say."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from tests.e2e.test_bundle import rows, run
from tests.support.printer import KERNELS, Report, Task

BOOT_ID = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11"


def report(pids: int) -> list[str]:
    tasks = [Task(pids + n, f"t{n}", rss_anon=900 * n) for n in range(1, 5)]
    return list(Report(KERNELS["6.12"], tasks, tasks[-1]).lines())


def section(kind: str, title: str, text: str) -> str:
    return f"#==[ {kind} ]{'=' * (46 - len(kind))}#\n# {title}\n{text}\n\n"


def files() -> dict[str, str]:
    ring_buffer = "".join(f"[Thu Oct  9 12:10:04 2025] {line}\n" for line in report(10))  # it drifts
    journal = "".join(f"Oct 09 12:10:00 sle1 kernel: {line}\n" for line in report(10))
    messages = "".join(
        f"2025-10-09T11:00:00.{n:06}+02:00 sle1 kernel: [ 399.{n:06}] {line}\n" for n, line in enumerate(report(30))
    )
    head = "=====\n      Support Utilities - Supportconfig\n=====\n\n"
    return {
        "basic-environment.txt": head
        + section("Command", "/usr/bin/date", "Thu Oct  9 12:53:20 CEST 2025")
        + section("Command", "/usr/bin/uname -a", "Linux sle1 6.12.0-1-default #1 SMP x86_64 GNU/Linux"),
        "basic-health-check.txt": head
        + section("Command", "/usr/bin/uptime", " 12:53:25 up  2:00,  2 users,  load average: 0.00, 0.01, 0.05")
        + section(
            "Command",
            "/bin/ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd",
            "USER       PID  PPID %CPU %MEM    VSZ   RSS STAT     TIME CMD\nt   14     1 0.0  0.0 1 1 Ss 00:00:01 /usr/bin/t4 -x",
        ),
        "memory.txt": head
        + section("Configuration File", "/proc/meminfo", "MemTotal:       16384256 kB\nSwapTotal:       2097148 kB")
        + section("Configuration File", "/proc/vmstat", "oom_kill 3")
        + section("Command", "/sbin/sysctl -a 2>/dev/null | grep ^vm", "vm.panic_on_oom = 0"),
        "proc.txt": head + section("Configuration File", "/proc/sys/kernel/random/boot_id", BOOT_ID),
        "systemd.txt": head
        + section(
            "Command",
            "/usr/bin/timedatectl --no-pager status",
            "                Time zone: Europe/Berlin (CEST, +0200)",
        ),
        "boot.txt": head
        + section("Command", "/usr/bin/uname -a", "Linux sle1 6.12.0-1-default #1 SMP x86_64 GNU/Linux")
        + section("Command", "/usr/bin/journalctl --no-pager --boot 0", journal)
        + section("Command", "/usr/bin/dmesg -T", ring_buffer),
        "messages.txt": head + section("Log File", "/var/log/messages - Last 500 Lines", messages),
    }


@pytest.mark.parametrize("order", [1, -1], ids=["as packed", "reversed"])
def test_a_supportconfig(order: int, tmp_path: Path) -> None:
    bundle, db = tmp_path / "scc_sle1_251009_1253.txz", tmp_path / "h.duckdb"
    with tarfile.open(bundle, "w:xz") as archive:
        for name, text in list(files().items())[::order]:
            info = tarfile.TarInfo(f"scc_sle1_251009_1253/{name}")
            info.size, info.mtime = len(text), 1_760_007_200
            archive.addfile(info, io.BytesIO(text.encode()))
    for _ in range(2):  # read again, it says the same
        run("ingest", bundle, "--db", db)
        found = rows(
            db,
            "SELECT host, boot_id, epoch(ts) AS at, ts_source, victim_pid FROM incidents ORDER BY ts",
        )
        assert [(one["host"], one["boot_id"], one["victim_pid"]) for one in found] == [
            ("sle1", BOOT_ID.replace("-", ""), 34),
            ("sle1", BOOT_ID.replace("-", ""), 14),
        ]
        # The journal's short form and dmesg -T have no zone, and the host keeps that of Berlin.
        assert [one["at"] for one in found] == [1_760_000_400, 1_760_004_600]
        said = rows(db, "SELECT source, reason FROM source_problems WHERE reason LIKE '%Europe/Berlin%'")
        assert [one["source"].rpartition("/")[2] for one in said] == ["boot.txt"]
        assert rows(db, "SELECT pid, cmdline, line FROM processes") == [
            {"pid": 14, "cmdline": "/usr/bin/t4 -x", "line": 12}
        ]
        assert rows(db, "SELECT counted, seen FROM reconciliation") == [{"counted": 3, "seen": 2}]


def test_the_zone_that_the_user_names_counts(tmp_path: Path) -> None:
    folder, db = tmp_path / "scc_sle1", tmp_path / "h.duckdb"
    folder.mkdir()
    for name, text in files().items():
        (folder / name).write_text(text)
        os.utime(folder / name, (1_760_007_200, 1_760_007_200))
    run("ingest", folder, "--timezone", "UTC", "--db", db)
    found = rows(db, "SELECT epoch(ts) AS at FROM incidents WHERE victim_pid = 14")
    assert [one["at"] for one in found] == [1_760_004_600 + 7200]
    assert rows(db, "SELECT * FROM source_problems WHERE reason LIKE '%Berlin%'") == []
