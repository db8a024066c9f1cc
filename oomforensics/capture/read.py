"""A spool taken apart into frames: while it is being written, after a power failure, or from somebody's hostile hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from oomforensics.capture import frame
from oomforensics.capture.frame import Frame
from oomforensics.capture.spool import segments

_CHUNK = 64 << 10
_MAX_VAIN = 256 << 20  # bytes behind false heads in one segment: who makes thousands of them wants us to read for ever


@dataclass(slots=True)
class Losses:
    """What of a spool could not be read. Filled while frames are read."""

    torn_bytes: int = 0  # after the last whole frame of a segment: a write that was cut off, or is under way
    torn_segments: int = 0
    damaged_bytes: int = 0  # in the middle of a segment: the disk's fault, or somebody's
    missing_frames: int = 0  # by their numbers
    undecodable_frames: int = 0  # whole, but what they are chained to is missing, or their payload is no zlib stream
    unknown_versions: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Located:
    """A frame and where it was found."""

    segment: str
    offset: int
    frame: Frame
    gap: bool  # frames before it in this segment were lost: nothing may be chained to what came before


def read(place: Path, losses: Losses | None = None) -> Iterator[Located]:
    """The whole frames of a spool, or of one segment, in the order in which they were written. Raises OSError."""
    losses = losses if losses is not None else Losses()
    paths = [place / name for name in segments(str(place))] if place.is_dir() else [place]
    for path in paths:
        try:
            stream = path.open("rb")
        except FileNotFoundError:  # the ring dropped it meanwhile
            continue
        with stream:
            yield from read_segment(stream, path.name, losses)


def read_segment(stream: BinaryIO, name: str, losses: Losses) -> Iterator[Located]:
    """The frames of one segment. `stream` can seek."""
    bases: dict[int, bytes] = {}
    expected, at, vain = 0, 0, 0
    while True:
        found, vain = _next_whole(stream, at, losses, vain)
        if found is None:
            return
        at, parts, stored = found
        kind, flags, sequence, _, _, mono_ns = parts
        gap = sequence != expected
        if gap:
            losses.missing_frames += max(sequence - expected, 0)
            bases.clear()
        expected = sequence + 1
        payload = frame.unpack(stored, flags, bases.get(kind))
        if payload is None:
            losses.undecodable_frames += 1
            bases.pop(kind, None)
        else:
            bases[kind] = frame.window(payload)
            yield Located(name, at, Frame(kind, flags, sequence, mono_ns, payload), gap)
        at += frame.HEAD.size + len(stored)


def _next_whole(
    stream: BinaryIO, at: int, losses: Losses, vain: int
) -> tuple[tuple[int, tuple[int, int, int, int, int, int], bytes] | None, int]:
    """Where the next whole frame at or after `at` begins, its head and its payload as stored; bytes read in vain."""
    begin = at
    while True:
        stream.seek(at)
        raw = stream.read(frame.HEAD.size)
        if not raw:
            break
        parts = frame.split_head(raw)
        if parts is not None and vain < _MAX_VAIN:
            stored = stream.read(parts[3])
            if len(stored) == parts[3] and frame.whole(raw, stored):
                losses.damaged_bytes += at - begin
                return (at, parts, stored), vain
            vain += len(stored)
        elif raw.startswith(frame.MAGIC) and at == begin and raw[2:3] != bytes([frame.VERSION]) and len(raw) > 2:
            losses.unknown_versions.add(raw[2])
        following = _find_magic(stream, at + 1) if vain < _MAX_VAIN else None
        if following is None:
            break
        at = following
    stream.seek(0, 2)
    end = stream.tell()
    if end > begin:
        losses.torn_bytes += end - begin
        losses.torn_segments += 1
    return None, vain


def _find_magic(stream: BinaryIO, at: int) -> int | None:
    """Where a head could begin next. What is searched is at most one chunk in memory."""
    stream.seek(at)
    chunk = stream.read(_CHUNK)
    while chunk:
        found = chunk.find(frame.MAGIC)
        if found >= 0:
            return at + found
        if len(chunk) < 2:
            return None
        at += len(chunk) - 1  # the magic may lie across two chunks
        stream.seek(at)
        chunk = stream.read(_CHUNK)
    return None
