"""Paths as real systems write them, each read by hand."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from oomforensics.parsers.cgroup_identity import COLUMNS, PARTS, Part, identify, row, unescape

ID = "3f2a" * 16
OTHER = "c0de" * 16
UID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
UNDERSCORES = UID.replace("-", "_")
POD_SLICE = f"kubepods-burstable-pod{UNDERSCORES}.slice"

PATHS: dict[str, dict[str, object]] = {
    "/": {},
    "": {},
    "/leaker": {},
    f"/kubepods.slice/kubepods-burstable.slice/{POD_SLICE}/cri-containerd-{ID}.scope": {
        "container_runtime": "containerd", "container_id": ID, "pod_uid": UID, "pod_qos": "Burstable",
        "systemd_slice": POD_SLICE, "systemd_unit": f"cri-containerd-{ID}.scope",
    },
    f"/kubelet.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod{UNDERSCORES}.slice": {
        "pod_uid": UID, "pod_qos": "BestEffort", "systemd_slice": f"kubelet-kubepods-besteffort-pod{UNDERSCORES}.slice",
    },
    f"/kubepods.slice/kubepods-pod{UNDERSCORES}.slice/crio-{ID}.scope/container": {
        "container_runtime": "cri-o", "container_id": ID, "pod_uid": UID, "pod_qos": "Guaranteed",
        "systemd_slice": f"kubepods-pod{UNDERSCORES}.slice", "systemd_unit": f"crio-{ID}.scope",
    },
    f"/kubepods/burstable/pod{UID}/{ID}": {"container_id": ID, "pod_uid": UID, "pod_qos": "Burstable"},
    f"/kubepods/pod{UID}": {"pod_uid": UID, "pod_qos": "Guaranteed"},
    # a static pod: the hash of its manifest
    "/kubepods/besteffort/pod8b6ee8f5f5a0ea4b0d2c5f9e0c1d2e3f": {
        "pod_uid": "8b6ee8f5f5a0ea4b0d2c5f9e0c1d2e3f", "pod_qos": "BestEffort",
    },
    "/kubepods": {},
    "/kubepods.slice": {"systemd_slice": "kubepods.slice"},
    "/kubepods.slice/kubepods-burstable.slice": {
        "pod_qos": "Burstable", "systemd_slice": "kubepods-burstable.slice",
    },
    f"/system.slice/containerd.service/{POD_SLICE}:cri-containerd:{ID}": {
        "container_runtime": "containerd", "container_id": ID, "pod_uid": UID, "pod_qos": "Burstable",
        "systemd_slice": "system.slice", "systemd_unit": "containerd.service",
    },
    f"/docker/{ID}": {"container_runtime": "docker", "container_id": ID},
    f"/system.slice/docker-{ID}.scope": {
        "container_runtime": "docker", "container_id": ID, "systemd_slice": "system.slice",
        "systemd_unit": f"docker-{ID}.scope",
    },
    # kind: a node in a container, whose pods' containers are the inner ones, of a runtime that is not said
    f"/docker/{ID}/kubepods/burstable/pod{UID}/{OTHER}": {
        "container_id": OTHER, "pod_uid": UID, "pod_qos": "Burstable",
    },
    f"/docker/{ID}/docker/{OTHER}": {"container_runtime": "docker", "container_id": OTHER},
    f"/machine.slice/libpod-{ID}.scope/container": {
        "container_runtime": "podman", "container_id": ID, "systemd_slice": "machine.slice",
        "systemd_unit": f"libpod-{ID}.scope",
    },
    # the monitor is not the container
    f"/machine.slice/libpod-conmon-{ID}.scope": {
        "systemd_slice": "machine.slice", "systemd_unit": f"libpod-conmon-{ID}.scope",
    },
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope": {
        "container_runtime": "podman", "container_id": ID, "systemd_slice": "user-1000.slice",
        "systemd_unit": "user@1000.service", "systemd_user_unit": f"libpod-{ID}.scope", "login_uid": 1000,
    },
    f"/k8s.io/{ID}": {"container_runtime": "containerd", "container_id": ID},
    "/lxc/101": {"container_runtime": "lxc", "container_id": "101"},
    "/lxc.payload.web-1/system.slice/nginx.service": {
        "container_runtime": "lxc", "container_id": "web-1", "systemd_slice": "system.slice", "systemd_unit": "nginx.service",
    },
    f"/lxc/101/ns/system.slice/docker-{ID}.scope": {
        "container_runtime": "docker", "container_id": ID, "systemd_slice": "system.slice",
        "systemd_unit": f"docker-{ID}.scope",
    },
    "/machine.slice/systemd-nspawn@db\\x2d1.service/payload": {
        "container_runtime": "systemd-nspawn", "container_id": "db-1", "systemd_slice": "machine.slice",
        "systemd_unit": "systemd-nspawn@db\\x2d1.service",
    },
    "/machine.slice/machine-qemu\\x2d2\\x2dwin10.scope/libvirt/vcpu0": {
        "container_runtime": "libvirt", "container_id": "win10", "systemd_slice": "machine.slice",
        "systemd_unit": "machine-qemu\\x2d2\\x2dwin10.scope",
    },
    "/system.slice/postgresql@15-main.service": {
        "systemd_slice": "system.slice", "systemd_unit": "postgresql@15-main.service",
    },
    "/system.slice/system-getty.slice/getty@tty1.service": {
        "systemd_slice": "system-getty.slice", "systemd_unit": "getty@tty1.service",
    },
    "/user.slice/user-1000.slice/session-12.scope": {
        "systemd_slice": "user-1000.slice", "systemd_unit": "session-12.scope", "login_uid": 1000,
    },
    "/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.slice/app-firefox\\x2desr@1f.service": {
        "systemd_slice": "user-1000.slice", "systemd_unit": "user@1000.service",
        "systemd_user_unit": "app-firefox\\x2desr@1f.service", "login_uid": 1000,
    },
    "/slurm/uid_1000/job_4711/step_batch/task_0": {"job_scheduler": "slurm", "job_id": "4711", "job_step": "batch"},
    "/slurm_node7/uid_1000/job_4711/step_0": {"job_scheduler": "slurm", "job_id": "4711", "job_step": "0"},
    "/system.slice/slurmstepd.scope/job_4711/step_extern/user/task_special": {
        "job_scheduler": "slurm", "job_id": "4711", "job_step": "extern", "systemd_slice": "system.slice",
        "systemd_unit": "slurmstepd.scope",
    },
    "/system.slice/node7_slurmstepd.scope/job_4711": {
        "job_scheduler": "slurm", "job_id": "4711", "systemd_slice": "system.slice",
        "systemd_unit": "node7_slurmstepd.scope",
    },
    "/jobs/job_4711/step_0": {},  # somebody else's jobs
    f"/nomad.slice/share.slice/{UID}.web.scope": {
        "job_scheduler": "nomad", "job_id": UID, "job_step": "web", "systemd_slice": "share.slice",
        "systemd_unit": f"{UID}.web.scope",
    },
    f"/ecs/{'0f' * 16}/{ID}": {"job_scheduler": "ecs", "job_id": "0f" * 16, "container_id": ID},
    f"/ecs/my-cluster/{UID}/{ID}": {"job_scheduler": "ecs", "job_id": UID, "container_id": ID},
    f"/ecs/{'0f' * 16}/{'0f' * 16}-2938475610": {
        "job_scheduler": "ecs", "job_id": "0f" * 16, "container_id": f"{'0f' * 16}-2938475610",
    },
    f"/ecstasks.slice/ecstasks-{'0f' * 16}.slice/docker-{ID}.scope": {
        "job_scheduler": "ecs", "job_id": "0f" * 16, "container_id": ID, "container_runtime": "docker",
        "systemd_slice": f"ecstasks-{'0f' * 16}.slice", "systemd_unit": f"docker-{ID}.scope",
    },
    "/hadoop-yarn/container_1446152405246_0007_01_000002": {
        "job_scheduler": "yarn", "job_id": "application_1446152405246_0007",
        "job_step": "container_1446152405246_0007_01_000002",
    },
    "/system.slice/condor.service/htcondor/condor_var_lib_condor_execute_slot1_2@node7.example.org": {
        "job_scheduler": "htcondor", "job_step": "slot1_2@node7.example.org", "systemd_slice": "system.slice",
        "systemd_unit": "condor.service",
    },
}  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_path_says(path: str) -> None:
    assert {name: value for name, value in asdict(identify(path)).items() if value is not None} == PATHS[path]


def test_no_path_says_nothing() -> None:
    assert row("") == (None,) * len(COLUMNS)
    assert identify(None) == identify("/")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.sample[-60:])
def test_a_sample_is_read_by_its_own_entry(part: Part) -> None:
    """No entry before it takes the sample: all that the entry says stands in the identity."""
    last = part.sample.rsplit("/", 1)[1]
    match = part.pattern.fullmatch(last)
    assert match is not None
    found = asdict(identify(part.sample))
    assert part.says.items() <= found.items()
    for name, value in match.groupdict().items():
        if value is not None:
            read = part.fix(value) if part.fix and name != "job_step" else value
            assert found[name] == (
                f"application_{read}" if found["job_scheduler"] == "yarn" and name == "job_id" else read
            )


def test_a_name_of_several_escaped_bytes_is_one_character() -> None:
    assert unescape("caf\\xc3\\xa9\\x2d1") == "café-1"
    assert unescape("half \\xc3 and nul \\x00") == "half \\xc3 and nul \\x00"


def test_a_path_without_end_is_not_read_to_its_end() -> None:
    assert identify("/a" * 100_000 + f"/docker/{ID}") == identify("/")
