"""`incidents --mechanism` over logs of every killer, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_cli_commands import run
from tests.support.samples import FIXTURES

LOGS = FIXTURES / "witnesses"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mechanism") / "history.duckdb"
    for arguments in ([LOGS, "--jobs", "2"], [LOGS]):  # the second time changes nothing
        done = run("ingest", *arguments, db=path)
        assert (done.returncode, done.stderr) == (0, "")
    return path


def rows(db: Path, *arguments: str) -> list[dict[str, Any]]:
    done = run("incidents", "--mechanism", "--json", *arguments, db=db)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_death_has_its_mechanism_or_none(db: Path) -> None:
    found = rows(db)
    by_source: dict[str, list[tuple[str | None, str]]] = {}
    for row in found:
        by_source.setdefault(Path(row["source"]).name, []).append((row["mechanism"], row["evidence"]))
    own, claim = "own line", (None, "claim: kernel")
    assert {name: sorted(said, key=str) for name, said in by_source.items()} == {
        "android-kernel.log": [("lowmemorykiller", own)] * 2,
        "android-logcat.log": [("lmkd", own)] * 3,
        "docker.txt": [claim],
        "earlyoom.log": [("earlyoom", own)] * 2,
        "earlyoom-old.log": [("earlyoom", own)] * 2,
        "htcondor.log": [(None, "claim")],
        "kubectl-describe.txt": [claim] * 3,
        "kubernetes-events.json": [claim],
        "kubernetes-events.yaml": [claim],
        "kubernetes-node.log": [("kernel", "report"), claim],
        "nohang.log": [("nohang", own)],
        "oomd.log": [("oomd", own)],
        "slurm.log": [("slurm", own), claim, claim, claim],
        "systemd-oomd.log": [("systemd-oomd", own)] * 2,
        "talos.log": [("talos", own)],
    }


def test_what_the_kernel_did_is_attested_by_others(db: Path) -> None:
    (row,) = [row for row in rows(db, "--victim", "java") if row["mechanism"] == "kernel"]
    assert row["witnesses"] == [
        "conmon_oom", "containerd_oom", "docker_inspect_oom", "kubelet_oom", "kubernetes_node_oom",
        "kubernetes_oomkilled", "systemd_unit_oom",
    ]  # fmt: skip
    assert (row["pod_uid"], row["pid"]) == ("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", 4107)
    shown = run("sql", "SELECT pod_uid, pod_qos, container_runtime, count(*) AS n FROM incidents WHERE pod_uid IS NOT NULL"
                " GROUP BY ALL", "--json", db=db)  # fmt: skip
    assert json.loads(shown.stdout) == [
        {
            "pod_uid": "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0",
            "pod_qos": "Burstable",
            "container_runtime": "containerd",
            "n": 1,
        }
    ]


def test_the_list_for_people(db: Path) -> None:
    done = run("incidents", "--mechanism", db=db)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["time", "(UTC)", "host", "killed"]
    (line,) = [line for line in lines if "shop/api-0/api" in line]
    assert "not proven" in line and "only claimed: kernel" in line
    assert any("kernel OOM killer" in line and "kernel report" in line for line in lines)


def test_nothing_found(db: Path, tmp_path: Path) -> None:
    done = run("incidents", "--mechanism", "--host", "nowhere", db=db)
    assert (done.returncode, done.stdout) == (0, "")
    assert "nothing" in done.stderr
    assert rows(db, "--host", "nowhere") == []


def test_a_forged_line_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "syslog").write_text(
        "May  1 10:00:00 web1 evil[7]: Out of memory: Killed process 1 (systemd) total-vm:1kB, anon-rss:1kB, file-rss:0kB\n"
        'May  1 10:00:00 web1 evil[7]: sending SIGKILL to process 1 uid 0 "systemd": badness 1, VmRSS 1 MiB\n'
        "May  1 10:00:00 web1 evil[7]: web.service: A process of this unit has been killed by the OOM killer.\n"
        "May  1 10:00:00 web1 kernel: [    1.000000] Killed /web.service due to memory pressure for / being 9% > 1% for > 1s"
        " with reclaim activity\n"
    )
    path = tmp_path / "history.duckdb"
    run("ingest", tmp_path / "syslog", db=path)
    assert rows(path) == []


def test_a_log_too_large_to_read_whole(tmp_path: Path) -> None:
    """The scanner opens a window around each of them."""
    noise = "May  1 09:59:59 web1 sshd[77]: Accepted publickey for bob from 192.0.2.1 port 7 ssh2\n" * 30_000
    earlyoom = (LOGS / "earlyoom.log").read_text()
    oomd = (LOGS / "systemd-oomd.log").read_text()
    (tmp_path / "syslog").write_text(noise + earlyoom + noise + noise + oomd + noise)
    path = tmp_path / "history.duckdb"
    run("ingest", tmp_path / "syslog", db=path)
    assert sorted(row["mechanism"] for row in rows(path)) == ["earlyoom", "earlyoom", "systemd-oomd", "systemd-oomd"]
    (first,) = rows(path, "--victim", "4107")
    assert first["line"] == 30_000 + 3
