"""tar, read as a stream and never extracted. Members behind a damaged place are found again."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from tarfile import HeaderError, InvalidHeaderError, ReadError, TarError, TarFile, TarInfo  # type: ignore[attr-defined]
from tarfile import open as open_tar
from typing import BinaryIO, Self, cast

from oomforensics.parsers.compressed import Peeked
from oomforensics.parsers.containers.member import Exactly, Member, Reader, is_zone_link
from oomforensics.parsers.containers.meter import Meter
from oomforensics.parsers.records import Problem

NAME = "tar"
_BLOCK = 512
_BUFFER = 256 * 1024
_MOST_BEHIND = 64  # reads behind the end, of one member


def recognise(head: bytes) -> bool:
    try:
        TarInfo.frombuf(head[:_BLOCK], "utf-8", "surrogateescape")
    except (HeaderError, ValueError, OverflowError):
        return False
    return True


def members(stream: Peeked, problems: list[Problem], source: str, meter: Meter) -> Iterator[Member]:
    damage = _Damage(problems, source)
    skipped: Counter[str] = Counter()
    try:
        # With ignore_zeros, a broken header is passed over until one is found that is whole.
        with open_tar(
            fileobj=cast(BinaryIO, _File(stream)),  # of a file, it needs no more than read()
            mode="r|",
            bufsize=_BUFFER,
            ignore_zeros=True,
            tarinfo=damage.headers(),
            encoding="utf-8",
            errors="backslashreplace",
        ) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would keep all headers
                meter.member()
                if info.isreg():
                    meter.ratio(info.size, _stored_bytes(info))
                    yield Member(info.name, _mtime(info), Reader(_content(archive, info)))
                elif info.issym() and is_zone_link(info.name):
                    target = io.BytesIO(info.linkname.encode("utf-8", "backslashreplace"))
                    yield Member(info.name, _mtime(info), Reader(target.read))
                elif not info.isdir():
                    skipped["links" if info.issym() or info.islnk() else "devices and pipes"] += 1
    except TarError as error:
        damage.tell(f"cut off or damaged: {error}")
    damage.finish()
    if skipped:
        told = " and ".join(f"{number} {kind}" for kind, number in sorted(skipped.items()))
        problems.append(Problem(source, None, f"holds {told}: not followed", "info"))


def _content(archive: TarFile, info: TarInfo) -> Callable[[int], bytes]:
    if info.issparse():
        holes = archive.extractfile(info)
        return holes.read if holes is not None else lambda _: b""
    # Not by extractfile(), which gives nothing of a piece that was cut off.
    return Exactly(cast(BinaryIO, archive.fileobj), info.size).read


class _File:
    """`read` on a stream. Raises ReadError where more and more is asked for behind its end: tarfile reads up to where the next
    member should be, and a damaged header can put that exabytes away.
    """

    def __init__(self, stream: Peeked) -> None:
        self._stream = stream
        self._piece = bytearray(_BUFFER)
        self._behind = 0  # reads

    def read(self, size: int) -> bytes:
        count = self._stream.readinto(memoryview(self._piece)[:size])
        self._behind = 0 if count else self._behind + 1
        if self._behind > _MOST_BEHIND:
            raise ReadError("it ends before its last member does")
        return bytes(self._piece[: count or 0])


class _Damage:
    """Places where a header should be and is none."""

    def __init__(self, problems: list[Problem], source: str) -> None:
        self._problems, self._source = problems, source
        self._blocks = 0

    def headers(self) -> type[TarInfo]:
        damage = self

        class Header(TarInfo):
            @classmethod
            def fromtarfile(cls, tarfile: TarFile) -> Self:
                try:
                    found = super().fromtarfile(tarfile)
                except HeaderError as error:
                    damage._blocks += isinstance(error, InvalidHeaderError)  # no padding, and not the end
                    raise
                damage._passed()
                return found

        return Header

    def _passed(self) -> None:
        if self._blocks:
            self.tell(f"damaged: {self._blocks * _BLOCK} bytes in it belong to no member that can be told")
            self._blocks = 0

    def finish(self) -> None:
        self._passed()

    def tell(self, reason: str) -> None:
        self._problems.append(Problem(self._source, None, reason, "data_loss"))


def _stored_bytes(info: TarInfo) -> int:
    """What it takes in the archive: less than its size only where it has holes."""
    sparse: list[tuple[int, int]] | None = getattr(info, "sparse", None)
    return info.size if sparse is None else _BLOCK + sum(size for _, size in sparse)


def _mtime(info: TarInfo) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(info.mtime), UTC) if info.mtime > 0 else None
    except (OverflowError, ValueError, OSError):
        return None
