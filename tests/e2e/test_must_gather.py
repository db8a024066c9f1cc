"""A must-gather as it comes: names of pods and containers for control groups, of nodes for logs that name no host."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.e2e.test_bundle import rows, run
from tests.support.printer import KERNELS, Report, Task

LISTED, RESTARTED = "4c01db0b339c" + "ab" * 26, "77" * 32
POD = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d22"


def dmesg(container: str) -> str:
    path = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/crio-{container}.scope"
    tasks = [Task(10 + n, f"t{n}", rss_anon=900 * n + len(container)) for n in range(1, 5)]
    lines = Report(KERNELS["6.12"], tasks, tasks[-1], memcg=path).lines()
    return "".join(f"[ 1000.{number:06d}] {line}\n" for number, line in enumerate(lines))


POD_YAML = f"""---
kind: Pod
metadata:
  name: app-7d
  namespace: shop
  uid: {POD}
spec:
  nodeName: node1
status:
  containerStatuses:
  - containerID: cri-o://{LISTED}
    image: quay.io/x/app:1
    name: app
"""
NODE_YAML = "kind: Node\nmetadata:\n  name: node1\nstatus:\n  nodeInfo:\n    kernelVersion: 6.12.107\n"
FILES = {
    "namespaces/shop/pods/app-7d/app-7d.yaml": POD_YAML,
    "cluster-scoped-resources/core/nodes/node1.yaml": NODE_YAML,
    "nodes/node1/dmesg": dmesg(LISTED),
    "nodes/node9/dmesg": "nothing of interest\n",
}


def packed(at: Path, files: dict[str, str]) -> Path:
    with tarfile.open(at / "must-gather.tar.gz", "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"must-gather.local.1/quay-io-x/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return at / "must-gather.tar.gz"


@pytest.mark.parametrize("order", [1, -1], ids=["as packed", "reversed"])
def test_a_must_gather(order: int, tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    bundle = packed(tmp_path, dict(list(FILES.items())[::order]))
    for _ in range(2):
        run("ingest", bundle, "--db", db)
        assert rows(db, "SELECT host, container_name, container_image, pod, pod_namespace FROM incidents") == [
            {
                "host": "node1",
                "container_name": "app",
                "container_image": "quay.io/x/app:1",
                "pod": "app-7d",
                "pod_namespace": "shop",
            }
        ]
        assert rows(db, "SELECT host, runtime FROM containers") == [{"host": "node1", "runtime": "cri-o"}]
        assert rows(db, "SELECT name, value FROM host_facts") == [{"name": "node1", "value": "6.12.107"}]


def test_a_container_that_is_listed_no_more_has_its_pods_name(tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    run("ingest", packed(tmp_path, {**FILES, "nodes/node1/dmesg": dmesg(RESTARTED)}), "--db", db)
    assert rows(db, "SELECT container_name, pod FROM incidents") == [{"container_name": None, "pod": "app-7d"}]


def listing(id_: str) -> str:
    rows = [
        ("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "POD ID", "POD"),
        (id_, "img", "About an hour ago", "Running", "app", "19d971fe5c478", "app-7d"),
    ]
    widths = [max(map(len, column)) + 3 for column in zip(*rows, strict=True)]
    return "".join("".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("id_", "expected"),
    [(LISTED[:13], "app"), (LISTED, "app"), (LISTED[:12], None), ("4c01db0b339d1", None)],
    ids=["cut off", "whole", "of two", "another's"],
)
def test_ids_that_are_cut_off(id_: str, expected: str | None, tmp_path: Path) -> None:
    db = tmp_path / "h.duckdb"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "crictl-ps.txt").write_text(listing(id_))
    (tmp_path / "in" / "kern.log").write_text(dmesg(LISTED))
    (tmp_path / "in" / "kern2.log").write_text(dmesg(LISTED[:12] + "cd" * 26))
    run("ingest", tmp_path / "in", "--db", db)
    found = rows(db, f"SELECT DISTINCT container_name, pod FROM incidents WHERE container_id = '{LISTED}'")
    assert found == [{"container_name": expected, "pod": "app-7d" if expected else None}]
