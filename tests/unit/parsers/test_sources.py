"""What lies on disks: folders, packed files, damage, things that are no logs."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oomforensics.parsers import reading
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.records import Problem, Record, SourceInfo
from oomforensics.parsers.sources import Source, iter_sources
from tests.support.logs import one_by_one
from tests.support.packing import zstd

LOG = b"Jan  5 15:19:27 h kernel: [    1.000000] Out of memory: Killed process 5 (x)\nJan  5 15:19:28 h cron: y\n"
CORPUS = Path(
    os.environ.get("OOMFORENSICS_CORPUS", Path(__file__).resolve().parents[3].parent / "shared" / "corpus" / "dev")
)


def found(*paths: Path | str, stdin: io.BytesIO | None = None) -> tuple[list[Source], list[Problem]]:
    both = list(iter_sources([str(path) for path in paths], stdin))
    return [each for each in both if isinstance(each, Source)], [each for each in both if isinstance(each, Problem)]


def read(path: Path | Source) -> tuple[list[Record], list[Problem], SourceInfo]:
    if isinstance(path, Path):
        ((source,), _) = found(path)
    else:
        source = path
    (opened,) = [(each, one_by_one(reading.read(each, timezone=UTC))) for each in expand(source, Limits())]
    each, records = opened
    return records, each.info.problems, each.info


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "messages", LOG)
    os.utime(path, (1_773_000_000, 1_773_000_000))  # 2026-03-08: the year that the log does not say
    records, problems, info = read(path)
    assert [record.text for record in records] == ["Out of memory: Killed process 5 (x)", "y"]
    assert records[0].wall_us == int(datetime(2026, 1, 5, 15, 19, 27, tzinfo=UTC).timestamp()) * 1_000_000
    assert problems == []
    assert info == SourceInfo(str(path), len(LOG), hashlib.sha256(LOG).hexdigest(), "syslog", 2)


def test_a_folder_is_walked_in_order_with_hidden_files(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a", ".hidden", "c/.d/e"):
        write(tmp_path / name, LOG)
    names, problems = found(tmp_path)
    assert [Path(source.name).relative_to(tmp_path).as_posix() for source in names] == [
        ".hidden", "a", "b/1", "b/2", "c/.d/e",
    ]  # fmt: skip
    assert problems == []


def test_links_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(inside / "log", LOG)
    write(outside / "secret", LOG)
    (inside / "again").symlink_to("log")
    (inside / "loop").symlink_to(inside)
    (inside / "leads_out").symlink_to(outside / "secret")
    (inside / "nowhere").symlink_to("gone")
    (inside / "self").symlink_to("self")
    os.mkfifo(inside / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(inside / "sock"))
        names, problems = found(inside)
    assert [Path(source.name).name for source in names] == ["log"]
    assert [(Path(problem.source).name, problem.severity) for problem in problems] == [
        ("leads_out", "info"), ("nowhere", "info"), ("pipe", "info"), ("self", "info"), ("sock", "info"),
    ]  # fmt: skip


def test_the_link_to_the_time_zone_is_read_as_the_name_of_its_target(tmp_path: Path) -> None:
    secret = tmp_path / "zoneinfo" / "Mars" / "Olympus"
    write(secret, LOG)
    (tmp_path / "in" / "etc").mkdir(parents=True)
    (tmp_path / "in" / "etc" / "localtime").symlink_to(secret)
    for path in (tmp_path / "in", tmp_path / "in" / "etc" / "localtime"):  # a worker is given the name
        names, problems = found(path)
        assert problems == []
        with contextlib.closing(names[0].open()) as stream:
            buffer = bytearray(1000)
            count = stream.readinto(memoryview(buffer))
        assert buffer[:count] == os.fsencode(secret)


@pytest.mark.parametrize("path", ["/nonexistent/x", "nul\0byte"])
def test_a_path_that_is_no_file(path: str) -> None:
    names, problems = found(path)
    assert names == []
    assert [problem.source for problem in problems] == [path]


def test_a_device_is_not_opened() -> None:
    ours, theirs = os.openpty()
    try:
        path = os.ttyname(theirs)
        names, problems = found(path)
        assert names == []
        assert [(problem.source, problem.reason) for problem in problems] == [(path, "character device: not opened")]
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may read everything, so it becomes somebody who may not."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_file_without_permission(as_nobody: None) -> None:
    path = Path("/proc/1/environ")  # readable by its owner alone, in folders that all may enter
    assert [problem.reason for problem in read(path)[1]] == ["cannot be opened: permission denied"]


def test_a_file_that_vanished_or_became_a_pipe(tmp_path: Path) -> None:
    path = write(tmp_path / "x", LOG)
    ((source,), _) = found(path)
    path.unlink()
    assert read(source)[1] == [Problem(str(path), None, "cannot be opened: no such file or directory")]
    os.mkfifo(path)
    assert len(read(source)[1]) == 1


def test_standard_input() -> None:
    ((source,), problems) = found("-", stdin=io.BytesIO(gzip.compress(LOG)))
    records, _, info = read(source)
    assert (source.name, len(records), info.size_bytes, problems) == ("-", 2, len(LOG), [])
    assert found("-") == ([], [Problem("-", None, "there is no standard input")])


PACKERS: list[Callable[[bytes], bytes]] = [gzip.compress, lzma.compress, bz2.compress]


@pytest.mark.parametrize("pack", PACKERS, ids=lambda pack: pack.__module__)
def test_packed_files_are_known_by_their_bytes(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    records, problems, info = read(write(tmp_path / "no-suffix", pack(LOG) + pack(LOG)))
    assert [record.line for record in records] == [1, 2, 3, 4]
    assert problems == []
    assert info.sha256 == hashlib.sha256(LOG * 2).hexdigest()


@pytest.mark.parametrize("pack", PACKERS, ids=lambda pack: pack.__module__)
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_what_a_damaged_packed_file_holds_is_read(pack: Callable[[bytes], bytes], damage: str, tmp_path: Path) -> None:
    numbered = b"".join(b"[%5d.%06d] OOM line %d\n" % (n % 99_999, n * 7919 % 1_000_000, n) for n in range(26_000))
    packed = bytearray(pack(numbered))
    if damage == "cut":
        del packed[len(packed) * 2 // 3 :]
    else:
        packed[len(packed) * 2 // 3] ^= 0xFF
    records, problems, info = read(write(tmp_path / "x", bytes(packed)))
    assert len(records) > 100 or pack is bz2.compress  # bzip2 gives nothing of a block that is not whole
    half = records[: len(records) // 2]  # before the damage; what a flipped bit makes of the rest is not foreseen
    assert all(record.text == f"OOM line {record.line - 1}" for record in half)
    assert "data_loss" in {problem.severity for problem in problems}
    assert info.size_bytes <= len(numbered)


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_nothing_is_lost_of_a_gzip_without_its_trailer(cut: int, tmp_path: Path) -> None:
    """The unpacker had read all of it, and held the text back."""
    records, problems, _ = read(write(tmp_path / "x", gzip.compress(LOG * 100)[:-cut]))
    assert len(records) == 200
    assert ["cut off" in problem.reason for problem in problems] == [True]


@pytest.mark.parametrize("pack", PACKERS, ids=lambda pack: pack.__module__)
def test_little_is_lost_before_damage(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """However much the caller asks for at once: here for all of it."""
    numbered = b"".join(b"[%5d.%06d] OOM line %d\n" % (n % 99_999, n * 7919 % 1_000_000, n) for n in range(26_000))
    packed = bytearray(pack(numbered))
    packed[-6] ^= 0xFF  # of the checksum, or near it
    records, problems, _ = read(write(tmp_path / "x", bytes(packed)))
    assert len(records) > 25_000
    assert ["damaged" in problem.reason for problem in problems] == [True]


def test_a_packed_file_that_ends_in_padding(tmp_path: Path) -> None:
    records, problems, _ = read(write(tmp_path / "x", gzip.compress(LOG) + b"\0" * 512))
    assert (len(records), problems) == (2, [])


def test_zstd(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "x", zstd.compress(LOG)))[0]) == 2


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 400, "not a log"),
        (b"\x7fELF\x02\x01\x01\0" + b"\0\1\2\3\4" * 2000, "not a log"),
        (b"\0" * 5000, "NUL"),
        (gzip.compress(b"", mtime=0), "empty"),
    ],
)
def test_what_is_no_log_is_one_problem(data: bytes, reason: str, tmp_path: Path) -> None:
    records, problems, _ = read(write(tmp_path / "x", data))
    assert records == []
    assert [reason in problem.reason for problem in problems] == [True]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + LOG,
        "\ufeff".encode("utf-16-le") + LOG.decode().encode("utf-16-le"),
        b"\0" * 100_000 + LOG,
        LOG.replace(b"\n", b"\r\n"),
        b"\x1b[32m" + LOG,
    ],
)
def test_logs_that_look_odd_are_read(data: bytes, tmp_path: Path) -> None:
    records, problems, info = read(write(tmp_path / "x", data))
    assert [record.text for record in records][:2] == ["Out of memory: Killed process 5 (x)", "y"]
    assert (problems, info.framing) == ([], "syslog")


def test_the_journals_export_is_recognised(tmp_path: Path) -> None:
    entry = b"__CURSOR=1\n_TRANSPORT=kernel\nMESSAGE=Out of memory: Killed process 5 (x)\n\n"
    path = write(tmp_path / "x", entry * 100_000)
    records, problems, info = read(path)
    assert (len(records), problems, info.framing) == (100_000, [], "journal export")
    assert [record.line for record in records] == list(range(1, 400_001, 4))


def test_the_same_log_under_two_names_has_one_hash(tmp_path: Path) -> None:
    plain, packed = write(tmp_path / "a", LOG * 5), write(tmp_path / "b.gz", gzip.compress(LOG * 5))
    assert read(plain)[2].sha256 == read(packed)[2].sha256


def test_a_large_source_is_hashed_by_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FULL_HASH", 3_000_000)
    data = (b"Jan  5 15:19:28 h cron: y\n" * 300_000)[:6_000_000]
    plain, packed = write(tmp_path / "a", data), write(tmp_path / "b", bz2.compress(data))
    mark = read(plain)[2].sha256
    expected = hashlib.sha256(b"".join(data[at : at + 4096] for at in range(0, len(data), 1 << 20)) + b"6000000")
    assert mark == f"sampled:{expected.hexdigest()}" == read(packed)[2].sha256
    assert mark != read(write(tmp_path / "c", data + b"\n"))[2].sha256


def test_a_file_whose_end_cannot_be_looked_for_is_read() -> None:
    records, problems, info = read(Path("/proc/meminfo"))
    assert (problems, records[0].text[:9]) == ([], "MemTotal:")
    assert info.size_bytes > 1000


def test_a_large_file_that_is_cut_while_it_is_read_has_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FULL_HASH", 3_000_000)
    path = write(tmp_path / "a", LOG * 100_000)
    (source,) = iter_sources([str(path)])
    assert isinstance(source, Source)
    for opened in expand(source, Limits()):
        os.truncate(path, 2_000_000)
        assert len(list(reading.read(opened, timezone=UTC))) > 1000
        assert (opened.info.size_bytes, opened.info.sha256) == (2_000_000, None)


def test_a_source_too_large_to_parse_whole_keeps_its_line_numbers(tmp_path: Path) -> None:
    noise = b"Jan  5 15:19:27 h sshd[1]: nothing\n" * 200_000
    records, problems, info = read(write(tmp_path / "x", noise + LOG + noise))
    assert [record.line for record in records if record.from_kernel] == [200_001]
    assert problems == []
    assert 2 <= info.records < 10  # what sshd says is left out
    assert info.size_bytes == len(noise) * 2 + len(LOG)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus of real logs (OOMFORENSICS_CORPUS)")
def test_real_logs_are_read_without_loss() -> None:
    names, problems = found(CORPUS)
    assert problems == []
    for source in names:
        records, troubles, info = read(source)
        data = Path(source.name).read_bytes()
        assert [problem for problem in troubles if problem.severity != "info"] == [], source.name
        assert info.sha256 == hashlib.sha256(data).hexdigest()
        assert records or not re.search(rb"oom|kill|ut of memory", data), source.name
        if b"#012" not in data and records:
            text = "\n".join(record.text for record in records)
            for line in data.decode(errors="replace").split("\n"):
                header_alone = line.rstrip().endswith(("]", "kernel:", ";"))  # it has no text
                words = [] if header_alone else re.split(r"[\s;]+", line.strip())
                if "\\x0a" not in line:  # which is read as the newline that it stands for
                    assert "\ufffd" in line or not words or words[-1] in text, (source.name, line)
