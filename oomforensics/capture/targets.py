"""What to record: a cgroup, a unit, a container, a process or everything, found in the cgroup tree alone."""

from __future__ import annotations

import os

from oomforensics.capture import files, hierarchy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oomforensics.capture.hierarchy import Hierarchy

_FOLDERS = 65536  # of the tree that are looked at
_DOCKER = "/var/lib/docker/containers"


class NotFound(Exception):
    """The target is not there: said to the user, who named it."""


class Target:
    __slots__ = ("folder", "pid", "told")

    def __init__(self, told: str, folder: str | None = None, pid: int | None = None) -> None:
        self.told = told  # for people
        self.folder = folder  # None: the whole tree, or no tree
        self.pid = pid  # None: every process in scope


def find(kind: str, name: str, tree: Hierarchy | None, proc: str = "/proc") -> Target:
    """Raises NotFound."""
    if kind == "system":
        return Target("system", tree.mount if tree else None)
    if kind == "pid":
        return _process(name, tree, proc)
    if tree is None:
        raise NotFound(f"no memory controller of cgroups is mounted here: --{kind} cannot be recorded")
    if kind == "cgroup":
        return Target(f"cgroup {name}", _cgroup(name, tree))
    if kind == "unit":
        return Target(f"unit {name}", _only(_units(name, tree), f"unit {name}"))
    return Target(f"container {name}", _only(_containers(name, tree), f"container {name}"))


def _process(name: str, tree: Hierarchy | None, proc: str) -> Target:
    if not name.isdigit() or not os.path.isdir(f"{proc}/{name}"):
        raise NotFound(f"no process {name}")
    folder = hierarchy.of_process(int(name), tree, proc) if tree else None
    if folder is None or tree is None or folder == tree.mount or not os.path.isdir(folder):
        return Target(f"process {name}", None, int(name))  # of no cgroup of its own: it alone
    return Target(f"process {name} and its cgroup", folder, int(name))


def _cgroup(name: str, tree: Hierarchy) -> str:
    for folder in (name, tree.folder("/" + name.strip("/")), f"{tree.mount}/{name.strip('/')}"):
        inside = folder == tree.mount or folder.startswith(tree.mount + "/")
        if inside and ".." not in folder.split("/") and os.path.isdir(folder):
            return folder.rstrip("/")
    raise NotFound(f"no cgroup {name} below {tree.mount}")


def _units(name: str, tree: Hierarchy) -> list[str]:
    wanted = name if "." in name else name + ".service"
    return [folder for folder in _walk(tree.mount) if folder.rpartition("/")[2] == wanted]


def _containers(name: str, tree: Hierarchy) -> list[str]:
    number = name.lower()
    wanted = _docker_id(name) or (number if len(number) >= 6 and not number.strip("0123456789abcdef") else None)
    found = []
    for folder in _walk(tree.mount):
        last = folder.rpartition("/")[2]
        plain = last.removesuffix(".scope").removesuffix(".service")
        identity = plain.rpartition("-")[2].rpartition(":")[2]
        if plain in (name, f"lxc.payload.{name}", f"machine-{name}", f"systemd-nspawn@{name}") or (
            wanted is not None and len(identity) == 64 and identity.startswith(wanted)
        ):
            found.append(folder)
    return found


def _docker_id(name: str) -> str | None:
    """Docker writes a container's name into a file of its own, beside its id."""
    try:
        numbers = os.listdir(_DOCKER)
    except OSError:
        return None
    said = b'"Name":"/%s"' % os.fsencode(name)
    return next((one for one in numbers if said in (files.read_all(f"{_DOCKER}/{one}/config.v2.json") or b"")), None)


def _only(found: list[str], told: str) -> str:
    """The one that is meant: of folders inside one another the outermost."""
    outermost = [one for one in found if not any(one.startswith(other + "/") for other in found)]
    if not outermost:
        raise NotFound(f"no {told} in the cgroup tree")
    if len(outermost) > 1:
        raise NotFound(f"{told} could be any of: {', '.join(sorted(outermost)[:5])}")
    return outermost[0]


def _walk(top: str) -> list[str]:
    found: list[str] = []
    waiting = [top]
    while waiting and len(found) < _FOLDERS:
        folder = waiting.pop()
        found.append(folder)
        try:
            with os.scandir(folder) as entries:
                waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue
    return found
