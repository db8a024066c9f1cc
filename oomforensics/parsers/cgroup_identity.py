"""Who a control group is, from its path alone: it still stands in the report when the node, the pod and the job are gone.

    identify("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e_2d3c.slice/cri-containerd-9a….scope")
    -> Identity(container_runtime="containerd", container_id="9a…", pod_uid="0f1e-2d3c", pod_qos="Burstable", …)

Each part of a path is read by itself, from the root on, by PARTS; where two say the same thing of it (a container in a
container), the inner one is right. A path is anybody's choice, so nothing here fails, and what is not recognised is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from oomforensics.parsers.text import visible

_MAX_PARTS = 64  # of a path; the kernel's own limit of depth is lower where anybody set one
_HEX = r"[0-9a-f]{64}"
_ESCAPE = re.compile(r"((?:\\x[0-9a-fA-F]{2})+)")


@dataclass(frozen=True, slots=True)
class Identity:
    """What the path says. Field = column. None: it does not say."""

    container_runtime: str | None = None  # docker, podman, containerd, cri-o, lxc, systemd-nspawn, libvirt
    container_id: str | None = None  # lxc, systemd-nspawn and libvirt: the name
    pod_uid: str | None = None  # Kubernetes
    pod_qos: str | None = None  # Guaranteed, Burstable, BestEffort
    systemd_slice: str | None = None  # the innermost slice of the system's manager
    systemd_unit: str | None = None  # the innermost service, scope, … of the system's manager
    systemd_user_unit: str | None = None  # the same of a user's manager (below user@UID.service)
    login_uid: int | None = None  # user-UID.slice, user@UID.service
    job_scheduler: str | None = None  # slurm, htcondor, nomad, ecs, yarn
    job_id: str | None = None  # Slurm job, Nomad allocation, ECS task, Yarn application
    job_step: str | None = None  # Slurm step, Nomad task, Yarn container, HTCondor slot


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Identity))


@dataclass(frozen=True, slots=True)
class Part:
    """One way to write one part of a path: the pattern's groups are fields of Identity."""

    pattern: re.Pattern[str]
    sample: str  # a path that ends in such a part
    says: dict[str, str]  # fields that are the same for every such part
    fix: Callable[[str], str] | None = None  # makes the pod's UID or the container's name readable
    parent: re.Pattern[str] | None = None  # only right under such a part
    below: re.Pattern[str] | None = None  # only somewhere under such a part


def _part(
    pattern: str,
    sample: str,
    *,
    fix: Callable[[str], str] | None = None,
    parent: str | None = None,
    below: str | None = None,
    **says: str,
) -> Part:
    return Part(
        _rx(pattern), sample, says, fix, None if parent is None else _rx(parent), None if below is None else _rx(below)
    )


def _rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL | re.ASCII)


def _dashes(text: str) -> str:
    """systemd's names of slices write a pod's UID with underscores: a dash there separates levels."""
    return text.replace("_", "-")


def unescape(name: str) -> str:
    """`\\x2d` in a unit's name as the character that it stands for (systemd: unit_name_unescape)."""
    return _ESCAPE.sub(lambda match: visible(bytes.fromhex(match[1].replace("\\x", ""))), name)


_POD = r"pod(?P<pod_uid>[0-9A-Za-z][0-9A-Za-z_-]{0,127})"
_ID = rf"(?P<container_id>{_HEX})"
_NAME = r"(?P<container_id>[^/]{1,255}?)"
_SLURM = r"slurm(?:_.*)?|(?:.*_)?slurmstepd\.scope"
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"

