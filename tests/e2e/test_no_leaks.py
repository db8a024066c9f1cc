"""Names planted wherever a log or a bundle can hold one: none is in any redacted output, all are in the plain one."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.e2e.test_cli_commands import run
from tests.support.printer import KERNELS, Report, Task, stamped

UID, JOB, MACHINE = 48213, 90210417, "5e" * 16
POD, CONTAINER = "7c1f2e3d-4a5b-6c7d-8e9f-0a1b2c3d4e5f", "c0ffee12" * 8
POD_PATH = (
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/"
    f"cri-containerd-{CONTAINER}.scope"
)
# What it is -> how it can be written. All of it stands in FILES or in the names of files.
SECRETS = {
    "host": ["zqhost"],
    "domain": ["zqdomain"],
    "user": ["zqalice"],
    "uid": [str(UID)],
    "process": ["zqjava", "zqshell", "zq worker"],
    "word of a kernel that is a process": ["asking: page", "task swapping:"],
    "command line": ["zqsecretarg", "hunter2zq", "8675309"],
    "path": ["zqcase", "zqfolder", "zqsos", "zqswapfile"],
    "control group": ["zqgroup", "zqshop"],
    "container": [CONTAINER, CONTAINER[:12], "zqcontainer", "zqregistry", "zqimage"],
    "pod": [POD, POD.replace("-", "_"), "zqpod", "zqspace"],
    "job": [str(JOB)],
    "boot": ["ab12" * 8],
    "address": ["198.51.100.23", "198-51-100-23", "2001:db8:77::23", "02:42:ac:11:00:02", "zqmail@"],
    "ticket": ["03456789"],
    "module": ["zqmodule"],
    "kernel": ["zqkernel"],
    "serial number": ["ZQ77X1234"],
}  # fmt: skip


def syslog() -> str:
    worker = Task(4100, "zq worker", uid=UID, rss_anon=4_000)
    victim = Task(4107, "zqjava", uid=UID, rss_anon=60_000)
    tasks = [Task(1, "systemd", uid=0), worker, victim, Task(4200, "total", uid=UID)]
    lines = list(Report(KERNELS["6.12"], tasks, victim, trigger=worker, memcg=POD_PATH).lines())
    foreign = [
        "zqshell[77]: user=zqalice from 198.51.100.23 ip-198-51-100-23 10-198-51-100-23 2001:db8:77::23 02:42:ac:11:00:02"
        " zqmail@zqdomain.example",
        "Modules linked in: zqmodule xt_zqmodule",
        'audit: comm="zqshell" exe="/opt/zqfolder/run" cmdline="zqjava --key zqsecretarg --pin 8675309"',
        f"audit: auid={UID} loginuid={UID} user {UID}",
        f"COMMAND=/usr/bin/zqshell --pin 8675309 hunter2zq uid={UID}",
        "zqjava: open /srv/zqfolder/zqcase-03456789.log: No such file or directory",
        "nfs: server zqhost not responding; zqhost.zqdomain.example OK; ZQHOST again",
    ]
    lines[8:8] = foreign
    text = "".join(f"Jul 10 12:00:0{place % 10} zqhost.zqdomain.example kernel: {line}\n"
                   for place, line in enumerate(stamped(lines)))  # fmt: skip
    text = text.replace(KERNELS["6.12"].release, "6.12.107-zqkernel-prod+")
    return text.replace("BIOS 1.16.2", "BIOS 1.16.2 S/N ZQ77X1234")


def of_old_kernel() -> str:
    """Up to 5.2 each group below prints a line of its own."""
    victim = Task(6107, "zqshell", uid=UID, rss_anon=60_000)
    lines = list(Report(KERNELS["4.4"], [victim], victim, memcg="/zqouter").lines())
    place = next(place for place, line in enumerate(lines) if line.startswith("Memory cgroup stats"))
    lines.insert(
        place + 1, "Memory cgroup stats for /zqouter/zqnested: cache:0KB rss:900KB rss_huge:0KB mapped_file:0KB"
    )
    return "".join(f"Jul 11 12:00:00 zqhost kernel: {line}\n" for line in stamped(lines))


def by_programs() -> str:
    user = f"/user.slice/user-{UID}.slice/user@{UID}.service"
    said = [
        ("systemd-oomd", f"Killed {user}/app.slice/zqgroup.service due to memory pressure for {user} being 59.83% > 50.00%"
                         " for > 20s with reclaim activity"),
        ("systemd", "zqgroup@zqshop.service: A process of this unit has been killed by the OOM killer."),
        ("earlyoom", f'sending SIGTERM to process 4107 uid {UID} "zqjava": oom_score 902, VmRSS 5120 MiB, cmdline'
                     ' "/opt/zqfolder/zqjava --password=hunter2zq --pin 8675309 of memory"'),
        ("slurmstepd", f"error: Detected 1 oom-kill event(s) in StepId={JOB}.batch cgroup."),
        ("slurmstepd", f"error: Job {JOB} exceeded memory limit (1052672 > 1048576), being killed"),
        ("conmon", f"conmon {CONTAINER[:20]} <ninfo>: OOM event received"),
        ("condor", "Error from slot1_1@zqhost.zqdomain.example: Job has gone over memory limit of 9000 megabytes."),
        ("kernel", "asking: page allocation failure: order:0, mode:0x140dca(GFP_HIGHUSER_MOVABLE)"),
        ("kernel", "INFO: task swapping:4711 blocked for more than 120 seconds."),
        ("kernel", " mem_cgroup_oom_synchronize+0x263/0x2a0"),
    ]  # fmt: skip
    return "".join(f"Jul 10 12:10:{place:02d} zqhost {program}: {text}\n" for place, (program, text) in enumerate(said))


def journal() -> str:
    fields = {"_HOSTNAME": "zqhost", "_BOOT_ID": "ab12" * 8, "_MACHINE_ID": MACHINE, "_TRANSPORT": "kernel", "PRIORITY": "3",
              "_CMDLINE": "zqjava --key zqsecretarg"}  # fmt: skip
    victim = Task(5107, "zqshell", uid=UID, rss_anon=60_000)
    path = f"/slurm/uid_{UID}/job_{JOB}/step_0/zqgroup"
    lines = Report(KERNELS["5.4"], [Task(1, "systemd", uid=0), victim], victim, memcg=path).lines()
    return "".join(
        json.dumps({**fields, "MESSAGE": line, "__REALTIME_TIMESTAMP": str(1_783_700_000_000_000 + place),
                    "__MONOTONIC_TIMESTAMP": str(9_000_000 + place)}) + "\n"
        for place, line in enumerate(lines)
    )  # fmt: skip


LISTED = {
    "metadata": {"name": "zqpod-7d9f", "namespace": "zqspace", "uid": POD},
    "spec": {"nodeName": "zqhost"},
    "status": {"containerStatuses": [{
        "name": "zqcontainer", "image": "zqregistry.zqdomain.example:5000/zqshop/zqimage:1.2",
        "containerID": f"containerd://{CONTAINER}",
        "lastState": {"terminated": {"containerID": f"containerd://{CONTAINER}", "exitCode": 137, "reason": "OOMKilled"}},
    }]},
}  # fmt: skip

FILES = {
    "kern.log": syslog(),
    "kern-old.log": of_old_kernel(),
    "programs-03456789.log": by_programs(),
    "zqfolder/journal.json": journal(),
    "zqsos-zqhost-03456789/hostname": "zqhost.zqdomain.example\n",
    "zqsos-zqhost-03456789/proc/sys/kernel/random/boot_id": "-".join(["ab12ab12", *["ab12"] * 3, "ab12ab12ab12"]) + "\n",
    "zqsos-zqhost-03456789/proc/stat": "cpu 1\nbtime 1760000000\n",
    "zqsos-zqhost-03456789/proc/swaps": "Filename Type Size Used Priority\n/srv/zqswapfile file 1048572 0 -2\n",
    "zqsos-zqhost-03456789/sos_commands/kernel/sysctl_-a": "vm.swappiness = 60\nkernel.hostname = zqhost\n",
    "zqsos-zqhost-03456789/sos_commands/kernel/uname_-a": "Linux zqhost 6.12.107-zqkernel-prod+ #1 SMP x86_64 GNU/Linux\n",
    "zqsos-zqhost-03456789/sys/fs/cgroup/zqgroup.slice/memory.events": "oom_kill 3\n",
    "zqsos-zqhost-03456789/sos_commands/process/ps_auxwww": (
        "USER PID %CPU COMMAND\nroot 2 0.0 [kthreadd]\n"
        "zqalice 4107 0.0 /opt/zqfolder/zqjava --password=hunter2zq --pin 8675309\n"
        f"{UID} 4108 0.0 memory zqsecretarg 198.51.100.23\n"
    ),
    "zqsos-zqhost-03456789/pods.json": json.dumps({"items": [LISTED]}),
    "zqsos-zqhost-03456789/sos_commands/kernel/dmesg": "\n".join(
        stamped(Report(KERNELS["6.6"], [Task(9, "zqjava", rss_anon=900)], Task(9, "zqjava", rss_anon=900)).lines())
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("zqcase")
    for name, text in FILES.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_text(text)
    done = run("ingest", folder / "in", db=folder / "history.duckdb")
    assert done.returncode == 0, done.stderr
    return folder / "history.duckdb"


def exported(folder: Path) -> str:
    names = [str(file.relative_to(folder)) for file in folder.rglob("*")]
    with duckdb.connect() as con:
        rows = [
            repr(con.execute("FROM read_parquet(?, hive_partitioning = false)", [str(file)]).fetchall())
            for file in folder.rglob("*.parquet")
        ]
    return "\n".join([*names, *rows, (folder / "manifest.json").read_text()])


def leaks(text: str) -> list[tuple[str, str, str]]:
    """What is found, and where."""
    plain, found = text.lower(), []
    for kind, secrets in SECRETS.items():
        for secret in secrets:
            at = plain.find(secret.lower())
            if at >= 0:
                found.append((kind, secret, text[max(0, at - 120) : at + 120]))
    return found


def test_all_of_it_is_in_the_plain_export(db: Path, tmp_path: Path) -> None:
    assert run("export", tmp_path / "out", "--by", "host-month", db=db).returncode == 0
    found = {secret for _, secret, _ in leaks(exported(tmp_path / "out"))}
    assert found == {secret for secrets in SECRETS.values() for secret in secrets}


@pytest.mark.parametrize("by", ["month", "host-month"])
def test_none_of_it_is_in_a_redacted_export(db: Path, tmp_path: Path, by: str) -> None:
    assert run("export", tmp_path / "out", "--redact", "--by", by, db=db).returncode == 0
    assert leaks(exported(tmp_path / "out")) == []


@pytest.mark.parametrize("form", ["html", "md", "json"])
def test_none_of_it_is_in_a_redacted_report(db: Path, form: str) -> None:
    done = run("report", "--all", "--redact", "--format", form, "-o", "-", db=db)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout) > 5_000
    assert leaks(done.stdout) == []
