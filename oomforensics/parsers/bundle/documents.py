"""The files of a bundle that say something of its host: one entry a kind of file.

    found = match("sosreport-web1/proc/meminfo")        # (root, document)

Paths are those of sosreport (`sos_commands/…` and copies of /proc, /sys and /etc), of must-gather and `kubectl` dumps, and
of anything that copies /proc as it is. A supportconfig has the same, as sections of larger files. What does not read as
expected says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from oomforensics.parsers.bundle import containers, processes, sections, system, times
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
    command: str | None = None  # that prints the same, without its folder, a regular expression


def _sections(text: str, of: str) -> Iterator[Item]:
    """A supportconfig's file: what is in it is read as if it were files of their own."""
    for section in sections.split(text):
        parse: Callable[[str, str], Iterator[Item]] | None = None
        part = ""
        if section.path is not None:
            if (found := match(section.path)) is not None and found.root == "" and found.document is not SUPPORTCONFIG:
                parse, part = found.document.parse, found.of
        elif section.command is not None and (document := _of_command(section.command)) is not None:
            parse = document.parse
        if parse is not None:
            for item in parse(section.text, part):
                yield item if item.line is None else replace(item, line=item.line + section.line)


def _of_command(command: str) -> Document | None:
    return next((one for one in DOCUMENTS if one.command is not None and re.fullmatch(one.command, command)), None)


