"""The other files of a bundle: each is known by its path, and says what it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.bundle.documents import DOCUMENTS, current_boot_log, match
from oomforensics.parsers.bundle.facts import Container, Fact, Process

POD = "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11"
ID = "4c01db0b339c" + "ab" * 26
# name of the document -> path, text, what it says
SAMPLES: dict[str, list[tuple[str, str, list[object]]]] = {
    "meminfo": [
        (
            "proc/meminfo",
            "MemTotal:       16384256 kB\nHugePages_Total:       0\nSwapTotal:       2097148 kB\nOdd: x kB\n",
            [Fact("meminfo", "MemTotal_kb", "16384256", 1), Fact("meminfo", "SwapTotal_kb", "2097148", 3)],
        )
    ],
    "swaps": [
        (
            "proc/swaps",
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-1                               partition\t2097148\t\t0\t\t-2\n",
            [Fact("swap", "/dev/dm-1", "2097148", 2)],
        )
    ],
    "stat": [
        (
            "proc/stat",
            "cpu  1 2 3\nctxt 5\nbtime 1760000000\nprocesses 7\n",
            [Fact("btime_us", "proc/stat btime", "1760000000000000", 3, 1_000_000)],
        )
    ],
    "vmstat": [("proc/vmstat", "pgfault 5\noom_kill 12\n", [Fact("counter", "vmstat oom_kill", "12", 2)])],
    "boot id": [
        (
            "proc/sys/kernel/random/boot_id",
            "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11\n",
            [Fact("boot_id", "", "0b6f1c9e54a44c4f9d2c1f6f0a4a5d11", 1)],
        )
    ],
    "hostname": [
        ("hostname", "web1.example.org\n", [Fact("hostname", "", "web1.example.org", 1)]),
        ("etc/hostname", "# set by the installer\nweb1\n", [Fact("hostname", "", "web1", 1)]),
        ("sos_commands/host/hostname", "hostname: Name or service not known\n", []),
    ],
    "release": [
        ("proc/sys/kernel/osrelease", "6.1.0-44-amd64\n", [Fact("kernel_release", "", "6.1.0-44-amd64", 1)]),
    ],
    "uname": [
        (
            "sos_commands/kernel/uname_-a",
            "Linux db2 5.14.0-503.el9.x86_64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n",
            [Fact("kernel_release", "", "5.14.0-503.el9.x86_64", 1), Fact("hostname", "", "db2", 1)],
        )
    ],
    "sysctl -a": [
        (
            "sos_commands/kernel/sysctl_-a",
            "net.ipv4.tcp_mem = 1\nvm.panic_on_oom = 2\nvm.swappiness = 10\nkernel.hostname = db2\n",
            [
                Fact("sysctl", "vm.panic_on_oom", "2", 2),
                Fact("sysctl", "vm.swappiness", "10", 3),
                Fact("sysctl", "kernel.hostname", "db2", 4),
            ],
        )
    ],
    "sysctl": [("proc/sys/vm/overcommit_ratio", "50\n", [Fact("sysctl", "vm.overcommit_ratio", "50", 1)])],
    "cgroup counters": [
        (
            "sys/fs/cgroup/system.slice/web.service/memory.events",
            "low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\n",
            [
                Fact("counter", "/system.slice/web.service memory.events high", "0", 2),
                Fact("counter", "/system.slice/web.service memory.events max", "4", 3),
                Fact("counter", "/system.slice/web.service memory.events oom", "2", 4),
                Fact("counter", "/system.slice/web.service memory.events oom_kill", "1", 5),
            ],
        ),
        (
            "sys/fs/cgroup/memory/docker/abc/memory.oom_control",
            "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
            [Fact("counter", "/docker/abc memory.oom_control oom_kill", "3", 3)],
        ),
    ],
    "ps": [
        (
            "sos_commands/process/ps_auxwww",
            "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
            "root           1  0.0  0.1 167000  9000 ?        Ss   Nov01   0:09 /sbin/init splash --x\n"
            "garbage\n"
            "postgres     812  0.0  0.1 217000 19000 ?        Ss   Nov01   0:09 postgres: writer   process\n",
            [
                Process(1, None, None, "root", None, "/sbin/init splash --x", 2),
                Process(812, None, None, "postgres", None, "postgres: writer   process", 4),
            ],
        ),
        (
            "sos_commands/process/ps_alxwww",
            "F   UID     PID    PPID PRI  NI    VSZ   RSS WCHAN  STAT TTY        TIME COMMAND\n"
            "4     0       1       0  20   0 170000 10000 ep_pol Ss   ?          0:01 /sbin/init\n",
            [Process(1, 0, 0, None, None, "/sbin/init", 2)],
        ),
    ],
    "cmdline": [
        ("proc/812/cmdline", "java\0-Xmx4g\0-jar\0app.jar\0", [Process(812, None, None, None, None, "java -Xmx4g -jar app.jar", 1)]),
        ("proc/2/cmdline", "", []),
    ],
    "crictl ps": [
        (
            "sos_commands/crio/containers/crictl_ps_-a_-o_json",
            json.dumps(
                {
                    "containers": [
                        {
                            "id": ID,
                            "metadata": {"name": "app", "attempt": 0},
                            "image": {"image": "quay.io/x/app:1"},
                            "labels": {
                                "io.kubernetes.pod.uid": POD,
                                "io.kubernetes.pod.name": "app-7d",
                                "io.kubernetes.pod.namespace": "shop",
                            },
                        },
                        {"id": "no id"},
                        5,
                    ]
                }
            ),
            [Container(ID, None, "app", POD, "app-7d", "shop", "quay.io/x/app:1")],
        )
    ],
    "docker": [
        (
            "sos_commands/docker/containers/docker_inspect_x",
            json.dumps([{"Id": ID, "Name": "/web", "Config": {"Image": "nginx", "Labels": {}}}]),
            [Container(ID, None, "web", None, None, None, "nginx")],
        ),
        (
            "docker-ps.json",
            f'{{"ID":"{ID[:12]}","Image":"nginx","Names":"web","Labels":"a=b"}}\n',
            [Container(ID[:12], None, "web", None, None, None, "nginx")],
        ),
    ],
    "pods": [
        (
            "namespaces/shop/core/pods.json",
            json.dumps(
                {
                    "items": [
                        {
                            "metadata": {"name": "app-7d", "namespace": "shop", "uid": POD},
                            "status": {
                                "containerStatuses": [
                                    {
                                        "name": "app",
                                        "image": "quay.io/x/app:1",
                                        "containerID": f"cri-o://{ID}",
                                        "lastState": {"terminated": {"containerID": f"cri-o://{'12' * 32}"}},
                                    }
                                ]
                            },
                        }
                    ]
                }
            ),
            [
                Container(ID, "cri-o", "app", POD, "app-7d", "shop", "quay.io/x/app:1"),
                Container("12" * 32, "cri-o", "app", POD, "app-7d", "shop", "quay.io/x/app:1"),
            ],
        )
    ],
}


def test_every_document_has_a_sample() -> None:
    assert {document.name for document in DOCUMENTS} == SAMPLES.keys()


@pytest.mark.parametrize(
    ("name", "path", "text", "says"),
    [(name, *sample) for name, samples in SAMPLES.items() for sample in samples],
    ids=[sample[0] for samples in SAMPLES.values() for sample in samples],
)
@pytest.mark.parametrize("root", ["", "a.tar.xz/sosreport-web1-2026", "/var/cases/7"])
def test_documents(root: str, name: str, path: str, text: str, says: list[object]) -> None:
    found = match(f"{root}/{path}" if root else path)
    assert found is not None
    assert (found.document.name, found.root) == (name, root)
    assert list(found.items(text.encode())) == says


@pytest.mark.parametrize("path", ["var/log/messages", "proc/meminfo/x", "xproc/meminfo", "proc/1x/cmdline", "myhostname", "", "/"])
def test_other_files_are_none(path: str) -> None:
    assert match(path) is None


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("sos-1/sos_commands/kernel/dmesg", "sos-1"),
        ("sos-1/sos_commands/kernel/dmesg_-T", "sos-1"),
        ("case/dmesg.txt", "case"),
        ("dmesg", ""),
        ("var/log/dmesg.old", None),
        ("var/crash/vmcore-dmesg.txt", None),
    ],
)
def test_logs_of_the_boot_in_which_the_bundle_was_collected(path: str, root: str | None) -> None:
    assert current_boot_log(path) == root


@given(st.sampled_from(DOCUMENTS), st.binary(max_size=400) | st.sampled_from([b"[" * 5000, b'{"items":[{"status":5}]}', b'{"containers":{}}']))
def test_no_document_raises(document: object, data: bytes) -> None:
    name = document.name  # type: ignore[attr-defined]
    found = match(SAMPLES[name][0][0])
    assert found is not None
    for item in found.items(data):
        assert isinstance(item, Fact | Process | Container)
