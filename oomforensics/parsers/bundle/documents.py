"""The files of a bundle that say something of its host: one entry a kind of file.

    found = match("sosreport-web1/proc/meminfo")        # (root, document)

Paths are those of sosreport (`sos_commands/…` and copies of /proc, /sys and /etc), of must-gather and `kubectl … -o json`
dumps, and of anything that copies /proc as it is. What does not read as expected says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from oomforensics.parsers.bundle import containers, processes, system
from oomforensics.parsers.bundle.facts import Item

_KIB = 1024
_SMALL, _LARGE = 64 * _KIB, 4 * _KIB * _KIB


@dataclass(frozen=True, slots=True)
class Document:
    """`path`: of the file inside the bundle, a regular expression; what stands before it is the bundle's root."""

    name: str
    path: str
    parse: Callable[[str, str], Iterator[Item]]  # the text, and the part of the path that the group `of` took
    limit_bytes: int = _SMALL  # of the file, that are read


DOCUMENTS: tuple[Document, ...] = (
    Document("meminfo", r"proc/meminfo|sos_commands/memory/(?:cat_)?.?proc.meminfo", system.meminfo),
    Document("swaps", r"proc/swaps", system.swaps),
    Document("stat", r"proc/stat", system.stat, _LARGE),
    Document("vmstat", r"proc/vmstat", system.vmstat),
    Document("boot id", r"proc/sys/kernel/random/boot_id", system.boot_id),
    Document("hostname", r"etc/hostname|proc/sys/kernel/hostname|sos_commands/host/hostname(?:_-f)?|hostname", system.hostname),
    Document("release", r"proc/sys/kernel/osrelease", system.release),
    Document("uname", r"sos_commands/kernel/uname_-a|uname", system.uname),
    Document("sysctl -a", r"sos_commands/kernel/sysctl_-a", system.sysctl, _LARGE),
    Document("sysctl", r"proc/sys/(?P<of>vm/[a-z_]+)", system.sysctl_file),
    Document(
        "cgroup counters",
        r"sys/fs/cgroup/(?P<of>(?:.*/)?memory\.(?:events(?:\.local)?|oom_control))",
        system.cgroup_counters,
    ),
    Document("ps", r"sos_commands/process/ps_[^/]*|ps", processes.ps, _LARGE),
    Document("cmdline", r"proc/(?P<of>\d{1,10})/cmdline", processes.cmdline),
    Document(
        "crictl ps",
        r"sos_commands/(?:crio|containerd|kubernetes|openshift)/(?:[^/]+/)?[^/]*crictl_ps[^/]*json[^/]*|crictl[-_]ps\.json",
        containers.crictl,
        _LARGE,
    ),
    Document(
        "docker",
        r"sos_commands/(?:docker|podman)/containers/[^/]*inspect[^/]*|(?:docker|podman)[-_](?:ps|inspect)[^/]*\.json",
        containers.docker,
        _LARGE,
    ),
    Document("pods", r"(?:namespaces/[^/]+/core/|[^/]*/)?pods\.json", containers.pods, 4 * _LARGE),
)

_BY_GROUP = {f"d{number}": document for number, document in enumerate(DOCUMENTS)}
_PATH = re.compile(
    "|".join(
        rf"(?P<{group}>(?:^|(?<=/))(?:{document.path.replace('(?P<of>', f'(?P<of_{group}>')}))\Z"
        for group, document in _BY_GROUP.items()
    )
)
# The last part of every such path: most files of a bundle get no farther.
_LAST = re.compile(
    r"meminfo|swaps|stat|vmstat|boot_id|hostname(?:_-f)?|osrelease|uname(?:_-a)?|sysctl_-a|[a-z_]+|memory\..*|ps(?:_.*)?"
    r"|cmdline|.*json.*|.*inspect.*"
)
_RING_BUFFER = re.compile(r"(?:^|(?<=/))(?:sos_commands/kernel/dmesg[^/]*|dmesg(?:\.txt)?)\Z")


@dataclass(frozen=True, slots=True)
class Matched:
    root: str  # of the bundle: "" where the path is relative to it
    document: Document
    of: str

    def items(self, data: bytes) -> Iterator[Item]:
        return self.document.parse(data.decode("utf-8", "replace"), self.of)


def match(path: str) -> Matched | None:
    """Which document a file of this path is; parts are separated by "/"."""
    if _LAST.fullmatch(path.rpartition("/")[2]) is None or (found := _PATH.search(path)) is None:
        return None
    group = str(found.lastgroup).removeprefix("of_")
    of = found.groupdict().get(f"of_{group}") or ""
    return Matched(path[: found.start()].rstrip("/"), _BY_GROUP[group], of)


def current_boot_log(path: str) -> str | None:
    """The bundle's root, if this is the kernel's ring buffer of the boot in which the bundle was collected."""
    found = _RING_BUFFER.search(path)
    return path[: found.start()].rstrip("/") if found else None