SUPPORTCONFIG = Document(
    "supportconfig",
    r"(?:basic-environment|basic-health-check|memory|proc|env|boot|systemd|ntp|docker|podman)\.txt",
    _sections,
    _LARGE,
)
DOCUMENTS: tuple[Document, ...] = (
    Document("meminfo", r"proc/meminfo|sos_commands/memory/(?:cat_)?.?proc.meminfo", system.meminfo),
    Document("free", r"(?:sos_commands/memory/)?free(?:_-k)?(?:\.txt)?", system.free, command="free(?: -k)?"),
    Document(
        "swaps",
        r"proc/swaps|sos_commands/memory/swapon_(?:-s|--summary(?:_--verbose)?)",
        system.swaps,
        command="swapon (?:-s|--summary)",
    ),
    Document("stat", r"proc/stat", system.stat, _LARGE),
    Document("vmstat", r"proc/vmstat", system.vmstat),
    Document("boot id", r"proc/sys/kernel/random/boot_id", system.boot_id),
    Document(
        "hostname",
        r"etc/hostname|etc/HOSTNAME|proc/sys/kernel/hostname|sos_commands/host/hostname(?:_-f)?|hostname",
        system.hostname,
        command="hostname(?: -f)?",
    ),
    Document(
        "hostnamectl",
        r"sos_commands/host/hostnamectl(?:_status)?|hostnamectl(?:\.txt)?",
        system.hostnamectl,
        command="hostnamectl(?: status)?",
    ),
    Document("release", r"proc/sys/kernel/osrelease", system.release),
    Document("uname", r"sos_commands/kernel/uname_-a|uname(?:\.txt)?", system.uname, command="uname -a"),
    Document(
        "sysctl -a",
        r"sos_commands/kernel/sysctl_-a|sysctl(?:_-a)?\.txt",
        system.sysctl,
        _LARGE,
        command="sysctl -a(?: .*)?",
    ),
    Document("sysctl", r"proc/sys/(?P<of>vm/[a-z_]+)", system.sysctl_file),
    Document(
        "cgroup counters",
        r"sys/fs/cgroup/(?P<of>(?:.*/)?memory\.(?:events(?:\.local)?|oom_control))",
        system.cgroup_counters,
    ),
    Document("ps", r"sos_commands/process/ps_[^/]*|ps(?:\.txt)?", processes.ps, _LARGE, command="ps (?!.*\\|).*"),
    Document("cmdline", r"proc/(?P<of>\d{1,10})/cmdline", processes.cmdline),
    Document(
        "list-boots",
        r"(?:sos_commands/[^/]+/)?journalctl_(?:[^/]*_)?--list-boots?(?:_[^/]*)?|(?:journalctl-)?list-boots\.(?:txt|json)",
        times.list_boots,
        _LARGE,
        command="journalctl (?:.* )?--list-boots?(?: .*)?",
    ),
    Document(
        "uptime", r"(?:sos_commands/[^/]+/)?uptime(?:_-s)?(?:\.txt)?", times.uptime, command="uptime(?: -s| --since)?"
    ),
    Document("who -b", r"(?:sos_commands/[^/]+/)?who_-[ba]|who(?:-b)?\.txt", times.who, command="who -[ab]"),
    Document(
        "last",
        r"(?:sos_commands/[^/]+/)?last(?:_(?:-[a-zA-Z]+_?)?(?:reboot|shutdown)?)?(?:\.txt)?",
        times.last,
        _LARGE,
        command="last(?: .*)?",
    ),
    Document("date", r"(?:sos_commands/[^/]+/)?date(?:_(?P<of>--utc|-u))?(?:\.txt)?", times.date, command="date"),
    Document(
        "timedatectl",
        r"(?:sos_commands/[^/]+/)?timedatectl(?:_status)?(?:\.txt)?",
        times.timedatectl,
        command="timedatectl(?: .*)?",
    ),
    Document("timezone", r"etc/timezone", times.zone_file),
    Document("localtime", r"etc/localtime", times.zone_link),
    Document(
        "crictl ps",
        r"sos_commands/(?:crio|containerd|kubernetes|openshift)/(?:[^/]+/)?[^/]*crictl_ps[^/]*json[^/]*|crictl[-_]ps\.json",
        containers.crictl,
        _LARGE,
    ),
    Document(
        "crictl inspect",
        r"sos_commands/(?:crio|containerd|kubernetes|openshift)/(?:containers/)?crictl_inspect_[0-9a-f]+",
        containers.crictl_inspect,
    ),
    Document(
        "docker",
        r"sos_commands/(?:docker|podman)/containers/[^/]*inspect[^/]*|(?:docker|podman|nerdctl)[-_](?:ps|inspect)[^/]*\.json",
        containers.docker,
        _LARGE,
    ),
    Document(
        "container list",
        r"sos_commands/[^/]+/(?:[^/]+/)?(?:docker|podman|nerdctl|crictl)_ps(?:_(?!.*json)[^/]*)?"
        r"|(?:docker|podman|nerdctl|crictl)[-_]ps[^/]*\.txt",
        containers.listed,
        _LARGE,
        command="(?:docker|podman|nerdctl|crictl) ps(?: .*)?",
    ),
    Document(
        "pods",
        r"(?:namespaces/[^/]+/(?:core/|pods/)?|[^/]*/)?pods\.(?:json|ya?ml)|namespaces/[^/]+/pods/[^/]+/[^/]+\.yaml"
        r"|sos_commands/(?:kubernetes|openshift)/(?:[^/]+/)*(?:kubectl|oc)_[^/]*get_-o_json_[^/]*pods",
        containers.pods,
        4 * _LARGE,
    ),
    Document(
        "nodes",
        r"nodes\.(?:json|ya?ml)|cluster-scoped-resources/core/(?:nodes\.yaml|nodes/[^/]+\.yaml)"
        r"|sos_commands/(?:kubernetes|openshift)/(?:[^/]+/)*(?:kubectl|oc)_[^/]*get_-o_json_[^/]*nodes",
        containers.nodes,
        4 * _LARGE,
    ),
    SUPPORTCONFIG,
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
    r"|cmdline|.*json.*|.*inspect.*|.*\.txt|free.*|swapon_.*|HOSTNAME|localtime|hostnamectl.*|timedatectl.*|uptime.*|who.*|last.*"
    r"|date.*|.*list-boot.*|.*\.ya?ml|(?:docker|podman|nerdctl|crictl)_.*"
)
_RING_BUFFER = re.compile(r"(?:^|(?<=/))(?:sos_commands/kernel/dmesg[^/]*|dmesg(?:\.txt)?)\Z")
# A supportconfig's holds the ring buffer besides the journal; any other file of that name says nothing of its host.
MIXED_BOOT_LOG = "boot.txt"


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
