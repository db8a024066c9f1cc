"""Where the memory controller is mounted, and which kind it is."""

from __future__ import annotations

import os

from oomforensics.capture import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Hierarchy:
    __slots__ = ("mount", "root", "version")

    def __init__(self, version: int, mount: str, root: str) -> None:
        self.version = version  # 1 or 2
        self.mount = mount
        self.root = root  # which cgroup is mounted there, as /proc/PID/cgroup writes it

    def folder(self, cgroup: str) -> str:
        """Of a cgroup as /proc/PID/cgroup writes it."""
        inside = cgroup
        if self.root != "/" and (cgroup == self.root or cgroup.startswith(self.root + "/")):
            inside = cgroup[len(self.root) :]
        return (self.mount + inside).rstrip("/")


def find(proc: str = "/proc") -> Hierarchy | None:
    """The one that has the memory controller; None where none is mounted here."""
    for kind, options, root, mount in _mounts(proc):
        if kind == "cgroup" and "memory" in options.split(","):
            return Hierarchy(1, mount, root)
        if kind == "cgroup2":
            controllers = files.read(mount + "/cgroup.controllers") or b""
            if b"memory" in controllers.split():
                return Hierarchy(2, mount, root)
    return None


def mounted(wanted: str, proc: str = "/proc") -> str | None:
    """Where a file system of this type is mounted."""
    return next((mount for kind, _, _, mount in _mounts(proc) if kind == wanted), None)


def of_process(pid: int, hierarchy: Hierarchy, proc: str = "/proc") -> str | None:
    """The folder of a process's memory cgroup."""
    for line in os.fsdecode(files.read(f"{proc}/{pid}/cgroup") or b"").splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        if (number == "0") if hierarchy.version == 2 else ("memory" in controllers.split(",")):
            return hierarchy.folder(path)
    return None


def _mounts(proc: str) -> Iterator[tuple[str, str, str, str]]:
    """Type, its own options, root within it, place."""
    raw = files.read_all(proc + "/self/mountinfo") or b""
    for line in os.fsdecode(raw).split("\n"):
        left, _, right = line.partition(" - ")
        words, kind = left.split(" "), right.split(" ")
        if len(words) >= 6 and len(kind) >= 3:
            yield kind[0], kind[2], _plain(words[3]), _plain(words[4])


def _plain(field: str) -> str:
    """mountinfo writes space, tab, newline and backslash as octal numbers."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
