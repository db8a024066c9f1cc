"""Wall-clock time for logs that have only the kernel's stamps, from other logs of the same boot."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from oomforensics.ingest import ingest
from tests.support.printer import KERNELS, Report, Task

BEGIN = 1_760_000_000  # of the boot, by the clock on the wall


def report(pid: int) -> list[str]:
    tasks = [Task(pid + n, f"t{pid}", rss_anon=900 * n + pid) for n in range(1, 4)]
    return list(Report(KERNELS["6.12"], tasks, tasks[-1]).lines())


def dmesg(at: int, pid: int) -> str:
    return "".join(f"[{at:5}.000000] {line}\n" for line in report(pid))


def syslog(at: int, pid: int, slept: int = 0, host: str = "web1") -> str:
    when = datetime.fromtimestamp(BEGIN + at + slept, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
    return "".join(f"{when} {host} kernel: [{at:5}.000000] {line}\n" for line in report(pid))


def write(folder: Path, **files: str) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in files]


def read(db: Path) -> list[dict[str, Any]]:
    with duckdb.connect(str(db), read_only=True) as con:
        found = con.execute(
            "SELECT uptime_s, epoch(ts) AS at, ts_source, ts_uncertainty_s AS uncertainty_s,"
            " (SELECT min(epoch(ts)) FROM kills WHERE kills.incident_id = incidents.incident_id) AS killed"
            " FROM incidents ORDER BY uptime_s, ts_source"
        )
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_a_log_that_shows_an_incident_which_another_shows_too(tmp_path: Path) -> None:
    paths = write(tmp_path / "in", dmesg=dmesg(100, 10) + dmesg(400, 20) + dmesg(900, 30), messages=syslog(400, 20))
    results = []
    for n, order in enumerate(permutations(paths)):
        db = tmp_path / f"{n}.duckdb"
        ingest(order, db=db)
        results.append(read(db))
        for path in order:  # and one after the other, again
            ingest([path], db=db)
            results.append(read(db))
        alone = tmp_path / f"alone{n}.duckdb"
        for path in order:
            ingest([path], db=alone)
        results.append(read(alone))
    expected = [
        {"uptime_s": at, "at": BEGIN + at, "ts_source": source, "uncertainty_s": 1.0, "killed": BEGIN + at}
        for at, source in ((100.0, "pair-derived"), (400.0, "syslog"), (900.0, "pair-derived"))
    ]
    assert all(one == expected for one in results)


def test_the_nearest_pair_counts_and_sleep_is_uncertainty(tmp_path: Path) -> None:
    write(
        tmp_path / "in",
        dmesg="".join(dmesg(at, at // 10) for at in (100, 150, 400, 900)),
        messages=syslog(100, 10) + syslog(900, 90, slept=3600),
    )
    ingest([str(tmp_path / "in")], db=tmp_path / "h.duckdb")
    found = [(one["at"] - BEGIN, one["ts_source"], one["uncertainty_s"]) for one in read(tmp_path / "h.duckdb")]
    assert found == [
        (100, "syslog", 1.0), (150, "pair-derived", 3601.0), (400, "pair-derived", 3601.0), (4500, "syslog", 1.0),
    ]  # fmt: skip


def test_another_boot_of_the_same_log_has_no_clock(tmp_path: Path) -> None:
    write(tmp_path / "in", console=dmesg(900, 30) + dmesg(100, 10) + dmesg(150, 20), messages=syslog(100, 10))
    ingest([str(tmp_path / "in")], db=tmp_path / "h.duckdb")
    assert [(one["uptime_s"], one["ts_source"]) for one in read(tmp_path / "h.duckdb")] == [
        (100.0, "syslog"), (150.0, "pair-derived"), (900.0, "none"),
    ]  # fmt: skip


def test_no_pair_from_a_clock_that_is_assumed(tmp_path: Path) -> None:
    text = "".join(f"Oct  9 10:00:00 web1 kernel: [  400.000000] {line}\n" for line in report(20))
    write(tmp_path / "in", dmesg=dmesg(100, 10) + dmesg(400, 20), messages=text)
    os.utime(tmp_path / "in" / "messages", (BEGIN, BEGIN))
    ingest([str(tmp_path / "in")], db=tmp_path / "h.duckdb")
    assert [one["ts_source"] for one in read(tmp_path / "h.duckdb")] == ["none", "syslog-year-inferred"]


BOOT_ID = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11"


@pytest.mark.parametrize(
    ("boot_id", "source", "at"), [(BOOT_ID, "pair-derived", 3707), ("a" * 32, "boot-time-derived", 100)]
)
def test_a_log_of_the_same_boot_id_knows_of_sleep(boot_id: str, source: str, at: int, tmp_path: Path) -> None:
    bundle, journal = tmp_path / "sos", tmp_path / "journal.json"
    (bundle / "proc/sys/kernel/random").mkdir(parents=True)
    (bundle / "proc/sys/kernel/random/boot_id").write_text(BOOT_ID)
    (bundle / "proc/stat").write_text(f"btime {BEGIN}\n")
    (bundle / "sos_commands/kernel").mkdir(parents=True)
    (bundle / "sos_commands/kernel/dmesg").write_text(dmesg(100, 10))
    journal.write_text(
        "".join(
            f'{{"__REALTIME_TIMESTAMP":"{(BEGIN + 4007) * 1_000_000}","_SOURCE_MONOTONIC_TIMESTAMP":"400000000",'
            f'"_BOOT_ID":"{boot_id.replace("-", "")}","_TRANSPORT":"kernel","MESSAGE":"{line}"}}\n'
            for line in report(20)
        )
    )
    ingest([str(bundle), str(journal)], db=tmp_path / "h.duckdb")
    first = read(tmp_path / "h.duckdb")[0]
    assert (first["at"] - BEGIN, first["ts_source"], first["uncertainty_s"]) == (at, source, 1.0)
    assert first["killed"] == BEGIN + at