# In the order they are tried; the first that fits a part is taken. `sample` is a test.
PARTS: tuple[Part, ...] = (
    # Kubernetes, systemd driver: kubepods[-qos]-podUID.slice, below another slice with its name before it (kind).
    _part(
        rf"(?:[\w.-]*-)?kubepods-burstable-{_POD}\.slice",
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice",
        fix=_dashes, pod_qos="Burstable",
    ),
    _part(
        rf"(?:[\w.-]*-)?kubepods-besteffort-{_POD}\.slice",
        "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort-podabc_def.slice",
        fix=_dashes, pod_qos="BestEffort",
    ),
    _part(
        rf"(?:[\w.-]*-)?kubepods-{_POD}\.slice", "/kubepods.slice/kubepods-podabc_def.slice",
        fix=_dashes,
    ),
    _part(r"(?:[\w.-]*-)?kubepods-burstable\.slice", "/kubepods.slice/kubepods-burstable.slice", pod_qos="Burstable"),
    _part(r"(?:[\w.-]*-)?kubepods-besteffort\.slice", "/kubepods.slice/kubepods-besteffort.slice", pod_qos="BestEffort"),
    # containerd's systemd names, when it was told to use cgroupfs: slice:prefix:id as one part.
    _part(
        rf"(?:[\w.-]*-)?kubepods-burstable-{_POD}\.slice:(?:cri-containerd|k8s\.io):{_ID}",
        f"/system.slice/containerd.service/kubepods-burstable-podabc_def.slice:cri-containerd:{'9a' * 32}",
        fix=_dashes, pod_qos="Burstable", container_runtime="containerd",
    ),
    _part(
        rf"(?:[\w.-]*-)?kubepods-besteffort-{_POD}\.slice:(?:cri-containerd|k8s\.io):{_ID}",
        f"/kubepods-besteffort-podabc_def.slice:cri-containerd:{'9a' * 32}",
        fix=_dashes, pod_qos="BestEffort", container_runtime="containerd",
    ),
    _part(
        rf"(?:[\w.-]*-)?kubepods-{_POD}\.slice:(?:cri-containerd|k8s\.io):{_ID}",
        f"/kubepods-podabc_def.slice:cri-containerd:{'9a' * 32}",
        fix=_dashes, container_runtime="containerd",
    ),
    # Kubernetes, cgroupfs driver: /kubepods[/qos]/podUID/ID
    _part(r"burstable", "/kubepods/burstable", parent="kubepods", pod_qos="Burstable"),
    _part(r"besteffort", "/kubepods/besteffort", parent="kubepods", pod_qos="BestEffort"),
    _part(_POD, "/kubepods/burstable/pod0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", below="kubepods"),
    # Containers, by the name that the runtime gives its scope or folder. A monitor (conmon) is not the container.
    _part(rf"cri-containerd-{_ID}(?:\.scope)?", f"/a.slice/cri-containerd-{'9a' * 32}.scope", container_runtime="containerd"),
    _part(rf"nerdctl-{_ID}\.scope", f"/system.slice/nerdctl-{'9a' * 32}.scope", container_runtime="containerd"),
    _part(rf"crio-{_ID}(?:\.scope)?", f"/a.slice/crio-{'9a' * 32}.scope", container_runtime="cri-o"),
    _part(rf"docker-{_ID}(?:\.scope)?", f"/system.slice/docker-{'9a' * 32}.scope", container_runtime="docker"),
    _part(rf"libpod-(?:payload-)?{_ID}(?:\.scope)?", f"/machine.slice/libpod-{'9a' * 32}.scope", container_runtime="podman"),
    _part(rf"podman-{_ID}(?:\.scope)?", f"/machine.slice/podman-{'9a' * 32}.scope", container_runtime="podman"),
    _part(rf"{_ID}", f"/docker/{'9a' * 32}", parent="docker", container_runtime="docker"),
    _part(rf"{_ID}", f"/libpod_parent/{'9a' * 32}", parent="libpod_parent", container_runtime="podman"),
    _part(rf"{_ID}", f"/k8s.io/{'9a' * 32}", parent=r"k8s\.io", container_runtime="containerd"),
    _part(rf"{_ID}", f"/default/{'9a' * 32}", parent="default", container_runtime="containerd"),
    # ECS: /ecs[/cluster]/task/container; a container of Fargate is named task-number.
    _part(
        r"(?P<container_id>(?P<job_id>[0-9a-f]{32})-\d{1,12})", f"/ecs/{'0f' * 16}/{'0f' * 16}-1234567890",
        below="ecs", job_scheduler="ecs",
    ),
    _part(rf"(?P<job_id>[0-9a-f]{{32}}|{_UUID})", f"/ecs/{'0f' * 16}", below="ecs", job_scheduler="ecs"),
    _part(
        r"ecstasks-(?P<job_id>[0-9a-f]{32})\.slice", f"/ecstasks.slice/ecstasks-{'0f' * 16}.slice", job_scheduler="ecs"
    ),
    _part(_ID, f"/kubepods/burstable/podabc-def/{'9a' * 32}"),  # cgroupfs: the runtime is not said
    # LXC, machines
    _part(rf"lxc\.payload\.{_NAME}", "/lxc.payload.web", container_runtime="lxc"),
    _part(_NAME, "/lxc/101", parent="lxc", container_runtime="lxc"),
    _part(_NAME, "/lxc.payload/web", parent=r"lxc\.payload", container_runtime="lxc"),
    _part(rf"systemd-nspawn@{_NAME}\.service", "/machine.slice/systemd-nspawn@db\\x2d1.service",
          fix=unescape, container_runtime="systemd-nspawn"),
    _part(r"machine-qemu\\x2d\d+\\x2d(?P<container_id>.{1,255})\.scope", "/machine.slice/machine-qemu\\x2d7\\x2dvm1.scope",
          fix=unescape, container_runtime="libvirt"),
    # Jobs
    _part(r"job_(?P<job_id>\d{1,20})", "/slurm/uid_1000/job_4711", below=_SLURM, job_scheduler="slurm"),
    _part(r"step_(?P<job_step>[\w+.]{1,64})", "/slurm/uid_1000/job_4711/step_batch", below=_SLURM, parent=r"job_\d+"),
    _part(rf"(?P<job_id>{_UUID})\.(?P<job_step>.{{1,255}})\.scope", "/nomad.slice/share.slice/"
          "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.web.scope", below=r"nomad\.slice", job_scheduler="nomad"),
    _part(rf"(?P<job_id>{_UUID})(?:\.(?P<job_step>.{{1,255}}))?", "/nomad/0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0.web",
          parent="nomad", job_scheduler="nomad"),
    _part(r"(?P<job_step>container_(?:e\d+_)?(?P<job_id>\d+_\d+)_\d+_\d+)",
          "/hadoop-yarn/container_e01_1446152405246_0001_01_000003", job_scheduler="yarn"),
    _part(r"condor_.{0,255}?_(?P<job_step>slot\d[\w]*@[\w.-]{1,255})", "/htcondor/condor_var_lib_condor_slot1_2@node7",
          job_scheduler="htcondor"),
)  # fmt: skip
_UNIT = _rx(r"[^/]{1,255}\.(?:service|scope|socket|mount|swap|automount|timer|path|device)")
_USER_MANAGER = _rx(r"user@(\d{1,10})\.service")
_USER_SLICE = _rx(r"user-(\d{1,10})\.slice")


