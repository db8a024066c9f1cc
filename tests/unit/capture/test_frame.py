from __future__ import annotations

import io
import tempfile
import zlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.capture import columns, frame
from oomforensics.capture.read import Located, Losses, read, read_segment
from oomforensics.capture.spool import Spool

KINDS = st.sampled_from([frame.PROCESSES, frame.CGROUPS, frame.SYSTEM, frame.EVENT, frame.KMSG, frame.NOTE, 77])
PAYLOAD = st.binary(max_size=300) | st.builds(
    lambda part, times: part * times, st.binary(min_size=1, max_size=8), st.integers(0, 200)
)
FRAMES = st.lists(st.tuples(KINDS, PAYLOAD, st.booleans()), min_size=1, max_size=8)


def segment(frames: list[tuple[int, bytes, bool]], folder: Path) -> bytes:
    spool = Spool(str(folder), lambda: b"format=1\n", 5)
    for number, (kind, payload, chain) in enumerate(frames):
        assert spool.write(kind, payload, 10 + number, chain=chain)
    spool.close()
    return (folder / "00000001.oomspool").read_bytes()


def taken_apart(raw: bytes) -> tuple[list[Located], Losses]:
    losses = Losses()
    return list(read_segment(io.BytesIO(raw), "x", losses)), losses


def plain(found: list[Located]) -> list[tuple[int, int, bytes]]:
    return [(one.frame.kind, one.frame.mono_ns, one.frame.payload) for one in found]


@given(frames=FRAMES)
def test_what_was_written_is_read(frames: list[tuple[int, bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found, losses = taken_apart(segment(frames, Path(folder)))
    expected = [(kind, 10 + number, payload) for number, (kind, payload, _) in enumerate(frames)]
    assert plain(found) == [(frame.HEADER, 5, b"format=1\n"), *expected]
    assert losses == Losses()


def test_what_is_not_chained_in_between_is_not_chained_to(tmp_path: Path) -> None:
    """Found by chance: a reader takes the frame before for the dictionary, so a writer must, too."""
    frames = [(frame.PROCESSES, b"\0", True), (frame.PROCESSES, b"", False), (frame.PROCESSES, bytes(64), True)]
    found, losses = taken_apart(segment(frames, tmp_path))
    assert plain(found)[1:] == [(kind, 10 + number, payload) for number, (kind, payload, _) in enumerate(frames)]
    assert losses == Losses()


def test_a_cut_at_any_byte_leaves_all_whole_frames_before_it(tmp_path: Path) -> None:
    texts = [b"MemFree: %d kB\n" % (number * 977) * 9 for number in range(5)]
    raw = segment([(frame.SYSTEM, text, True) for text in texts] + [(frame.NOTE, b"end", False)], tmp_path)
    whole, _ = taken_apart(raw)
    ends = [one.offset for one in whole[1:]] + [len(raw)]
    for cut in range(len(raw) + 1):
        found, losses = taken_apart(raw[:cut])
        kept = [end for end in ends if end <= cut]
        assert plain(found) == plain(whole)[: len(kept)]
        assert losses.torn_bytes == cut - (kept[-1] if kept else 0)
        assert losses.torn_segments == (losses.torn_bytes > 0)
        assert losses.damaged_bytes == losses.missing_frames == losses.undecodable_frames == 0


def test_a_damaged_byte_costs_its_frame_and_what_is_chained_to_it(tmp_path: Path) -> None:
    texts = [b"MemFree: %d kB\n" % (number * 977) * 9 for number in range(4)]
    raw = segment([(frame.SYSTEM, text, True) for text in texts] + [(frame.NOTE, b"end", False)], tmp_path)
    whole, _ = taken_apart(raw)
    second = whole[2].offset
    for at in range(second, whole[3].offset):
        found, losses = taken_apart(raw[:at] + bytes([raw[at] ^ 0x40]) + raw[at + 1 :])
        assert plain(found) == [*plain(whole[:2]), plain(whole)[-1]]
        assert losses.missing_frames == 1
        assert losses.damaged_bytes == whole[3].offset - second
        assert losses.undecodable_frames == 2


@given(raw=st.binary(max_size=400), lies=st.lists(st.integers(0, 400), max_size=5))
def test_anything_may_be_called_a_spool(raw: bytes, lies: list[int]) -> None:
    for at in lies:
        raw = raw[:at] + frame.MAGIC + bytes([frame.VERSION]) + raw[at:]
    found, losses = taken_apart(raw)
    assert sum(frame.HEAD.size for _ in found) + losses.torn_bytes + losses.damaged_bytes <= len(raw)


def test_false_heads_cannot_make_reading_endless() -> None:
    lie = frame.head(frame.NOTE, 0, 0, 0, b"")[:10] + frame.MAX_STORED.to_bytes(4, "little") + bytes(12)
    found, losses = taken_apart(lie * 40_000)
    assert not found and losses.torn_bytes == len(lie) * 40_000


def test_a_small_frame_may_not_unpack_to_a_huge_one() -> None:
    bomb = zlib.compress(bytes(frame.MAX_PAYLOAD + 1), 9)
    raw = frame.head(frame.NOTE, frame.PACKED, 0, 0, bomb) + bomb
    found, losses = taken_apart(raw)
    assert not found and losses.undecodable_frames == 1


def test_a_newer_format_is_said_not_guessed() -> None:
    raw = bytearray(frame.head(frame.NOTE, 0, 0, 0, b"") + b"")
    raw[2] = 9
    found, losses = taken_apart(bytes(raw))
    assert not found and losses.unknown_versions == {9}


def test_a_spool_is_read_while_it_is_written(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path), lambda: b"", 0)
    reading = read(tmp_path)
    assert next(reading).frame.kind == frame.HEADER
    spool.write(frame.NOTE, b"one", 1)
    spool.flush()
    assert next(reading).frame.payload == b"one"
    spool.write(frame.NOTE, b"two", 2)
    spool.flush()
    assert next(reading).frame.payload == b"two"
    spool.close()


@given(values=st.lists(st.integers(-(1 << 63), (1 << 63) - 1)) | st.lists(st.integers(-300, 300)))
def test_columns_come_back(values: list[int]) -> None:
    packed = columns.pack(values)
    assert columns.unpack(b"-" + packed + b"rest", 1, len(values)) == (values, 1 + len(packed))


@given(raw=st.binary(max_size=60), count=st.integers(0, 20))
def test_any_bytes_are_columns_or_refused(raw: bytes, count: int) -> None:
    try:
        values, end = columns.unpack(raw, 0, count)
    except ValueError:
        return
    assert len(values) == count and 0 < end <= len(raw)
