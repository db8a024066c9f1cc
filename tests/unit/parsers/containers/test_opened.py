"""Archives: what lies in them at any depth is found, and nothing that they hold does harm."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import os
import random
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import lz4.frame
import py7zr
import pytest

from oomforensics.parsers import reading
from oomforensics.parsers.containers import meter
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.records import Problem, SourceInfo
from oomforensics.parsers.sources import Source, iter_sources
from oomforensics.pipeline.read import Settings
from oomforensics.pipeline.read import read as pipeline_read
from oomforensics.pipeline.stop import Stop
from tests.support.logs import one_by_one
from tests.support.packing import zstd

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures"
_KILLED = re.compile(r"Killed process (\d+) \(x\)")
LOG = b"Jan  5 15:19:27 h kernel: [    1.000000] Out of memory: Killed process 5 (x)\n"
NOISE = random.Random(1).randbytes(200_000)  # cannot be packed


def log(number: int) -> bytes:
    return LOG.replace(b"process 5", b"process %d" % number)


def tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_773_000_000
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def packed_zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def streamed_zip(members: dict[str, bytes]) -> bytes:
    """As made by `zip -` in a pipe: sizes stand behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, piece: object) -> int:
            self.data += bytes(piece)  # type: ignore[call-overload]
            return len(bytes(piece))  # type: ignore[call-overload]

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return bytes(pipe.data)


def seven(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(data, name)
    return file.getvalue()


def read(data: bytes, limits: Limits | None = None, name: str = "x") -> tuple[dict[str, list[str]], list[Problem]]:
    """The texts of each log that held any, and all problems."""

    def opener() -> io.FileIO:
        path = Path(f"/proc/self/fd/{descriptor}")
        return io.FileIO(path, "rb")

    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, data)
        texts, problems = {}, []
        for opened in expand(Source(name, None, opener), limits or Limits()):
            found = [record.text for record in one_by_one(reading.read(opened, timezone=UTC))]
            if found:
                texts[opened.info.name] = found
            problems += opened.info.problems
        return texts, problems
    finally:
        os.close(descriptor)


def pids(texts: dict[str, list[str]]) -> dict[str, list[int]]:
    return {name: [int(pid) for pid in _KILLED.findall("\n".join(found))] for name, found in texts.items()}


TWO = {"var/log/messages": log(1) + log(2), "./b": log(3)}
FOUND = {"x!var/log/messages": [1, 2], "x!b": [3]}


@pytest.mark.parametrize(
    "data",
    [
        tar(TWO),
        tar(TWO, "w:gz"),
        tar(TWO, "w:xz"),
        tar(TWO, "w:bz2"),
        zstd.compress(tar(TWO)),
        lz4.frame.compress(tar(TWO)),
        packed_zip(TWO),
        packed_zip(TWO, zipfile.ZIP_STORED),
        packed_zip(TWO, zipfile.ZIP_LZMA),
        packed_zip(TWO, zipfile.ZIP_BZIP2),
        streamed_zip(TWO),
        gzip.compress(packed_zip(TWO)),
        seven(TWO),
        gzip.compress(seven(TWO)),
        gzip.compress(gzip.compress(tar(TWO, "w:gz"))),
    ],
    ids="tar gz xz bz2 zst lz4 zip stored lzma bzip2 streamed zip.gz 7z 7z.gz gz.gz.gz".split(),  # noqa: SIM905
)
def test_members_are_read(data: bytes) -> None:
    texts, problems = read(data)
    assert pids(texts) == FOUND
    assert problems == []


def test_archives_in_archives() -> None:
    inner = {"messages-2026.gz": gzip.compress(log(1)), "plain": log(2)}
    data = tar(
        {
            "a.tar.xz": lzma.compress(tar(inner)),
            "b.zip": packed_zip({"c.7z": seven({"d": log(3)}), "e.bz2": bz2.compress(log(4))}),
            "last": log(5),
        },
        "w:gz",
    )
    texts, problems = read(data)
    assert pids(texts) == {
        "x!a.tar.xz!messages-2026.gz": [1],
        "x!a.tar.xz!plain": [2],
        "x!b.zip!c.7z!d": [3],
        "x!b.zip!e.bz2": [4],
        "x!last": [5],
    }
    assert problems == []