def identify(path: str | None) -> Identity:
    """What the path of a control group says. Never raises."""
    return _identify(path) if path else Identity()


@lru_cache(maxsize=4096)
def _identify(path: str) -> Identity:
    found: dict[str, Any] = {}
    above: list[str] = []
    in_user = False
    for name in path.split("/", _MAX_PARTS)[:_MAX_PARTS]:
        if not name:
            continue
        in_user = _systemd(found, name, in_user)
        for part in PARTS:
            match = part.pattern.fullmatch(name)
            if match and _is_in_place(part, above):
                _take(found, part, match)
                break
        above.append(name)
    if "pod_uid" in found:
        found.setdefault("pod_qos", "Guaranteed")  # the one class without a level of its own
    return Identity(**found)


def _is_in_place(part: Part, above: list[str]) -> bool:
    if part.parent is not None and not (above and part.parent.fullmatch(above[-1])):
        return False
    return part.below is None or any(part.below.fullmatch(name) for name in above)


def _take(found: dict[str, Any], part: Part, match: re.Match[str]) -> None:
    said = {name: value for name, value in match.groupdict().items() if value is not None}
    if "container_id" in said:
        found.pop("container_runtime", None)  # that of an outer container
    for name, value in said.items():
        found[name] = part.fix(value) if part.fix and name in ("pod_uid", "container_id") else value
    found.update(part.says)
    if part.says.get("job_scheduler") == "yarn":
        found["job_id"] = f"application_{said['job_id']}"


def _systemd(found: dict[str, Any], name: str, in_user: bool) -> bool:
    """Takes slices and units; answers whether what is below belongs to a user's manager."""
    if slice_ := _USER_SLICE.fullmatch(name):
        found["login_uid"] = int(slice_[1])
    if name.endswith(".slice") and not in_user:
        found["systemd_slice"] = name
    if not _UNIT.fullmatch(name):
        return in_user
    if in_user:
        found["systemd_user_unit"] = name
        return True
    found["systemd_unit"] = name
    manager = _USER_MANAGER.fullmatch(name)
    if manager:
        found["login_uid"] = int(manager[1])
    return manager is not None


def row(path: str) -> tuple[str | int | None, ...]:
    """The identity in the order of COLUMNS."""
    found = identify(path)
    return tuple(getattr(found, name) for name in COLUMNS)
