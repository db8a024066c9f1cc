"""Files, folders and standard input, as sources.

    for source in iter_sources(["/var/log", "-"], sys.stdin.buffer): ...

Nothing here raises because of what lies on the disk: what cannot be read is a Problem, in the order it was met. Devices,
pipes and links that lead out of a folder are never opened: evidence may have been put together by an enemy.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol, cast, runtime_checkable

from oomforensics.parsers.compressed import Readable
from oomforensics.parsers.containers.member import is_zone_link
from oomforensics.parsers.joined import Joined
from oomforensics.parsers.records import Problem

_LOCK = "lock"  # of a spool: says who writes it
_SEGMENT = re.compile(r"\d{1,20}\.oomspool")  # as the recorder names the files of a spool


class Stream(Readable, Protocol):
    """An open source."""

    def close(self) -> None: ...


@runtime_checkable
class Pausing(Protocol):
    """A stream that may have nothing to give for a while, and can tell."""

    tells_pauses: bool  # by a `readinto` that answers None


@dataclass(frozen=True, slots=True)
class Source:
    """A named stream of bytes that can be opened, possibly packed."""

    name: str
    mtime: datetime | None
    opener: Callable[[], Stream]

    def open(self) -> Stream:
        return self.opener()


def iter_sources(paths: Sequence[str], stdin: BinaryIO | None = None) -> Iterator[Source | Problem]:
    """What the paths name, folders in the order of their names."""
    for path in paths:
        if path == "-":
            yield _standard_input(stdin)
        else:
            yield from _named(Path(path))


def _standard_input(stdin: BinaryIO | None) -> Source | Problem:
    if stdin is None:
        return Problem("-", None, "there is no standard input")
    raw = cast(Stream, getattr(stdin, "raw", stdin))  # unbuffered where there is a choice
    return Source("-", None, lambda: raw)


def _named(path: Path) -> Iterator[Source | Problem]:
    try:
        if is_zone_link(str(path)) and path.is_symlink():
            yield _zone_link(path)
            return
        info = path.stat()
    except (OSError, ValueError) as error:
        yield Problem(str(path), None, f"cannot be read: {reason(error)}")
        return
    if stat.S_ISDIR(info.st_mode):
        yield from _folder(path, path.resolve())
    elif stat.S_ISFIFO(info.st_mode) and path.parent in (Path("/dev/fd"), Path("/proc/self/fd")):
        yield Source(str(path), None, lambda: path.open("rb", buffering=0))  # the shell's <(command)
    else:
        yield _file(path, info)


def _folder(folder: Path, root: Path) -> Iterator[Source | Problem]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(str(folder), None, f"folder cannot be read: {reason(error)}")
        return
    segments = [entry for entry in entries if _SEGMENT.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
    if segments:
        yield _recording(folder, [Path(entry.path) for entry in segments])
    for entry in entries:
        if entry in segments or (segments and entry.name == _LOCK):
            continue
        path = Path(entry.path)
        try:
            if entry.is_symlink() and is_zone_link(entry.path):
                yield _zone_link(path)
            elif entry.is_symlink():
                yield from _link(path, root)
            elif entry.is_dir(follow_symlinks=False):
                yield from _folder(path, root)
            else:
                yield _file(path, entry.stat(follow_symlinks=False))
        except OSError as error:
            yield Problem(str(path), None, f"cannot be read: {reason(error)}")


def _zone_link(path: Path) -> Source:
    """The name of its target is what is read of it."""
    target = os.fsencode(path.readlink())
    return Source(str(path), datetime.fromtimestamp(path.lstat().st_mtime, UTC), lambda: io.BytesIO(target))


def _recording(folder: Path, segments: list[Path]) -> Source:
    """The files of a spool are one recording: what the kernel said may begin in one and end in the next."""
    return Source(str(folder), None, lambda: cast(Stream, Joined(segments)))


def _link(path: Path, root: Path) -> Iterator[Problem]:
    """A link to something in the same folder is met there under its own name; any other is not followed."""
    try:
        if not path.resolve(strict=True).is_relative_to(root):
            yield Problem(str(path), None, "symbolic link that leads out of the folder: not followed", "info")
    except (OSError, RuntimeError):
        yield Problem(str(path), None, "symbolic link that leads nowhere: not followed", "info")


def _file(path: Path, info: os.stat_result) -> Source | Problem:
    if not stat.S_ISREG(info.st_mode):
        return Problem(str(path), None, f"{_kind(info.st_mode)}: not opened", "info")
    return Source(str(path), datetime.fromtimestamp(info.st_mtime, UTC), lambda: _open_regular(path))


def _open_regular(path: Path) -> Stream:
    # It may have become a pipe since it was looked at; O_NONBLOCK keeps the open from waiting for a writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"is no longer a file: {path}")
    return os.fdopen(descriptor, "rb", buffering=0)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISFIFO, "named pipe"),
        (stat.S_ISSOCK, "socket"),
        (stat.S_ISCHR, "character device"),
        (stat.S_ISBLK, "block device"),
    )
    return next((name for test, name in kinds if test(mode)), "not a file")


def reason(error: OSError | ValueError) -> str:
    """What went wrong, in the system's words."""
    return (getattr(error, "strerror", None) or str(error)).lower()
