"""Times without a zone, in a bundle whose /etc/localtime is a link to the zone that its host keeps."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_bundle import rows, run
from tests.support.printer import KERNELS, Report, Task

WALL = 1_760_004_600  # Oct  9 12:10:00 2025 in Berlin
TARGET = "../usr/share/zoneinfo/Europe/Berlin"


def messages() -> str:
    tasks = [Task(10 + n, f"t{n}", rss_anon=900 * n) for n in range(1, 5)]
    kernel = [f"Oct  9 12:10:00 web1 kernel: {line}" for line in Report(KERNELS["6.12"], tasks, tasks[-1]).lines()]
    oomd = "Oct  9 12:10:00 web1 systemd-oomd[7]: Killed /user.slice/a.scope due to memory used (1) / total (2) and swap used"
    return "\n".join([*kernel, oomd]) + "\n"


def as_folder(at: Path) -> Path:
    (at / "sos" / "etc").mkdir(parents=True)
    (at / "sos" / "etc" / "localtime").symlink_to(TARGET)
    (at / "sos" / "var").mkdir()
    (at / "sos" / "var" / "messages").write_text(messages())
    os.utime(at / "sos" / "var" / "messages", (WALL, WALL))
    return at / "sos"


def as_tar(at: Path) -> Path:
    with tarfile.open(at / "sos.tar", "w") as archive:
        for name in ("sos/var/messages", "sos/etc/localtime"):  # it is known only after the log
            info = tarfile.TarInfo(name)
            info.mtime = WALL
            if name.endswith("localtime"):
                info.type, info.linkname = tarfile.SYMTYPE, TARGET
            else:
                info.size = len(messages())
            archive.addfile(info, io.BytesIO(messages().encode()))
    return at / "sos.tar"


def as_zip(at: Path) -> Path:
    with zipfile.ZipFile(at / "sos.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("sos/var/messages", (2025, 10, 9, 12, 10, 0)), messages())
        link = zipfile.ZipInfo("sos/etc/localtime")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, TARGET)
    return at / "sos.zip"


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("make", [as_folder, as_tar, as_zip])
def test_the_zone_that_the_bundle_names(make: Callable[[Path], Path], jobs: str, tmp_path: Path) -> None:
    db, bundle = tmp_path / "h.duckdb", make(tmp_path)
    ids = []
    for _ in range(2):
        run("ingest", bundle, "--jobs", jobs, "--db", db)
        (incident,) = rows(db, "SELECT incident_id, epoch(ts) AS at, ts_source FROM incidents")
        assert (incident["at"], incident["ts_source"]) == (WALL, "syslog-year-inferred")
        ids.append(incident["incident_id"])
        assert rows(db, "SELECT epoch(ts) AS at FROM kills") == [{"at": WALL}]
        assert {one["at"] for one in rows(db, "SELECT epoch(ts) AS at FROM memory_events")} == {WALL}
        assert rows(db, "SELECT reason FROM source_problems WHERE source LIKE '%messages'") == [
            {"reason": "times without a zone are read in Europe/Berlin, which the bundle's etc/localtime names"}
        ]
    assert ids[0] == ids[1]
    plain = tmp_path / "plain.duckdb"
    (tmp_path / "messages").write_text(messages())
    os.utime(tmp_path / "messages", (WALL, WALL))
    run("ingest", tmp_path / "messages", "--db", plain)
    # Without the bundle it is read in UTC, and is the same incident.
    assert rows(plain, "SELECT incident_id, epoch(ts) AS at FROM incidents") == [
        {"incident_id": ids[0], "at": WALL + 7200}
    ]
