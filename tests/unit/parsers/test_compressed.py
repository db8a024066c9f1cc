"""Packed streams: each kind, alone and in a row, cut, damaged, padded, and read in pieces of any size."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import importlib
import lzma
import random
import sys
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers import reading
from oomforensics.parsers.compressed import PACKINGS, Gunzip, Peeked, unpack
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.records import Problem, Record, SourceInfo
from oomforensics.parsers.sources import Source, iter_sources
from tests.support.logs import one_by_one
from tests.support.packing import zstd

LOG = b"[    5.000001] a\n[    5.000002] b\n"
NUMBERED = b"".join(b"[%5d.%06d] OOM line %d\n" % (n % 99_999, n * 7919 % 1_000_000, n) for n in range(26_000))
# Longer than several blocks of each packer, and hardly compressible.
NOISE = random.Random(5).randbytes(150_000).hex().encode() + b"\n"


def pack_lz4(data: bytes) -> bytes:
    return bytes(lz4.frame.compress(data, content_checksum=True))


PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, lzma.compress, bz2.compress, zstd.compress, pack_lz4]
EACH = pytest.mark.parametrize("pack", PACKERS, ids=["gzip", "xz", "bzip2", "zstd", "lz4"])


@pytest.fixture(params=["isal", "zlib"])
def gunzip(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to unpack gzip."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    made = dict(PACKINGS)[b"\x1f\x8b\x08"]()
    assert isinstance(made, Gunzip) == (request.param == "zlib")
    return str(request.param)


class Pieces:
    """A stream that gives `size` bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data, self._size, self._at = data, size, 0

    def readinto(self, buffer: memoryview) -> int:
        piece = self._data[self._at : self._at + min(self._size, len(buffer))]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def unpacked(packed: bytes, piece: int = 100_000, room: int = 256 * 1024) -> tuple[bytes, list[Problem]]:
    problems: list[Problem] = []
    stream = unpack(Peeked(Pieces(packed, piece), 16), problems, "x.log")
    buffer = memoryview(bytearray(room))
    text = b""
    while count := stream.readinto(buffer):
        text += buffer[:count]
    return text, problems


def read(data: bytes, tmp_path: Path) -> tuple[list[Record], list[Problem], SourceInfo]:
    path = tmp_path / "no-suffix"
    path.write_bytes(data)
    (source,) = iter_sources([str(path)])
    assert isinstance(source, Source)
    ((opened, records),) = [(each, one_by_one(reading.read(each, timezone=UTC))) for each in expand(source, Limits())]
    return records, opened.info.problems, opened.info


@EACH
@pytest.mark.usefixtures("gunzip")
def test_packed_files_are_known_by_their_bytes(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    records, problems, info = read(pack(LOG) + pack(LOG), tmp_path)
    assert [record.line for record in records] == [1, 2, 3, 4]
    assert problems == []
    assert info.sha256 == hashlib.sha256(LOG * 2).hexdigest()


@EACH
@pytest.mark.usefixtures("gunzip")
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_what_a_damaged_packed_file_holds_is_read(pack: Callable[[bytes], bytes], damage: str, tmp_path: Path) -> None:
    packed = bytearray(pack(NUMBERED))
    if damage == "cut":
        del packed[len(packed) * 2 // 3 :]
    else:
        packed[len(packed) * 2 // 3] ^= 0xFF
    records, problems, info = read(bytes(packed), tmp_path)
    assert len(records) > 100 or pack is bz2.compress  # bzip2 gives nothing of a block that is not whole
    half = records[: len(records) // 2]  # before the damage; what a flipped bit makes of the rest is not foreseen
    assert all(record.text == f"OOM line {record.line - 1}" for record in half)
    assert "data_loss" in {problem.severity for problem in problems}
    assert info.size_bytes <= len(NUMBERED)


@EACH
@pytest.mark.usefixtures("gunzip")
def test_what_ends_in_padding(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(pack(LOG) + b"\0" * 512) == (LOG, [])
    assert unpacked(pack(LOG) + b"\0" * 512, piece=7) == (LOG, [])


@EACH
@pytest.mark.usefixtures("gunzip")
@pytest.mark.parametrize(
    ("piece", "room"), [(1, 1000), (37, 64), (4096, 100_000), (1_000_000, 1), (1_000_000, 1 << 20)]
)
def test_pieces_of_any_size_give_the_same(pack: Callable[[bytes], bytes], piece: int, room: int) -> None:
    texts = [LOG * 50, b"", NOISE[:5000], LOG]
    assert unpacked(b"".join(map(pack, texts)), piece, room) == (b"".join(texts), [])


@EACH
@pytest.mark.usefixtures("gunzip")
def test_what_hardly_shrinks(pack: Callable[[bytes], bytes]) -> None:
    assert unpacked(pack(NOISE)) == (NOISE, [])


@EACH
@pytest.mark.usefixtures("gunzip")
def test_no_more_than_a_piece_is_lost_where_a_stream_is_damaged(pack: Callable[[bytes], bytes]) -> None:
    """A member that is whole is read though the next one is not."""
    text, problems = unpacked(pack(NUMBERED) + pack(NUMBERED)[:40])
    assert text.startswith(NUMBERED) and [problem.severity for problem in problems] == ["data_loss"]


@EACH
@given(st.data())
def test_damage_never_raises(pack: Callable[[bytes], bytes], data: st.DataObject) -> None:
    packed = bytearray(pack(LOG * 40 + NOISE[:2000]))
    for _ in range(data.draw(st.integers(1, 5))):
        packed[data.draw(st.integers(4, len(packed) - 1))] = data.draw(st.integers(0, 255))
    del packed[data.draw(st.integers(4, len(packed))) :]
    text, problems = unpacked(bytes(packed), piece=data.draw(st.integers(1, 3000)), room=5000)
    assert len(text) < 1 << 22 and len(problems) <= 1


@pytest.mark.parametrize(("magic", "missing"), [(b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4")])
def test_what_nothing_here_unpacks_is_said(magic: bytes, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", nothing)
    with pytest.raises(LookupError, match=missing):
        unpack(Peeked(Pieces(magic + b"\0" * 50, 100), 16), [], "x")
