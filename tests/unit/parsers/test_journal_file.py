"""Journals that systemd wrote: they say what journalctl says of them, and damaged ones nearly that."""

from __future__ import annotations

import io
import lzma
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from oomforensics.parsers import journal_file, journal_payload, scan
from oomforensics.parsers.framings import Reader, journal_export
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.framings.journal_entry import record
from oomforensics.parsers.journal_hash import siphash24
from oomforensics.parsers.journal_objects import DATA, ENTRY, Damage, Journal
from oomforensics.parsers.lines import lines
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.witness import Speaker, Witness
from oomforensics.parsers.witnesses import WITNESSES
from tests.support.samples import FIXTURES

CONTEXT = Context("x.journal", UTC, datetime(2026, 5, 2, tzinfo=UTC))
JOURNALS = sorted(path.name.removesuffix(".journal.xz") for path in (FIXTURES / "journal").glob("*.journal.xz"))
EACH = pytest.mark.parametrize("name", JOURNALS)
BOTH = pytest.mark.parametrize("name", ["regular-zstd-252", "compact-zstd"])


@cache
def journal(name: str) -> bytes:
    return lzma.decompress((FIXTURES / "journal" / f"{name}.journal.xz").read_bytes())


@cache
def exported() -> list[Record]:
    """All entries as `journalctl -o export` gives them, under their numbers."""
    data = lzma.decompress((FIXTURES / "journal" / "journalctl.export.xz").read_bytes())
    found = journal_export.records([scan.Window(1, 0, data)], CONTEXT, [])
    return [replace(each, line=number) for number, each in enumerate(found, start=1)]


@cache
def printed_as_json() -> list[Record]:
    data = lzma.decompress((FIXTURES / "journal" / "journalctl.json.xz").read_bytes())
    return list(Reader(CONTEXT, []).records(lines([data], [], "x.json")))


@cache
def printed_in_full() -> list[Record]:
    """`journalctl -o verbose`, without the line between two boots."""
    data = lzma.decompress((FIXTURES / "journal" / "journalctl.verbose.xz").read_bytes())
    found = Reader(CONTEXT, []).records(lines([data], [], "x.verbose"))
    return [one for one in found if not one.text.startswith("-- Boot ")]


def read(data: bytes) -> tuple[list[Record], list[Problem]]:
    problems: list[Problem] = []
    return list(journal_file.records(io.BytesIO(data), len(data), CONTEXT, problems)), problems


def read_all(data: bytes) -> tuple[list[Record], list[Problem]]:
    """Those entries too that have nothing to do with memory."""
    problems: list[Problem] = []
    found = journal_file.entries(io.BytesIO(data), len(data), problems, "x.journal", every=True)
    return [record(number, fields, CONTEXT) for number, fields in found], problems