def test_a_name_that_comes_twice_is_two_logs() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for number in (1, 2):
            info = tarfile.TarInfo("a")
            info.size = len(log(number))
            archive.addfile(info, io.BytesIO(log(number)))
    assert pids(read(file.getvalue())[0]) == {"x!a": [1], "x!a#2": [2]}


def test_links_devices_and_names_that_lead_out(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind in (
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("d", tarfile.CHRTYPE),
            ("p", tarfile.FIFOTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("../../etc/evil", "/abs"):
            info = tarfile.TarInfo(name)
            info.size = len(LOG)
            archive.addfile(info, io.BytesIO(LOG))
    before = sorted(Path.cwd().iterdir())
    texts, problems = read(file.getvalue())
    assert pids(texts) == {"x!../../etc/evil": [5], "x!/abs": [5]}  # names, and never paths
    assert [(one.reason, one.severity) for one in problems] == [
        ("holds 2 devices and pipes and 2 links: not followed", "info")
    ]
    assert sorted(Path.cwd().iterdir()) == before


def test_links_in_a_zip() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("folder/", "")
        archive.writestr("log", LOG)
    texts, problems = read(file.getvalue())
    assert pids(texts) == {"x!log": [5]}
    assert [one.reason for one in problems] == ["holds 1 links: not followed"]


def test_a_header_that_puts_the_next_member_exabytes_away() -> None:
    """The next one is looked for by reading up to it."""
    for kind in (tarfile.REGTYPE, b"Z"):
        info = tarfile.TarInfo("a")
        info.size, info.type = 1 << 62, kind
        data = info.tobuf(tarfile.GNU_FORMAT) + log(1).ljust(512, b"\0")
        texts, problems = read(data)
        assert pids(texts) == ({"x!a": [1]} if kind == tarfile.REGTYPE else {})
        assert any(one.source == "x" and "cut off or damaged: it ends before" in one.reason for one in problems)


CUT = tar({"a": log(1), "n": NOISE, "b": log(2) * 3000, "c": log(3)})
CUT = CUT[: CUT.index(b"b" + bytes(90)) + 20_000]


@pytest.mark.parametrize("data", [CUT, gzip.compress(CUT), gzip.compress(CUT)[:-30]], ids=["tar", "whole gz", "cut gz"])
def test_a_tar_cut_in_the_middle(data: bytes) -> None:
    texts, problems = read(data)
    assert pids(texts)["x!a"] == [1]
    assert pids(texts)["x!b"][:50] == [2] * 50
    assert "x!c" not in texts
    assert {one.source for one in problems if one.severity == "data_loss"} == {"x", "x!b"}


def test_members_behind_a_damaged_header_are_found() -> None:
    data = bytearray(tar({"a": log(1), "b": log(2), "c": log(3)}))
    at = data.index(b"b\0")
    data[at : at + 200] = b"\xff" * 200
    texts, problems = read(bytes(data))
    assert pids(texts) == {"x!a": [1], "x!c": [3]}
    (problem,) = problems
    assert problem.severity == "data_loss" and "belong to no member" in problem.reason


FOUR = {"a": log(1), "n": NOISE, "b": log(2), "c": log(3)}


@pytest.mark.parametrize(
    "data",
    [packed_zip(FOUR), streamed_zip(FOUR), packed_zip(FOUR, zipfile.ZIP_STORED)],
    ids=["sizes", "streamed", "stored"],
)
def test_a_zip_without_its_directory(data: bytes) -> None:
    texts, problems = read(data[: data.index(b"PK\x01\x02") - 40])
    found = pids(texts)
    assert (found.get("x!a"), found.get("x!b")) == ([1], [2])
    assert any("directory" in one.reason and one.severity == "data_loss" for one in problems)


def test_a_member_of_a_zip_without_a_name_is_read() -> None:
    """zipfile cuts a name at NUL."""
    texts, problems = read(packed_zip({"Qx": log(1), "y": log(2)}).replace(b"Qx", b"\0x"))
    assert pids(texts) == {"x!.": [1], "x!y": [2]}
    assert problems == []


def test_a_corrupt_member_of_a_zip_is_its_own_problem() -> None:
    data = bytearray(packed_zip({"a": log(1) * 100, "b": log(2)}))
    data[60:64] = b"\xff\xff\xff\xff"
    texts, problems = read(bytes(data))
    assert pids(texts)["x!b"] == [2]
    assert [one.source for one in problems] == ["x!a"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_little_is_lost_of_a_member_of_a_zip_with_a_wrong_checksum(method: int) -> None:
    data = bytearray(packed_zip({"a": b"".join(map(log, range(3000)))}, method))
    data[data.index(b"PK\x01\x02") + 16] ^= 0xFF
    texts, problems = read(bytes(data))
    assert len(pids(texts)["x!a"]) > 2900
    assert ["damaged" in one.reason for one in problems] == [True]


@pytest.mark.parametrize("cut", [0.5, 0.95])
def test_a_damaged_7z_is_one_problem(cut: float) -> None:
    data = seven({"a": log(1), "n": NOISE})
    _, problems = read(data[: int(len(data) * cut)])
    assert [one.severity for one in problems] == ["data_loss"]


def test_an_encrypted_archive_says_so() -> None:
    file = io.BytesIO()
    with py7zr.SevenZipFile(file, "w", password="secret") as archive:
        archive.writestr(log(1), "a")
    assert [one.reason for one in read(file.getvalue())[1]] == ["is encrypted"]


# Found by fuzzing: a member that says it is a file and a folder, and one of a year that no date has.
_CONTRADICTS_ITSELF = (
    "H+sCUCma9-{jexZr~v=~00000aR2}S00000rAbMM-~)*Ppj`khh%iP1;h=V2;pAkI+h&6K;AkX)mW5-FyqqQwiW4Lr-DtwqFS6G~C{XAi${>@v"
    "Pu$)5T|oV$;5Ixe3`PM)Z7_WEJtqIReyS^eN4P2+K2A>^$FOH0kfSr&B@ULL*y#CkjL(4O^MY0XhdD>8QQM<axDnnpm|(cmy(DP?PZ&1UO*5E="
    "?F=l(np&wWb%t|hki~Pm)GF|Q{(-}?M!Q;}B@46cVeR)#{B1wo9mNyA$dvLE_f}vJ&IB|%jW=HYLwZ<Te-P*Ba;W2h5-BYn`ojIF;5F-tiXa=*"
    "`7>W0)_goTS&3?Xyn+_;IOt~)iR)dbKUTd`<KxBXF}(o6UF6#+4dlqc_Rz^~sLEa0tU;hgRFL3t@oKfJM9N3QGv;&kx*V#HnV`zVX=39(BIu->"
    "9~TZ8i2lu`mrF4#zmIxziY1Py->wV=N->2G<Fllqq7JTu*-Cpoqv!DDS^$Kk4g>89c+busM1%XLMM$7827*hX@pyc>9Wg!)b#UmEXf5PVB#1r8"
    ")b*AQK5II50oBP{7zF?T0R#pB0SSSq00#>J00JQ)0T=`W0|5g801ShQgNgtM4FU;*UJ3z{67Tv!z$g#^00jaW0{{R35fuPo0001D051Sz04@M*"
    "0B-<i0000K5&-~^Y(U4Vd))!>dqBskd))yQ3IPBhfPjH8fPjGj00"
)
_OF_NO_YEAR = (
    "H+sCUCma9-{0agWr~v=~00000aR2}S00000y<lo)-~)*Ppj`khh%iP1;h=V2;pAkI+h&6K;AkX)mW5-FyqqQwiW4Lr-DtwqFS6G~C{XAi${>@v"
    "Pu$)5T|oV$;5Ixe3`PM)Z7_WEJtqIReyS^eN4P2+K2A>^$FOH0kfSr&B@ULL*y#CkjL(4O^MY0XhdD>8QQM<axDnnpm|(cmy(DP?PZ&1UO*5E="
    "?F=l(np&wWb%t|hki~Pm)GF|Q{(-}?M!Q;}B@46cVeR)#{B1wo9mNyA$dvLE_f}vJ&IB|%jW=HYLwZ<Te-P*Ba;W2h5-BYn`ojIF;5F-tiXa=*"
    "`7>W0)_goTS&3?Xyn+_;IOt~)iR)dbKUTd`<KxBXF}(o6UF6#+4dlqc_Rz^~sLEa0tU;hgRFL3t@oKfJM9N3QGv;&kx*V#HnV`zVX=39(BIu->"
    "9~TZ8i2lu`mrF4#zmIxziY1Py->wV=N->2G<Fllqq7JTu*-Cpoqv!DDS^$Kk4g>89c+busM1%XLMM$7827*hX@pyc>9Wg!)b#UmEXf5PVB#1r8"
    ")b*AQK5II50oBP{7zF?T0R#pB0SSSq00#>J00JQ)0T=`W0|5g801ShQgNgtM4FU;*UJ3z{67Tv!z$g#^00jaW0{{R35fuPo00025?*_zU04@M*"
    "0B-<i0000K5&-~^Y(TPIooC2<y+FsRd))yQ3IPBhfPjG@fPjGj00"
)


@pytest.mark.parametrize("packed", [_CONTRADICTS_ITSELF, _OF_NO_YEAR], ids=["kind", "date"])
def test_a_7z_whose_list_cannot_be_had_is_one_problem(packed: str) -> None:
    (problem,) = read(base64.b85decode(packed))[1]
    assert problem.reason.startswith("cut off or damaged: ") and problem.severity == "data_loss"


def test_members_left_unread_by_a_7z_reader() -> None:
    """A member that is no log is not read to its end."""
    data = seven({"n": NOISE * 20, "a": log(1)})
    texts, problems = read(data)
    assert pids(texts) == {"x!a": [1]}
    assert [one.reason for one in problems] == ["is not a log: its first bytes are no text"]


LIMITED: dict[str, tuple[bytes, Limits, str]] = {
    "nesting": (gzip.compress(gzip.compress(gzip.compress(tar(TWO)))), Limits(nesting=3), "--max-nesting"),
    "members": (tar({str(number): log(number) for number in range(5)}), Limits(members=3), "--max-members"),
    "unpacked": (gzip.compress(log(1) * 10_000), Limits(unpacked_bytes=100_000), "--max-unpacked"),
    "ratio": (bz2.compress(b"\n" * 3_000_000), Limits(ratio=100), "--max-ratio"),
    "ratio in zip": (packed_zip({"a": b"\n" * 3_000_000}), Limits(ratio=100), "--max-ratio"),
    "ratio in 7z": (seven({"a": b"\n" * 3_000_000}), Limits(ratio=100), "--max-ratio"),
    "spooled": (gzip.compress(packed_zip({"n": NOISE})), Limits(spooled_bytes=100_000), "--max-spooled"),
}


@pytest.mark.parametrize(("data", "limits", "option"), LIMITED.values(), ids=LIMITED)
def test_limits(data: bytes, limits: Limits, option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "RATIO_FREE_BYTES", 1_000_000)
    _, problems = read(data, limits)
    assert [one.severity for one in problems if option in one.reason] != []
    assert all("--max" not in one.reason for one in read(data)[1] if option != "--max-ratio")


def test_a_file_with_holes_is_no_bomb_and_a_bomb_of_holes_is() -> None:
    """GNU tar stores holes as nothing: a member of a tebibyte takes a block."""
    info = tarfile.TarInfo("a")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 512)  # one piece of data
    header[483:495] = b"%011o\0" % (8 << 30 - 1)  # real size
    header[124:136] = b"%011o\0" % 512
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    data = bytes(header) + LOG.ljust(512, b"\n") + bytes(1024)
    assert any("--max-ratio" in one.reason for one in read(data)[1])


def test_a_quine_of_archives_ends() -> None:
    data = log(1)
    for _ in range(12):
        data = tar({"again": data})
    texts, problems = read(data)
    assert texts == {}
    assert any("--max-nesting" in one.reason for one in problems)


@pytest.mark.parametrize("data", [packed_zip(TWO), seven(TWO)], ids=["zip", "7z"])
def test_a_file_that_can_be_seeked_is_not_copied(data: bytes, tmp_path: Path) -> None:
    """As the pipeline opens it."""
    (tmp_path / "x").write_bytes(data)
    settings = Settings(UTC, None, Limits(spooled_bytes=0))
    (source,) = [one for one in iter_sources([str(tmp_path / "x")]) if isinstance(one, Source)]
    judged = [one for one in pipeline_read(source, settings, Stop()) if not isinstance(one, SourceInfo)]
    assert len(judged) == 3


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, lambda data: tar({"j": data}, "w:gz")])
def test_a_binary_journal_is_read_wherever_it_lies(pack: Callable[[bytes], bytes]) -> None:
    journal = lzma.decompress((FIXTURES / "journal" / "compact-zstd.journal.xz").read_bytes())
    texts, problems = read(pack(journal))
    ((_, found),) = texts.items()
    assert any("invoked oom-killer" in text for text in found)
    assert problems == []
