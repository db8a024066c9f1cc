"""Every form of a report in every container: each kill is counted in each cell."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import lz4.frame
import pytest

from oomforensics.analysis.model import Judged
from oomforensics.history.store import open_read
from oomforensics.ingest import IngestResult, ingest
from oomforensics.parsers import journal_file
from oomforensics.parsers.framings import FRAMINGS, journal_export
from oomforensics.parsers.records import SourceInfo
from oomforensics.parsers.sources import Source
from oomforensics.pipeline.read import Settings
from oomforensics.pipeline.read import read as pipeline_read
from oomforensics.pipeline.stop import Stop
from tests.support.containers import Files, seven, tar, zipped
from tests.support.packing import zstd
from tests.support.variants import variants

VARIANTS = variants()


def each(pack: Callable[[bytes], bytes]) -> Callable[[Files], Files]:
    return lambda files: {name: pack(data) for name, data in files.items()}


def whole(name: str, pack: Callable[[Files], bytes]) -> Callable[[Files], Files]:
    return lambda files: {name: pack(files)}


def gz(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


# Name -> what the files become on the disk.
CONTAINERS: dict[str, Callable[[Files], Files]] = {
    "folder": lambda files: files,
    "gz": each(gz),
    "xz": each(lzma.compress),
    "bz2": each(bz2.compress),
    "zst": each(zstd.compress),
    "lz4": each(lz4.frame.compress),
    "gz of gz": each(lambda data: gz(gz(data))),
    "gz of xz": each(lambda data: gz(lzma.compress(data))),
    "tar": whole("x.tar", tar),
    "tar.gz": whole("x.tgz", lambda files: gz(tar(files))),
    "tar.bz2": whole("x.tbz2", lambda files: bz2.compress(tar(files))),
    "tar.xz": whole("x", lambda files: lzma.compress(tar(files))),
    "tar.zst": whole("x", lambda files: zstd.compress(tar(files))),
    "tar.lz4": whole("x", lambda files: lz4.frame.compress(tar(files))),
    "zip": whole("x.zip", zipped),
    "7z": whole("x.7z", seven),
    "tar.xz of gz": whole("x.txz", lambda files: lzma.compress(tar({name: gz(data) for name, data in files.items()}))),
    "zip of tar.gz": whole("x.zip", lambda files: zipped({"inner.tar.gz": gz(tar(files))})),
    "tar of 7z of zip": whole("x.tar", lambda files: tar({"a.7z": seven({"b.zip": zipped(files)})})),
}


def read(tmp_path: Path, files: Files) -> IngestResult:
    for name, data in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(data)
    return ingest([str(tmp_path / "in")], db=tmp_path / "h.duckdb", timezone=UTC)


def variant_of(source: str) -> str:
    return Path(source).name.removesuffix(".log")


def test_there_are_enough() -> None:
    assert len(VARIANTS) >= 23 and all(len(one.killed) + one.events for one in VARIANTS.values())


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_kill_is_counted(container: str, tmp_path: Path) -> None:
    files = {f"logs/{name}.log": variant.data for name, variant in VARIANTS.items()}
    result = read(tmp_path, CONTAINERS[container](files))
    found = {variant_of(one.info.name): one for one in result.sources if one.info.name.endswith(".log")}
    assert {name: one.kills for name, one in found.items()} == {name: len(one.killed) for name, one in VARIANTS.items()}
    assert [one.info.problems for one in result.sources if one.damaged] == []
    known = {framing.name for framing in FRAMINGS} | {journal_export.NAME, journal_file.NAME}
    assert known <= {one.info.framing for one in found.values()}, "a framing that no variant has"
    with open_read(tmp_path / "h.duckdb") as con:
        told = con.execute("SELECT source, count(*) FROM memory_events WHERE says = 'kill' GROUP BY source").fetchall()
        pids = {pid for (pid,) in con.execute("SELECT pid FROM kills").fetchall()}
    assert {variant_of(source): number for source, number in told} == {
        name: one.events for name, one in VARIANTS.items() if one.events
    }
    assert pids == {pid for one in VARIANTS.values() for pid in one.killed}


@pytest.mark.parametrize("pack", [bytes, gz, lambda data: tar({"log": data})], ids=["plain", "gz", "tar"])
@pytest.mark.parametrize("name", VARIANTS)
def test_every_form_is_read_from_a_pipe(name: str, pack: Callable[[bytes], bytes]) -> None:
    class Pipe:
        """What has no seek()."""

        def __init__(self) -> None:
            self.readinto = io.BytesIO(pack(VARIANTS[name].data)).readinto

        def close(self) -> None:
            return

    found = list(pipeline_read(Source("-", None, Pipe), Settings(UTC), Stop()))
    kills = [kill.pid for one in found if isinstance(one, Judged) for kill in one.incident.kills]
    assert sorted(kills) == sorted(VARIANTS[name].killed)
    events = [event for one in found if isinstance(one, SourceInfo) for event in one.events if event.says == "kill"]
    assert len(events) == VARIANTS[name].events


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "oomforensics", *arguments], input=stdin, capture_output=True)


def test_the_command_reads_files_archives_and_standard_input_at_once(tmp_path: Path) -> None:
    chosen = ["syslog", "cascade", "oom.group", "storm"]
    files = {f"{name}.log": VARIANTS[name].data for name in chosen}
    bundle, torn, db = tmp_path / "bundle.tar.xz", tmp_path / "torn.gz", str(tmp_path / "h.duckdb")
    bundle.write_bytes(lzma.compress(tar({"logs/cascade.log.gz": gz(files["cascade.log"])})))
    torn.write_bytes(gz(files["syslog.log"])[:-4])  # all of the text, and no end
    (tmp_path / "oom.group.log").write_bytes(files["oom.group.log"])
    named = [str(tmp_path / "oom.group.log"), str(bundle), str(torn), "-"]
    done = run("ingest", *named, "--db", db, stdin=zipped({"storm.log": files["storm.log"]}))
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False), done.stderr
    assert b"torn.gz" in done.stderr

    def table(sql: str) -> list[dict[str, str]]:
        answer = run("sql", sql, "--db", db, "--format", "json")
        assert answer.returncode == 0, answer.stderr
        rows: list[dict[str, str]] = json.loads(answer.stdout)
        return rows

    pids = [int(row["pid"]) for row in table("SELECT pid FROM kills")]
    assert sorted(pids) == sorted(pid for name in chosen for pid in VARIANTS[name].killed)
    sources = {row["source"] for row in table("SELECT source FROM sources")}
    assert sources >= {named[0], f"{bundle}!logs/cascade.log.gz", str(torn), "-!storm.log"}
    assert [row["source"] for row in table("SELECT source FROM source_problems WHERE severity <> 'info'")] == [
        str(torn)
    ]
