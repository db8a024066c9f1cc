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
POD_YAML = f"""apiVersion: v1
kind: Pod
metadata:
  annotations:
    k8s.example/status: |-
      [{{
          "name": "net",
      name: not this
      }}]
  managedFields:
  - apiVersion: v1
    fieldsV1:
      f:metadata:
        .: {{}}
        k:{{"uid":"1"}}: {{}}
  name: app-7d
  namespace: shop
  uid: {POD}
spec:
  containers:
  - args: ["--a", "b"]
    name: app
  nodeName: node1
status:
  containerStatuses:
  - containerID: cri-o://{ID}
    image: quay.io/x/app:1
    lastState:
      terminated:
        containerID: cri-o://{"12" * 32}
        exitCode: 137
        message: 'a long: text
          that goes on'
        reason: OOMKilled
    name: app
    ready: true
"""
NODE_YAML = """
kind: Node
metadata:
  name: node1
status:
  capacity:
    cpu: "4"
    memory: 16384256Ki
  nodeInfo:
    bootID: 0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11
    kernelVersion: 5.14.0-427.el9.x86_64
"""
IN_PODS: list[object] = [
    Container(ID, "cri-o", "app", POD, "app-7d", "shop", "quay.io/x/app:1", host="node1"),
    Container("12" * 32, "cri-o", "app", POD, "app-7d", "shop", "quay.io/x/app:1", host="node1"),
]


def items(kind: str, one: str) -> str:
    """As a list of them."""
    return f"apiVersion: v1\nkind: {kind}\nitems:\n- " + "\n  ".join(one.strip().splitlines()) + "\n"