def objects(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Where each object begins, its type and its size."""
    (at,) = struct.unpack_from("<Q", data, 88)
    (tail,) = struct.unpack_from("<Q", data, 136)
    while at <= tail:
        kind, size = struct.unpack_from("<B7xQ", data, at)
        yield at, kind, size
        at += size + -size % 8


def offsets(data: bytes, wanted: int) -> list[int]:
    return [at for at, kind, _ in objects(data) if kind == wanted]


def index(data: bytes) -> list[int]:
    """The ENTRY_ARRAY objects that name all entries."""
    (at,) = struct.unpack_from("<Q", data, 176)
    found = []
    while at:
        found.append(at)
        (at,) = struct.unpack_from("<Q", data, at + 16)
    return found


def changed(data: bytes, *changes: tuple[int, bytes]) -> bytes:
    damaged = bytearray(data)
    for at, new in changes:
        damaged[at : at + len(new)] = new
    return bytes(damaged)


def number(value: int) -> bytes:
    return struct.pack("<Q", value)


def about_memory(each: Record) -> bool:
    return not each.text.startswith(("pam_unix", "10.0.0.7"))


# -- whole files ----------------------------------------------------------------------------------------------------------


@EACH
def test_the_same_entries_as_journalctl_prints(name: str) -> None:
    assert read_all(journal(name)) == (exported(), [])
    assert printed_as_json() == exported()


def test_the_same_entries_in_full_but_for_what_journalctl_hides() -> None:
    hidden = [
        (one.text, real.text) for one, real in zip(printed_in_full(), exported(), strict=True) if one.text != real.text
    ]
    assert [shown for shown, _ in hidden] == ["[112B blob data]", "[32B blob data]", "[32B blob data]"]
    assert all("\x1b" in text for _, text in hidden)
    assert [replace(one, line=0, text="") for one in printed_in_full()] == [
        replace(real, line=0, text="") for real in exported()
    ]


@EACH
def test_entries_that_have_nothing_to_do_with_memory_are_left_out(name: str) -> None:
    expected = [each for each in exported() if about_memory(each)]
    assert read(journal(name)) == (expected, [])
    assert 0 < len(expected) < len(exported())
    assert sum(each.from_kernel is True for each in expected) == sum(each.from_kernel is True for each in exported())


def test_what_a_program_says_after_a_message_that_goes_on_is_read() -> None:
    texts = [each.text for each in read(journal("compact-zstd"))[0] if each.program == "systemd-oomd"]
    assert "\t\tPgscan: 13035" in texts


def test_the_fixtures_cover_each_way_to_pack_and_to_lay_out() -> None:
    seen = set()
    for name in JOURNALS:
        data = journal(name)
        found = Journal(io.BytesIO(data), len(data), Damage([], ""))
        seen |= {(found.compact, each.flags) for each in found.objects()}
    assert seen >= {(False, 1), (False, 2), (False, 4), (True, 0), (True, 2), (True, 4)}
    assert journal("online")[16] == 1  # STATE_ONLINE


def test_the_host_that_the_caller_knows_counts() -> None:
    data = journal("compact-zstd")
    found = journal_file.records(io.BytesIO(data), len(data), replace(CONTEXT, host="db2"), [])
    assert {each.host for each in found} == {"db2"}


# -- what is worth reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anchor", scan.ANCHORS, ids=lambda anchor: anchor.needle.decode())
def test_every_anchor_is_worth_reading(anchor: scan.Anchor) -> None:
    assert journal_file.reach(b"x " + anchor.needle + b" y") is not None


@pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.name)
def test_what_a_witness_says_is_worth_reading(witness: Witness) -> None:
    if witness.speaker is not Speaker.KERNEL:  # all that the kernel says is read
        for sample in witness.samples:
            found = journal_file.reach(sample.encode())
            assert found is not None
            assert found >= witness.reach


def test_noise_is_not_worth_reading() -> None:
    assert journal_file.reach(b"the bedroom, filled; memory is fine") is None


def test_where_too_much_would_have_to_be_noted_every_entry_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "_MAX_WANTED", 3)
    found, problems = read(journal("compact-zstd"))
    assert [each for each in exported() if about_memory(each) and each not in found] == []
    assert any(not about_memory(each) for each in found)
    assert problems == []


def test_a_file_that_can_only_be_read_in_small_parts() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    data = journal("regular-lz4")
    assert list(journal_file.records(Slow(data), len(data), CONTEXT, [])) == read(data)[0]


def test_a_disk_that_cannot_read_a_part() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 3_700_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    data = journal("regular-lz4")
    problems: list[Problem] = []
    found = list(journal_file.records(Broken(data), len(data), CONTEXT, problems))
    assert len(found) < len(exported())
    assert any("Input/output error" in problem.reason for problem in problems)


# -- damage ---------------------------------------------------------------------------------------------------------------


@BOTH
def test_a_broken_object_costs_no_other(name: str) -> None:
    """An ENTRY's size is made what cannot be."""
    data = journal(name)
    for lost, at in list(enumerate(offsets(data, ENTRY), start=1))[::23]:
        found, problems = read_all(changed(data, (at + 8, number(1 << 63))))
        assert found == [replace(each, line=each.line - (each.line > lost)) for each in exported() if each.line != lost]
        assert f"journal, byte {at}: " in problems[0].reason


@BOTH
@pytest.mark.parametrize("size", [0, 17, 80, 4096, 1 << 20, (1 << 64) - 1])
def test_a_wrong_size_costs_what_lies_there(name: str, size: int) -> None:
    data = journal(name)
    known = {each.text for each in exported()}
    for at in offsets(data, DATA)[40:80:3]:
        found, problems = read_all(changed(data, (at + 8, number(size))))
        assert len(found) >= len(exported()) - 2  # as many entries have the same message
        assert {each.text for each in found} <= known
        assert size == 80 or [each for each in problems if f"byte {at}:" in each.reason]


@BOTH
def test_a_torn_index_costs_no_entry(name: str) -> None:
    data = journal(name)
    chain = index(data)
    assert len(chain) > 3
    for damaged in (
        changed(data, (176, number(0))),
        changed(data, (176, number(12345))),
        changed(data, (176, number(1 << 63))),
        changed(data, (chain[1], b"\xff")),
        changed(data, (chain[2] + 16, number(chain[0]))),  # a loop
        changed(data, (chain[2] + 16, number(chain[2]))),
        changed(data, (chain[2] + 16, number(offsets(data, DATA)[5]))),
        changed(data, (chain[2] + 24, number(0))),
        changed(data, (chain[2] + 24, b"\xff" * 8)),
        changed(data, (chain[2] + 24, number(64))),
        changed(data, (chain[2] + 24, struct.pack("<I", len(data) - 64))),
        changed(data, (chain[3] + 24, bytes(64))),
    ):
        found, problems = read_all(damaged)
        assert found == exported()
        assert problems or damaged[176:184] == bytes(8)


@BOTH
def test_a_torn_tail(name: str) -> None:
    """A power cut: the last pages were never written, while the header was."""
    data = journal(name)
    for at in range(offsets(data, ENTRY)[0], offsets(data, ENTRY)[-1], 40_961):
        for torn in (data[:at], data[:at] + bytes(len(data) - at)):
            found, problems = read_all(torn)
            count = sum(entry + size <= at for entry, kind, size in objects(data) if kind == ENTRY)
            assert found == exported()[:count]
            assert [problem for problem in problems if "entries are lost" in problem.reason]


@BOTH
def test_a_page_of_noise(name: str) -> None:
    data = journal(name)
    first, last = offsets(data, ENTRY)[0], offsets(data, ENTRY)[-1]
    for at in range(first - first % 4096, last, 32_768):
        found, problems = read_all(changed(data, (at, b"\xa5" * 4096)))
        assert len(exported()) - 60 < len(found) <= len(exported())
        assert {each.text for each in found} <= {each.text for each in exported()}
        assert problems


@BOTH
def test_without_the_tables_of_hashes_the_index_is_enough(name: str) -> None:
    data = journal(name)
    at = offsets(data, DATA)[60]
    found, problems = read_all(changed(data, (104, bytes(32)), (at + 8, number(1 << 40))))
    assert len(found) >= len(exported()) - 2
    assert problems


@BOTH
def test_bytes_in_a_message_that_look_like_an_entry_are_none(name: str) -> None:
    """The size of a long message is damaged, so that the walk would go on inside it."""
    data = journal(name)
    start = 72 if name.startswith("compact") else 64
    at, size = max(((at, size) for at, kind, size in objects(data) if kind == DATA), key=lambda each: each[1])
    entry, length = next((entry, length) for entry, kind, length in objects(data) if kind == ENTRY)
    assert size > start + 16 + length
    damaged = changed(data, (at + 8, number(start + 16)), (at + start + 16, data[entry : entry + length]))
    found, problems = read_all(damaged)
    assert [each for each in exported() if each not in found][:1] != []
    assert len(found) == len(exported()) - 1
    assert any("does not name" in problem.reason for problem in problems)


def test_entries_in_another_form_than_is_known_are_not_guessed_at() -> None:
    found, problems = read(changed(journal("compact-zstd"), (12, struct.pack("<I", 1 << 9))))
    assert found == []
    assert [(problem.severity, "0x200" in problem.reason) for problem in problems] == [("error", True)]


def test_a_file_that_is_cut_in_its_header() -> None:
    for size in (0, 7, 8, 100, 207):
        found, problems = read(journal("compact-zstd")[:size])
        assert found == []
        assert len(problems) == 1


def test_an_impossible_date_is_left_out() -> None:
    data = journal("compact-zstd")
    at = offsets(data, ENTRY)[1]
    found, problems = read(changed(data, (at + 24, b"\xff" * 8)))
    assert found[1] == replace(exported()[1], wall_us=None, wall_source=found[1].wall_source)
    assert [f"byte {at}:" in problem.reason for problem in problems] == [True]


def test_one_broken_value_costs_no_line_of_the_kernel() -> None:
    data = journal("regular-lz4")
    at = data.index(b"_TRANSPORT=kernel") - 64
    found, problems = read(changed(data, (at, b"\x02")))
    expected = [
        replace(each, from_kernel=None) if each.from_kernel else each for each in exported() if about_memory(each)
    ]
    assert [each.text for each in found] == [each.text for each in expected]
    assert [each.from_kernel for each in found if each.from_kernel] == []
    assert problems


def test_no_more_than_a_hundred_problems() -> None:
    data = journal("regular-lz4")
    broken = [(at + 8, number(1 << 62)) for at in offsets(data, DATA)]
    _, problems = read(changed(data, *broken))
    assert len(problems) == 101
    assert "more places" in problems[-1].reason


def test_the_hashes_are_those_that_systemd_keeps() -> None:
    assert siphash24(bytes(range(15)), bytes(range(16))) == 0xA129CA6149BE45E5  # from the authors' paper
    for name in ("regular-zstd-252", "compact-plain"):
        data = journal(name)
        found = Journal(io.BytesIO(data), len(data), Damage([], ""))
        values = [
            (at, data[at + found.data_header : at + size])
            for at, kind, size in objects(data)
            if kind == DATA and not data[at + 1]
        ]
        assert all(found.hashed(value) == data[at + 16 : at + 24] for at, value in values)


# -- packed values --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["regular-xz", "regular-lz4", "compact-lz4", "compact-zstd"])
def test_a_damaged_packed_value_is_a_problem(name: str) -> None:
    data = journal(name)
    header = 72 if name.startswith("compact") else 64
    packed = [at for at, kind, _ in objects(data) if kind == DATA and data[at + 1]]
    assert packed
    for at in packed:
        found, problems = read_all(changed(data, (at + header + 8, b"\xff" * 24)))
        assert len(found) < len(exported())
        assert any(f"byte {at}:" in problem.reason for problem in problems)


@pytest.mark.parametrize(("name", "library"), [("compact-lz4", "_lz4_library"), ("compact-zstd", "_zstd_library")])
def test_a_library_that_is_missing_is_told_once(name: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> object:
        raise journal_payload.Missing(f"needs {library}")

    monkeypatch.setattr(journal_payload, library, missing)
    found, problems = read_all(journal(name))
    assert len(found) < len(exported())
    assert [problem.reason for problem in problems] == [f"needs {library}"]


def test_lz4_literals_tell_the_name_without_unpacking() -> None:
    block = b"\xf0\x05" + b"COREDUMP=" + b"x" * 11
    bomb = number(1 << 40) + block
    assert journal_payload.unpack(journal_payload.LZ4, bomb, 9) == b"COREDUMP="
    with pytest.raises(journal_payload.Unreadable, match="more than"):
        journal_payload.unpack(journal_payload.LZ4, bomb, 64)


def test_of_a_bomb_only_what_is_asked_for_is_unpacked() -> None:
    zeros = bytes(100_000_000)
    zstd = journal_payload._zstd_library()
    for flags, bomb in (
        (journal_payload.XZ, lzma.compress(zeros, preset=0)),
        (journal_payload.ZSTD, zstd.compress(zeros)),
    ):
        assert journal_payload.unpack(flags, bomb, 1000) == bytes(1000)


def test_a_packed_value_of_an_unknown_kind() -> None:
    with pytest.raises(journal_payload.Unreadable, match="flags 3"):
        journal_payload.unpack(3, b"abc", 10)
