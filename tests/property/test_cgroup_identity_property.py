"""Any path is survived, and what the two drivers of Kubernetes write is read back as it was."""

from __future__ import annotations

import string
from dataclasses import asdict

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.cgroup_identity import PARTS, identify, row

HEX = "0123456789abcdef"
CONTAINER = st.text(HEX, min_size=64, max_size=64)
UID = st.one_of(st.uuids().map(str), st.text(HEX, min_size=32, max_size=32))
QOS = st.sampled_from([("", "Guaranteed"), ("burstable", "Burstable"), ("besteffort", "BestEffort")])
RUNTIME = st.sampled_from(
    [("cri-containerd", "containerd"), ("crio", "cri-o"), ("docker", "docker"), ("libpod", "podman")]
)
PIECES = st.one_of(
    st.sampled_from([piece for part in PARTS for piece in part.sample.split("/") if piece]),
    st.text(st.characters(exclude_characters="/"), max_size=30),
    st.text(string.printable, max_size=80),
)


@given(st.lists(PIECES, max_size=12))
def test_any_path_is_survived(pieces: list[str]) -> None:
    path = "/" + "/".join(pieces)
    assert row(path) == row(path)
    for value in asdict(identify(path)).values():
        assert value is None or isinstance(value, int) or (isinstance(value, str) and value)


@given(st.text(max_size=300))
def test_any_text_is_survived(text: str) -> None:
    row(text)


@given(UID, QOS, RUNTIME, CONTAINER)
def test_the_systemd_driver(uid: str, qos: tuple[str, str], runtime: tuple[str, str], container: str) -> None:
    level, name = qos
    prefix = f"kubepods-{level}" if level else "kubepods"
    pod = f"{prefix}-pod{uid.replace('-', '_')}.slice"
    above = f"/kubepods.slice/{prefix}.slice" if level else "/kubepods.slice"
    found = identify(f"{above}/{pod}/{runtime[0]}-{container}.scope")
    assert (found.pod_uid, found.pod_qos) == (uid, name)
    assert (found.container_runtime, found.container_id) == (runtime[1], container)
    assert found.systemd_slice == pod


@given(UID, QOS, CONTAINER)
def test_the_cgroupfs_driver(uid: str, qos: tuple[str, str], container: str) -> None:
    level, name = qos
    found = identify("/".join(part for part in ("/kubepods", level, f"pod{uid}", container) if part))
    assert (found.pod_uid, found.pod_qos, found.container_id) == (uid, name, container)


@given(st.integers(0, 2**31), st.integers(0, 10**7), st.sampled_from(["batch", "extern", "interactive", "0", "17"]))
def test_slurm(uid: int, job: int, step: str) -> None:
    for path in (
        f"/slurm/uid_{uid}/job_{job}/step_{step}/task_0",
        f"/system.slice/slurmstepd.scope/job_{job}/step_{step}/user",
    ):
        found = identify(path)
        assert (found.job_scheduler, found.job_id, found.job_step) == ("slurm", str(job), step)