# name of the document -> path, text, what it says
BOOT = "0b6f1c9e54a44c4f9d2c1f6f0a4a5d11"
SECOND, MINUTE = 1_000_000, 60_000_000
SAMPLES: dict[str, list[tuple[str, str, list[object]]]] = {
    "meminfo": [
        (
            "proc/meminfo",
            "MemTotal:       16384256 kB\nHugePages_Total:       0\nSwapTotal:       2097148 kB\nOdd: x kB\n",
            [Fact("meminfo", "MemTotal_kb", "16384256", 1), Fact("meminfo", "SwapTotal_kb", "2097148", 3)],
        )
    ],
    "free": [
        (
            "sos_commands/memory/free",
            "               total        used        free      shared  buff/cache   available\n"
            "Mem:        16384256     3000000    10000000       10000     3384256    13000000\n"
            "Swap:        2097148           0     2097148\n",
            [Fact("meminfo", "MemTotal_kb", "16384256", 2), Fact("meminfo", "SwapTotal_kb", "2097148", 3)],
        )
    ],
    "swaps": [
        (
            "sos_commands/memory/swapon_--summary_--verbose",
            "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n/swap.img    file    4194300 0 -2\n",
            [Fact("swap", "/swap.img", "4194300", 2)],
        ),
        (
            "proc/swaps",
            "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
            "/dev/dm-1                               partition\t2097148\t\t0\t\t-2\n",
            [Fact("swap", "/dev/dm-1", "2097148", 2)],
        ),
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
    "hostnamectl": [
        (
            "sos_commands/host/hostnamectl_status",
            f"   Static hostname: db2\nTransient hostname: db2.example.org\n         Icon name: computer-vm\n"
            f"        Machine ID: {'3' * 32}\n           Boot ID: {BOOT}\n    Virtualization: kvm\n",
            [Fact("hostname", "", "db2.example.org", 2), Fact("boot_id", "", BOOT, 5)],
        ),
        ("hostnamectl.txt", " Static hostname: n/a!\n         Boot ID: short\n", []),
    ],
    "list-boots": [
        (
            "sos_commands/systemd/journalctl_--list-boots",
            f"IDX BOOT ID                          FIRST ENTRY                  LAST ENTRY                 \n"
            f" -1 {'a' * 32} Sat 2026-09-05 09:00:01 CEST Sat 2026-09-05 10:00:00 CEST\n"
            f"  0 {BOOT} Sat 2026-09-05 10:01:07 CEST Sun 2026-11-01 15:05:08 CET\n",
            [
                Fact("boot_first_local", "a" * 32, "2026-09-05 09:00:01 CEST", 2, SECOND),
                Fact("boot_last_local", "a" * 32, "2026-09-05 10:00:00 CEST", 2, SECOND),
                Fact("boot_id", "", BOOT, 3),
                Fact("boot_first_local", BOOT, "2026-09-05 10:01:07 CEST", 3, SECOND),
                Fact("boot_last_local", BOOT, "2026-11-01 15:05:08 CET", 3, SECOND),
            ],
        ),
        (
            "list-boots.txt",
            f" 0 {BOOT} Thu 2025-10-09 08:53:21 UTC—Thu 2025-10-09 09:53:20 UTC\n",
            [
                Fact("boot_id", "", BOOT, 1),
                Fact("boot_first_us", BOOT, "1760000001000000", 1, SECOND),
                Fact("boot_last_us", BOOT, "1760003600000000", 1, SECOND),
            ],
        ),
        (
            "list-boots.json",
            f'[{{"index":0,"boot_id":"{BOOT}","first_entry":1760000001123456,"last_entry":1760003600000000}},{{"boot_id":7}},7]',
            [
                Fact("boot_id", "", BOOT),
                Fact("boot_first_us", BOOT, "1760000001123456", None, 1),
                Fact("boot_last_us", BOOT, "1760003600000000", None, 1),
            ],
        ),
        ("list-boots.txt", f"-1 {BOOT} Thu 2025-13-09 08:53:21 UTC—Thu 2025-10-09 08:61:20 UTC\n", []),
    ],
    "uptime": [
        (
            "sos_commands/host/uptime",
            " 14:03:22 up 10 days,  3:04,  2 users,  load average: 0.00, 0.01, 0.05\n",
            [Fact("uptime_s", "14:03:22", str(10 * 86400 + 3 * 3600 + 4 * 60), 1, MINUTE)],
        ),
        (
            "uptime",
            " 14:03:22 up 1 day, 12 min,  1 user,  load average: 0.00\n",
            [Fact("uptime_s", "14:03:22", "87120", 1, MINUTE)],
        ),
        ("uptime", " 14:03:22 up  3:04,  load average: 0.00\n", [Fact("uptime_s", "14:03:22", "11040", 1, MINUTE)]),
        ("uptime_-s", "2026-11-13 10:59:12\n", [Fact("btime_local", "uptime -s", "2026-11-13 10:59:12", 1, SECOND)]),
        ("uptime", "up for ever, 1 user\n", []),
    ],
    "who -b": [
        (
            "who-b.txt",
            "         system boot  2026-11-13 10:59\n",
            [Fact("btime_local", "who -b", "2026-11-13 10:59", 1, MINUTE)],
        ),
        ("who.txt", "root     pts/0        2026-11-13 10:59\n", []),
    ],
    "last": [
        (
            "sos_commands/login/last_-F_reboot",
            "reboot   system boot  5.14.0-503.el9.x Fri Nov 13 10:59:12 2026   still running\n"
            "reboot   system boot  5.14.0-427.el9.x Mon Nov  2 08:00:00 2026 - Fri Nov 13 10:58:00 2026 (11+02:58)\n"
            "\nwtmp begins Mon Nov  2 08:00:00 2026\n",
            [
                Fact("btime_local", "last reboot", "2026-11-13 10:59:12", 1, MINUTE),
                Fact("reboot_local", "5.14.0-427.el9.x", "2026-11-02 08:00:00", 2, MINUTE),
            ],
        ),
        (
            "last",
            "root     pts/0        10.0.0.1         Fri Nov 13 11:01   still logged in\n"
            "reboot   system boot  5.14.0-503.el9.x Fri Nov 13 10:59   still running\n"
            "reboot   system boot  5.14.0-427.el9.x Mon Nov  2 08:00   still running\n",
            [Fact("btime_local", "last reboot", "Fri 11-13 10:59", 2, MINUTE)],
        ),
        (  # it went down since
            "sos_commands/login/last",
            "shutdown system down  5.3.18-default Tue Mar  8 10:23:11 2022 - Tue Mar  8 11:00:00 2022  (00:36)\n"
            "reboot   system boot  5.3.18-default Tue Mar  8 10:00:00 2022 - Tue Mar  8 10:23:11 2022  (00:23)\n",
            [
                Fact("shutdown_local", "5.3.18-default", "2022-03-08 10:23:11", 1, MINUTE),
                Fact("reboot_local", "5.3.18-default", "2022-03-08 10:00:00", 2, MINUTE),
            ],
        ),
    ],
    "date": [
        (
            "sos_commands/date/date",
            "Thu Oct  9 08:53:20 UTC 2025\n",
            [Fact("collected_us", "date", "1760000000000000", 1, SECOND), Fact("timezone", "date", "UTC", 1)],
        ),
        (
            "date",
            "Thu Oct  9 10:53:20 CEST 2025\n",
            [Fact("collected_local", "date", "2025-10-09 10:53:20 CEST", 1, SECOND)],
        ),
        (
            "date.txt",
            "Thu Oct  9 12:53:20 AM +03 2025\n",
            [Fact("collected_local", "date", "2025-10-09 00:53:20 +03", 1, SECOND)],
        ),
        (
            "sos_commands/date/date_--utc",
            "Thu Oct  9 08:53:20 UTC 2025\n",
            [Fact("collected_us", "date", "1760000000000000", 1, SECOND)],
        ),
        ("date", "Thu Foo 99 10:53:20 CEST 2025\n", []),
    ],
    "timedatectl": [
        (
            "sos_commands/systemd/timedatectl",
            "               Local time: Thu 2025-10-09 10:53:20 CEST\n           Universal time: Thu 2025-10-09 08:53:20 UTC\n"
            "                 RTC time: Thu 2025-10-09 08:53:20\n                Time zone: Europe/Berlin (CEST, +0200)\n"
            "System clock synchronized: yes\n",
            [
                Fact("collected_us", "timedatectl", "1760000000000000", 2, SECOND),
                Fact("timezone", "timedatectl", "Europe/Berlin", 4),
            ],
        ),
        (
            "timedatectl.txt",
            "       Time zone: ../../etc (x)\n        Timezone: UTC (UTC, +0000)\n",
            [Fact("timezone", "timedatectl", "UTC", 2)],
        ),
    ],
    "timezone": [
        (
            "etc/timezone",
            "America/Argentina/Buenos_Aires\n",
            [Fact("timezone", "etc/timezone", "America/Argentina/Buenos_Aires", 1)],
        ),
        ("etc/timezone", "/etc/passwd\n", []),
    ],
    "localtime": [
        (
            "etc/localtime",
            "../usr/share/zoneinfo/Europe/Berlin",
            [Fact("timezone", "etc/localtime", "Europe/Berlin", 1)],
        ),
        ("etc/localtime", "/usr/share/zoneinfo/right/UTC", [Fact("timezone", "etc/localtime", "UTC", 1)]),
        ("etc/localtime", "/etc/passwd", []),
        ("etc/localtime", "TZif2\0\0\0", []),
        (
            "etc/localtime",
            "TZif2\0\nCET-1CEST,M3.5.0,M10.5.0/3\n",
            [Fact("timezone", "etc/localtime", "CET-1CEST,M3.5.0,M10.5.0/3")],
        ),
        ("etc/localtime", "TZif2\0\nUTC0\n", [Fact("timezone", "etc/localtime", "UTC")]),
        ("etc/localtime", "TZif2\0\n/etc/passwd\n", []),
    ],
    "supportconfig": [
        (
            "basic-environment.txt",
            "=============================================\n         Support Utilities - Supportconfig\n\n"
            "#==[ Command ]======================================#\n# /usr/bin/date\nThu Oct  9 08:53:20 UTC 2025\n\n"
            "#==[ Command ]======================================#\n# /usr/bin/uname -a\n"
            "Linux sle1 5.14.21-150500.55.19-default #1 SMP x86_64 GNU/Linux\n\n"
            '#==[ Configuration File ]===========================#\n# /etc/os-release\nNAME="SLES"\n',
            [
                Fact("collected_us", "date", "1760000000000000", 6, SECOND),
                Fact("timezone", "date", "UTC", 6),
                Fact("kernel_release", "", "5.14.21-150500.55.19-default", 10),
                Fact("hostname", "", "sle1", 10),
            ],
        ),
        (
            "memory.txt",
            "#==[ Command ]======================================#\n# /usr/bin/free -k\n"
            "               total\nMem:  8000000 1 2\nSwap: 2097148 0 2097148\n\n"
            "#==[ Configuration File ]===========================#\n# /proc/meminfo\nMemTotal:        8000000 kB\n\n"
            "#==[ Configuration File ]===========================#\n# /proc/vmstat\noom_kill 3\n\n"
            "#==[ Command ]======================================#\n# /sbin/sysctl -a 2>/dev/null | grep ^vm\n"
            "vm.swappiness = 60\n",
            [
                Fact("meminfo", "MemTotal_kb", "8000000", 4),
                Fact("meminfo", "SwapTotal_kb", "2097148", 5),
                Fact("meminfo", "MemTotal_kb", "8000000", 9),
                Fact("counter", "vmstat oom_kill", "3", 13),
                Fact("sysctl", "vm.swappiness", "60", 17),
            ],
        ),
        (
            "basic-health-check.txt",
            "#==[ Command ]======================================#\n# /usr/bin/uptime\n"
            " 14:03:22 up 4 min,  1 user,  load average: 0\n\n"
            "#==[ Summary ]======================================#\n# Top 10 CPU Processes\n"
            "%CPU   PID USER     CMD\n 0.0     1 root     init\n\n"
            "#==[ Command ]======================================#\n"
            "# /bin/ps axwwo user,pid,ppid,%cpu,%mem,vsz,rss,stat,time,cmd\n"
            "USER       PID  PPID %CPU %MEM    VSZ   RSS STAT     TIME CMD\n"
            "root         1     0  0.1  0.0 250192 38856 Ss   00:50:41 /usr/lib/systemd/systemd --system\n",
            [
                Fact("uptime_s", "14:03:22", "240", 3, MINUTE),
                Process(1, 0, None, "root", None, "/usr/lib/systemd/systemd --system", 13),
            ],
        ),
        (
            "proc.txt",
            "#==[ Configuration File ]===========================#\n# /proc/sys/kernel/random/boot_id\n"
            "0b6f1c9e-54a4-4c4f-9d2c-1f6f0a4a5d11\n\n\n"
            "#==[ Configuration File ]===========================#\n# /proc/sys/vm/overcommit_memory\n2\n\n\n"
            "#==[ Configuration File ]===========================#\n# /proc/swaps - File not found\n\n"
            "#==[ Configuration File ]===========================#\n# /a/proc/stat\nbtime 7\n",
            [Fact("boot_id", "", BOOT, 3), Fact("sysctl", "vm.overcommit_memory", "2", 8)],
        ),
        (
            "boot.txt",
            "#==[ Command ]======================================#\n"
            '# /usr/bin/last -wxF | egrep "reboot|shutdown|runlevel|system"\n'
            "reboot   system boot  5.14.21-150500.55.19-default Fri Nov 13 10:59:12 2026   still running\n\n"
            "#==[ Command ]======================================#\n# journalctl --no-pager --list-boot\n"
            f" 0 {BOOT} Thu 2025-10-09 08:53:21 UTC—Thu 2025-10-09 09:53:20 UTC\n",
            [
                Fact("btime_local", "last reboot", "2026-11-13 10:59:12", 3, MINUTE),
                Fact("boot_id", "", BOOT, 7),
                Fact("boot_first_us", BOOT, "1760000001000000", 7, SECOND),
                Fact("boot_last_us", BOOT, "1760003600000000", 7, SECOND),
            ],
        ),
        ("env.txt", "no section at all\n#==[ Command ]", []),
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
        (
            "proc/812/cmdline",
            "java\0-Xmx4g\0-jar\0app.jar\0",
            [Process(812, None, None, None, None, "java -Xmx4g -jar app.jar", 1)],
        ),
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
    "crictl inspect": [
        (
            f"sos_commands/crio/containers/crictl_inspect_{ID[:13]}",
            json.dumps(
                {
                    "status": {"id": ID, "metadata": {"name": "app"}, "labels": {"io.kubernetes.pod.uid": POD}},
                    "info": {},
                }
            ),
            [Container(ID, None, "app", POD)],
        ),
        (f"sos_commands/crio/crictl_inspect_{ID}", '{"status": 5}', []),
    ],
    "container list": [
        (
            "sos_commands/crio/crictl_ps_-v",
            "time=now level=warning msg=deprecated\n"
            f"ID: {ID}\nPodID: {POD}\nNamespace: shop\nName: app\nAttempt: 0\nState: Running\nImage: quay.io/x/app:1\n"
            "Created: 2 hours ago\nLabels:\n\tio.kubernetes.container.name -> app\n\tio.kubernetes.pod.name -> app-7d\n"
            f"\tio.kubernetes.pod.namespace -> shop\n\tio.kubernetes.pod.uid -> {POD}\nAnnotations:\n\tImage -> other\n\n"
            "ID: none\nName: x\n\n"
            f"ID: {ID[::-1]}\nName: old\nImage: quay.io/x/old:1\n",
            [
                Container(ID, None, "app", POD, "app-7d", "shop", "quay.io/x/app:1", 2),
                Container(ID[::-1], None, "old", None, None, None, "quay.io/x/old:1", 21),
            ],
        ),
        (
            "sos_commands/crio/crictl_ps_-a",
            "CONTAINER           IMAGE                       CREATED              STATE               NAME          ATTEMPT  POD ID              POD         NAMESPACE\n"  # noqa: E501
            f"{ID[:13]}       quay.io/x/app:1             About a minute ago   Running             app           185      19d971fe5c478       app-7d      shop\n"  # noqa: E501
            "no id               quay.io/x/app:1             About a minute ago   Running             app           185      19d971fe5c478       app-7d      shop\n",  # noqa: E501
            [Container(ID[:13], None, "app", None, "app-7d", "shop", "quay.io/x/app:1", 2)],
        ),
        (
            "sos_commands/docker/docker_ps_-a",
            "CONTAINER ID   IMAGE          COMMAND                  CREATED       STATUS       PORTS     NAMES\n"
            f'{ID[:12]}   nginx:latest   "/docker-entrypoint.…"   2 hours ago   Up 2 hours   80/tcp    web\n',
            [Container(ID[:12], None, "web", None, None, None, "nginx:latest", 2)],
        ),
        ("podman-ps.txt", "CONTAINER ID  IMAGE  COMMAND  CREATED  STATUS  PORTS  NAMES\n", []),
        ("crictl-ps.txt", "time=now level=warning msg=deprecated\nab\n", []),
    ],
    "nodes": [
        (
            "cluster-scoped-resources/core/nodes/node1.yaml",
            "---" + NODE_YAML,
            [
                Fact("node_boot_id", "node1", BOOT),
                Fact("node_kernel_release", "node1", "5.14.0-427.el9.x86_64"),
                Fact("node_memory_kb", "node1", "16384256"),
            ],
        ),
        (
            "nodes.json",
            json.dumps(
                {
                    "kind": "NodeList",
                    "items": [{"metadata": {"name": "n2"}, "status": {"nodeInfo": {"kernelVersion": "6.1"}}}],
                }
            ),
            [Fact("node_kernel_release", "n2", "6.1")],
        ),
        ("nodes.yaml", "kind: Secret\nmetadata:\n  name: node1\n", []),
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
        ),
        ("namespaces/shop/pods/app-7d/app-7d.yaml", "---\n" + POD_YAML, IN_PODS),
        ("namespaces/shop/core/pods.yaml", items("PodList", POD_YAML), IN_PODS),
        ("shop/pods.yml", items("List", POD_YAML), IN_PODS),
        ("namespaces/shop/pods/app-7d/other.yaml", "kind: Secret\ndata:\n  a: b\n", []),
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


@pytest.mark.parametrize(
    "path", ["var/log/messages", "proc/meminfo/x", "xproc/meminfo", "proc/1x/cmdline", "myhostname", "", "/"]
)
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


@given(
    st.sampled_from(DOCUMENTS),
    st.binary(max_size=400)
    | st.sampled_from(
        [b"[" * 5000, b'{"items":[{"status":5}]}', b'{"containers":{}}', b"#==[ Command ]=#\n# /bin/ps x"]
    ),
)
def test_no_document_raises(document: object, data: bytes) -> None:
    name = document.name  # type: ignore[attr-defined]
    found = match(SAMPLES[name][0][0])
    assert found is not None
    for item in found.items(data):
        assert isinstance(item, Fact | Process | Container)
