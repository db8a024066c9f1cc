"""A sosreport as it comes: its other files say of its incidents what their own log does not."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.printer import KERNELS, Report, Task

BTIME = 1_760_000_000
BOOT_ID = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11"
CONTAINER = "4c01db0b339c" + "ab" * 26
POD = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d22"


def dmesg() -> str:
    tasks = [Task(10 + n, f"t{n}", rss_anon=900 * n) for n in range(1, 5)]
    report = Report(KERNELS["6.12"], tasks, tasks[-1]).lines()
    lines = [*report, "oom_kill_process: 9 callbacks suppressed"]
    return "".join(f"[ 1000.{number:06d}] {line}\n" for number, line in enumerate(lines))


FILES = {
    "sos_commands/kernel/dmesg": dmesg(),
    "sos_commands/kernel/sysctl_-a": "vm.panic_on_oom = 0\nvm.swappiness = 60\n",
    "hostname": "web1.example.org\n",
    "proc/stat": f"cpu 1\nbtime {BTIME}\n",
    "proc/meminfo": "MemTotal:       16384256 kB\nSwapTotal:       2097148 kB\n",
    "proc/vmstat": "oom_kill 3\n",
    "proc/sys/kernel/random/boot_id": BOOT_ID + "\n",
    "sos_commands/process/ps_auxwww": "USER PID %CPU COMMAND\nroot 14 0.0 /usr/bin/t4 --config /etc/t4\n",
    "var/log/journal.txt": "nothing of interest\n",
}


def as_folder(at: Path, order: list[str]) -> Path:
    for name in order:
        (at / "sos-web1" / name).parent.mkdir(parents=True, exist_ok=True)
        (at / "sos-web1" / name).write_text(FILES[name])
    return at / "sos-web1"


def as_tar(at: Path, order: list[str]) -> Path:
    with tarfile.open(at / "sos-web1.tar.xz", "w:xz") as archive:
        for name in order:
            info = tarfile.TarInfo(f"sos-web1/{name}")
            info.size = len(FILES[name])
            archive.addfile(info, io.BytesIO(FILES[name].encode()))
    return at / "sos-web1.tar.xz"


def run(*arguments: Path | str) -> str:
    done = subprocess.run([sys.executable, "-m", "oomforensics", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(db: Path, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("sql", query, "--format", "json", "--db", db))
    return found


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("make", [as_folder, as_tar])
@pytest.mark.parametrize("order", [list(FILES), list(reversed(FILES))], ids=["log first", "log last"])
def test_a_sosreport(make: Any, order: list[str], jobs: str, tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    bundle = make(tmp_path, order)
    for _ in range(2):  # read again, it says the same
        run("ingest", bundle, "--jobs", jobs, "--db", db)
        (incident,) = rows(
            db,
            "SELECT host, boot_id, epoch(ts) AS at, ts_source, ts_uncertainty_s, uptime_s, totalpages_source FROM incidents",
        )
        assert incident["host"] == "web1.example.org"
        assert incident["boot_id"] == BOOT_ID.replace("-", "")
        assert (incident["at"], incident["ts_source"], incident["ts_uncertainty_s"]) == (
            BTIME + 1000,
            "boot-time-derived",
            1.0,
        )
        assert incident["uptime_s"] == 1000.0
        facts = rows(
            db, "SELECT kind, name, value, host FROM host_facts WHERE kind IN ('sysctl', 'meminfo') ORDER BY ALL"
        )
        assert [(one["name"], one["value"], one["host"]) for one in facts] == [
            ("MemTotal_kb", "16384256", "web1.example.org"), ("SwapTotal_kb", "2097148", "web1.example.org"),
            ("vm.panic_on_oom", "0", "web1.example.org"), ("vm.swappiness", "60", "web1.example.org"),
        ]  # fmt: skip
        assert rows(db, "SELECT name, counted, seen, lost FROM reconciliation") == [
            {"name": "vmstat oom_kill", "counted": 3, "seen": 1, "lost": 2}
        ]
        assert rows(db, "SELECT kind, lost FROM incident_losses") == [{"kind": "lost_reports", "lost": 9}]
        told = " ".join(run("explain", "--db", db).split())  # it is wrapped
        assert "Evidence was lost near this report: oom_kill_process: 9 callbacks suppressed (" in told
        assert rows(db, "SELECT pid, cmdline FROM processes") == [
            {"pid": 14, "cmdline": "/usr/bin/t4 --config /etc/t4"}
        ]
