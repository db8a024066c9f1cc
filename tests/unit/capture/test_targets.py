from __future__ import annotations

from pathlib import Path

import pytest

from oomforensics.capture import hierarchy, targets
from oomforensics.capture.hierarchy import Hierarchy

DOCKER = "3f" * 32
PODMAN = "c0ffee" + "0" * 58


@pytest.fixture
def tree(tmp_path: Path) -> Hierarchy:
    for folder in (
        "system.slice/nginx.service/worker",
        f"system.slice/docker-{DOCKER}.scope/init",
        f"kubepods.slice/kubepods-burstable.slice/cri-containerd-{PODMAN}.scope",
        f"system.slice/kubepods.slice:cri-o:{'ab' * 32}",
        "machine.slice/machine-web.scope",
        "lxc.payload.mail/system.slice/postfix.service",
        "a.slice/twice.service",
        "b.slice/twice.service",
    ):
        (tmp_path / "cgroup" / folder).mkdir(parents=True)
    return Hierarchy(2, str(tmp_path / "cgroup"), "/")


@pytest.mark.parametrize(
    ("kind", "name", "folder"),
    [
        ("cgroup", "/system.slice/nginx.service", "system.slice/nginx.service"),
        ("cgroup", "system.slice", "system.slice"),
        ("unit", "nginx.service", "system.slice/nginx.service"),
        ("unit", "nginx", "system.slice/nginx.service"),
        ("container", DOCKER, f"system.slice/docker-{DOCKER}.scope"),
        ("container", DOCKER[:12], f"system.slice/docker-{DOCKER}.scope"),
        ("container", "C0FFEE00", f"kubepods.slice/kubepods-burstable.slice/cri-containerd-{PODMAN}.scope"),
        ("container", "ab" * 6, f"system.slice/kubepods.slice:cri-o:{'ab' * 32}"),
        ("container", "web", "machine.slice/machine-web.scope"),
        ("container", "mail", "lxc.payload.mail"),
    ],
)
def test_a_target_is_a_folder_of_the_tree(tree: Hierarchy, kind: str, name: str, folder: str) -> None:
    assert targets.find(kind, name, tree).folder == f"{tree.mount}/{folder}"


def test_a_cgroup_may_be_named_by_its_whole_path(tree: Hierarchy) -> None:
    whole = f"{tree.mount}/system.slice"
    assert targets.find("cgroup", whole, tree).folder == whole


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("unit", "apache.service", "no unit apache.service"),
        ("unit", "twice.service", "could be any of"),
        ("container", "123456", "no container"),
        ("cgroup", "../../etc", "no cgroup"),
        ("pid", "4194304", "no process"),
        ("pid", "x", "no process"),
    ],
)
def test_what_is_not_there_is_said(tree: Hierarchy, kind: str, name: str, said: str) -> None:
    with pytest.raises(targets.NotFound, match=said):
        targets.find(kind, name, tree)


def test_a_machine_without_cgroups_can_be_recorded_but_no_unit_of_it() -> None:
    assert targets.find("system", "", None).folder is None
    with pytest.raises(targets.NotFound, match="no memory controller"):
        targets.find("unit", "nginx.service", None)


def proc(tmp_path: Path, mountinfo: str, cgroup: str = "") -> str:
    for pid in ("self", "77"):
        (tmp_path / "proc" / pid).mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(mountinfo)
    (tmp_path / "proc/77/cgroup").write_text(cgroup)
    return str(tmp_path / "proc")


def test_the_memory_controller_of_v1_beside_an_empty_v2(tmp_path: Path) -> None:
    unified = tmp_path / "unified"
    unified.mkdir()
    (unified / "cgroup.controllers").write_text("\n")
    where = proc(
        tmp_path,
        f"30 24 0:26 / {unified} rw - cgroup2 cgroup2 rw\n"
        "33 24 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "34 24 0:30 / /sys/fs/cgroup/memory\\040x rw,nosuid shared:9 - cgroup cgroup rw,memory\n",
        "4:memory:/docker/x\n3:cpu:/\n0::/other\n",
    )
    found = hierarchy.find(where)
    assert found is not None and (found.version, found.mount) == (1, "/sys/fs/cgroup/memory x")
    assert hierarchy.of_process(77, found, where) == "/sys/fs/cgroup/memory x/docker/x"


def test_v2_with_memory_and_a_cgroup_mounted_as_root(tmp_path: Path) -> None:
    unified = tmp_path / "unified"
    unified.mkdir()
    (unified / "cgroup.controllers").write_text("cpu memory pids\n")
    where = proc(tmp_path, f"30 24 0:26 /pod7 {unified} rw - cgroup2 cgroup2 rw\n", "0::/pod7/app\n")
    found = hierarchy.find(where)
    assert found is not None and found.version == 2
    assert hierarchy.of_process(77, found, where) == f"{unified}/app"


def test_no_controller(tmp_path: Path) -> None:
    assert hierarchy.find(proc(tmp_path, "30 24 0:26 / /mnt rw - ext4 /dev/vda rw\n")) is None
