"""Every form of a report in every container: each kill is counted in each cell."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import lz4.frame
import pytest

from oomforensics.history.store import open_read
from oomforensics.ingest import IngestResult, ingest
from tests.support.containers import Files, seven, tar, zipped
from tests.support.packing import zstd
from tests.support.variants import Variant, variants

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
    "gz of xz": each(lambda data: gz(lzma.compress(data))),
    "tar": whole("x.tar", tar),
    "tar.gz": whole("x.tgz", lambda files: gz(tar(files))),
    "tar.xz": whole("x", lambda files: lzma.compress(tar(files))),
    "tar.zst": whole("x", lambda files: zstd.compress(tar(files))),
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


def test_there_are_enough() -> None:
    assert len(VARIANTS) >= 23 and all(one.kills + one.events for one in VARIANTS.values())


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_kill_is_counted(container: str, tmp_path: Path) -> None:
    files = {f"logs/{name}.log": variant.data for name, variant in VARIANTS.items()}
    result = read(tmp_path, CONTAINERS[container](files))
    found = {
        Path(one.info.name).name.removesuffix(".log"): one for one in result.sources if one.info.name.endswith(".log")
    }
    assert {name: one.kills for name, one in found.items()} == {name: one.kills for name, one in VARIANTS.items()}
    assert [one.info.problems for one in result.sources if one.damaged] == []
    with open_read(tmp_path / "h.duckdb") as con:
        told = con.execute("SELECT source, count(*) FROM memory_events WHERE says = 'kill' GROUP BY source").fetchall()
    own = {Path(source).name.removesuffix(".log"): number for source, number in told}
    assert own == {name: one.events for name, one in VARIANTS.items() if one.events}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_form_is_read_from_standard_input(name: str, tmp_path: Path) -> None:
    variant: Variant = VARIANTS[name]
    for number, data in enumerate((variant.data, gz(variant.data), tar({"log": variant.data}))):
        db = tmp_path / f"h{number}.duckdb"
        result = ingest(["-"], db=db, timezone=UTC, stdin=io.BytesIO(data))
        assert sum(one.kills for one in result.sources) == variant.kills
