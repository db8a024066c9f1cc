"""A scenario as the script that the stage (guest/init.c) plays."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote_from_bytes

from tests.kernels.scenario import Actor, Cgroup, Group, Kind, Scenario

MIB = 1 << 20
SETTLE_MS = 3000  # late lines: a reaper that gives up, a second victim
SWAP_DISK = "/dev/vdb"
FILES_DISK = "files"  # its serial number
_FILES = "/files"

_WATCHED = {
    Cgroup.NONE: (),
    Cgroup.V1: (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.usage_in_bytes",
        "memory.memsw.usage_in_bytes",
        "memory.failcnt",
        "memory.memsw.failcnt",
        "memory.swappiness",
        "memory.oom_control",
    ),
    Cgroup.V2: (
        "memory.max",
        "memory.swap.max",
        "memory.current",
        "memory.swap.current",
        "memory.oom.group",
        "memory.events",
        "memory.events.local",
    ),
}


def word(value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return quote_from_bytes(raw, safe="/+,:")


def watched_files(version: Cgroup) -> tuple[str, ...]:
    return _WATCHED[version]


def _write(path: str, value: str) -> str:
    return f"write {word(path)} {word(value)}"


def _group(root: str, version: Cgroup, group: Group) -> Iterator[str]:
    path = f"{root}/{group.path}"
    yield f"mkdir {word(path)}"
    if version is Cgroup.V2:
        if group.limit is not None:
            yield _write(f"{path}/memory.max", str(int(group.limit * MIB)))
        if group.swap is not None:
            yield _write(f"{path}/memory.swap.max", str(int(group.swap * MIB)))
        if group.kills_together:
            yield _write(f"{path}/memory.oom.group", "1")
        if group.mems is not None:
            yield _write(f"{path}/cpuset.mems", group.mems)
    else:
        if group.limit is not None:
            yield _write(f"{path}/memory.limit_in_bytes", str(int(group.limit * MIB)))
        if group.limit is not None and group.swap is not None:
            yield _write(f"{path}/memory.memsw.limit_in_bytes", str(int((group.limit + group.swap) * MIB)))
        if group.swappiness is not None:
            yield _write(f"{path}/memory.swappiness", str(group.swappiness))
        if not group.kills:
            yield _write(f"{path}/memory.oom_control", "1")
    if group.watched:
        for leaf in watched_files(version):
            yield f"watch {word(f'{path}/{leaf}')}"


def _groups(root: str, scenario: Scenario) -> Iterator[str]:
    inner = {group.path.rpartition("/")[0] for group in scenario.groups}
    controllers = "+memory"
    if any(group.mems is not None for group in scenario.groups):
        controllers += " +cpuset"
    if scenario.cgroup is Cgroup.V2:
        yield _write(f"{root}/cgroup.subtree_control", controllers)
    for group in scenario.groups:
        yield from _group(root, scenario.cgroup, group)
        if scenario.cgroup is Cgroup.V2 and group.path in inner:
            yield _write(f"{root}/{group.path}/cgroup.subtree_control", controllers)


def _switches(actor: Actor) -> Iterator[tuple[str, bool]]:
    return ((name, getattr(actor, name)) for name in ("locked", "paged_out", "idle", "spins"))


def _actor(root: str, actor: Actor) -> str:
    fields = [f"name={word(actor.comm)}"]
    sizes = {
        "anon": actor.anon, "file": actor.file, "shmem": actor.shmem, "push": actor.push, "tables": actor.tables,
        "huge": actor.huge, "promised": actor.promised, "child": actor.child_anon,
    }  # fmt: skip
    fields.extend(f"{key}={int(mib * 1024)}" for key, mib in sizes.items() if mib)
    if actor.children:
        fields.append(f"children={actor.children}")
    fields.extend(f"{key}=1" for key, on in _switches(actor) if on)
    fields.append(f"how={actor.how[0]}")
    if actor.adj is not None:
        fields.append(f"adj={actor.adj}")
    if actor.uid:
        fields.append(f"uid={actor.uid}")
    if actor.threads > 1:
        fields.append(f"threads={actor.threads}")
    if actor.other is not None:
        fields.append(f"other={actor.other}")
    if actor.node is not None:
        fields.append(f"node={actor.node}")
    if actor.group:
        fields.append(f"cgroup={word(f'{root}/{actor.group}')}")
    if actor.kind is not Kind.PLAIN:
        fields.append(f"kind={actor.kind[0]}")
    return "actor " + " ".join(fields)


def loading(modules: list[str]) -> Iterator[str]:
    return (f"module {word(path)}" for path in modules)


def lines(scenario: Scenario, root: str, *, guest: bool, settle_ms: int = SETTLE_MS) -> Iterator[str]:
    """A scene's lines, for a memory hierarchy whose laboratory root is the folder `root`."""
    if guest:
        yield "mount tmpfs /shm"
        if scenario.cgroup is Cgroup.V2:
            yield f"mount cgroup2 {root}"
        elif scenario.cgroup is Cgroup.V1:
            yield f"mount cgroup {root} memory"
    if scenario.panics:
        yield "stream"
    for path, value in scenario.sysctls:
        yield f"set {word(f'/proc/sys/{path}')} {word(value)}"
    for path, value in scenario.settings:
        yield f"set {word(path)} {word(value)}"
    if scenario.hugepages:
        yield f"hugepages {scenario.hugepages}"
    if scenario.swap_disk:
        yield f"swap {SWAP_DISK} {scenario.swap_disk}"
    if scenario.zram:
        yield _write("/sys/block/zram0/disksize", str(scenario.zram * MIB))
        yield "swap /dev/zram0 0"
    if scenario.files:
        yield f"disk {FILES_DISK} {_FILES}"
    yield from _groups(root, scenario)
    if guest:
        yield "oracle"
    for actor in scenario.actors:
        yield _actor(root, actor)
    yield "freeze"
    if guest:
        yield "listen"
    if scenario.until:
        yield f"await {word(scenario.until)}"
    if scenario.suspends:
        yield f"suspend {_FILES}"
    for index in scenario.go:
        yield f"go {index}"
        if scenario.gap:
            yield f"pause {scenario.gap}"
    if scenario.trigger:
        path, value = scenario.trigger
        yield _write(path, value)
    yield f"wait {scenario.deaths} {scenario.patience}"
    if scenario.stop_with_kill:
        yield from (f"kill {index}" for index in scenario.go)
    if scenario.suspends:
        yield f"resume {_FILES}"
    yield f"pause {settle_ms}"
    yield "end"
