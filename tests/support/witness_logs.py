"""What the logs of fixtures/witnesses/ say, read by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

ID = "9192cb33411ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64987"
POD = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"
USER = "/user.slice/user-1000.slice/user@1000.service"
CODE = f"{USER}/app.slice/app-code-892075.scope"
OOMD = {"host": "pekka", "program": "systemd-oomd"}
JOURNALD = {"host": "web1", "program": "systemd-journald"}
RSYSLOGD = {"host": "web1", "program": "rsyslogd"}
SYSTEMD = {"host": "pekka", "program": "systemd"}


class Seen(NamedTuple):
    kind: str
    line: int
    who: Mapping[str, object]
    detail: Mapping[str, Any] = {}
    moment: str | None = None  # UTC, whole seconds


LOGS: dict[str, list[Seen]] = {
    "systemd-oomd.log": [
        Seen("systemd_oomd_ranking", 1, OOMD, {
            "considered": 62,
            "candidates": [
                {"cgroup": CODE, "memory_pressure_limit": "0.00%", "current_memory_usage": "24.8G", "memory_min": "0B",
                 "pressure": "Avg10: 84.56 Avg60: 33.68 Avg300: 8.29 Total: 32s", "memory_low": "0B", "pgscan": "181098",
                 "last_pgscan": "178926"},
                {"cgroup": f"{USER}/session.slice/org.gnome.Shell@wayland.service", "memory_pressure_limit": "0.00%",
                 "pgscan": "13035"},
            ],
        }, "2026-10-09T19:25:19+00:00"),
        Seen("systemd_oomd_kill", 13, {**OOMD, "cgroup": CODE, "unit": "app-code-892075.scope"},
             {"monitored_cgroup": USER, "pressure_percent": 59.83, "limit_percent": 50.0, "duration": "20s"},
             "2026-10-09T19:25:20+00:00"),
        Seen("systemd_unit_oomd", 14, {**SYSTEMD, "unit": "app-code-892075.scope"}, {"killed": 147}, "2026-10-09T19:25:20+00:00"),
        Seen("systemd_unit_result", 15, {**SYSTEMD, "unit": "app-code-892075.scope"}, {}, "2026-10-09T19:25:21+00:00"),
        Seen("systemd_oomd_kill", 17, {**OOMD, "cgroup": "/system.slice/build.service", "unit": "build.service"},
             {"memory_used_bytes": 22369452032, "swap_total_bytes": 8589930496, "limit_percent": 90.0},
             "2026-10-09T21:02:11+00:00"),
    ],
    "earlyoom.log": [
        Seen("earlyoom_kill", 3, {"pid": 4107, "comm": "java", "uid": 1000, "host": "web1", "program": "earlyoom"},
             {"signal": "SIGTERM", "oom_score": 902, "oom_score_adj": 0, "rss_mib": 5120}, "2026-05-01T10:00:00+00:00"),
        Seen("earlyoom_kill", 5, {"pid": 4107, "comm": "java", "uid": 1000, "host": "web1", "program": "earlyoom"},
             {"signal": "SIGKILL"}, "2026-05-01T10:00:01+00:00"),
        # a name that looks like the rest of the line; what `logger` and the kernel's log say afterwards is nobody's word
        Seen("earlyoom_kill", 7, {"pid": 5000, "comm": 'a": badness 9', "uid": 1001, "host": "web1", "program": "earlyoom"},
             {"badness": 733, "rss_mib": 3}, "2026-05-01T10:05:00+00:00"),
    ],
    "earlyoom-old.log": [
        Seen("earlyoom_kill", 2, {"pid": 24059, "comm": "tail", "host": "web1", "program": "earlyoom"},
             {"signal_number": 15, "badness": 997, "rss_mib": 4278}, "2026-02-19T11:29:08+00:00"),
        Seen("earlyoom_kill", 3, {"pid": 27541, "comm": "bash", "host": "web1", "program": "earlyoom"},
             {"signal_number": 9, "badness": 550, "rss_mib": 7609}, "2026-02-19T11:30:08+00:00"),
    ],
    "talos.log": [
        Seen("talos_kill", 1, {"cgroup": "/kubepods/burstable/pod77f06c5c-4593-43e9-b970-987f6ecb825b",
                               "pod_uid": "77f06c5c-4593-43e9-b970-987f6ecb825b"}, {}, "2026-05-01T10:00:00+00:00"),
    ],
    "nohang.log": [  # the second victim was spared
        Seen("nohang_kill", 5, {"pid": 27275, "comm": "Web Content", "host": "desk", "program": "nohang"},
             {"badness": 721, "signal": "SIGTERM"}, "2026-05-01T10:00:00+00:00"),
    ],
    "oomd.log": [  # the second was a dry run
        Seen("oomd_kill", 1, {"cgroup": "/system.slice/build.service", "unit": "build.service"},
             {"pressure_10s": 81.28, "pressure_300s": 42.78, "usage_bytes": 1073741824, "ruleset": "user session protection",
              "detectorgroup": "user pressure", "killer": "kill_by_memory_size_or_growth"}),
    ],
    "android-kernel.log": [
        Seen("lowmemorykiller", 1, {"pid": 2613, "comm": "d.play.games.ui"},
             {"oom_score_adj": 1000, "freed_kb": 20784, "on_behalf_comm": "kswapd0", "on_behalf_pid": 442, "cache_kb": 32112,
              "limit_kb": 32384, "min_adj": 1000, "free_kb": 17432}),
        Seen("lowmemorykiller", 6, {"pid": 21742, "comm": "externalstorage"},
             {"oom_score_adj": 1000, "freed_kb": 27320, "limit_kb": 184320, "free_kb": -1228}),
    ],
    "android-logcat.log": [
        Seen("lmkd_kill", 1, {"pid": 31312, "comm": "com.example.reader", "uid": 10199, "program": "lowmemorykiller"},
             {"oom_score_adj": 0, "rss_kb": 688076, "swap_kb": 975256, "reason": "min watermark is breached even after kill"},
             "2026-07-23T15:29:14+00:00"),
        Seen("lmkd_kill", 3, {"pid": 17757, "comm": "com.example.assistant", "uid": 1010174, "program": "lowmemorykiller"},
             {"rss_kb": 4445960, "anon_kb": 3990164, "swap_kb": 2413008,
              "reason": "device is low on swap (0kB < 49572kB) and thrashing (300%)"}, "2026-07-23T16:10:46+00:00"),
        Seen("lmkd_kill", 4, {"pid": 12336, "comm": "com.example.services", "uid": 10017, "program": "lowmemorykiller"},
             {"oom_score_adj": 902, "rss_kb": 47396, "reason": "system is under medium memory pressure oom_adj 800"},
             "2026-12-11T13:16:41+00:00"),
    ],
    "kubernetes-node.log": [
        Seen("containerd_oom", 3, {"container_id": ID, "host": "node-1", "program": "containerd"}, {},
             "2026-05-01T10:00:00+00:00"),
        Seen("systemd_unit_oom", 4, {"unit": f"cri-containerd-{ID}.scope", "container_id": ID, "host": "node-1",
                                     "program": "systemd"}, {}, "2026-05-01T10:00:00+00:00"),
        Seen("kubelet_oom", 5, {"pid": 4107, "comm": "java", "host": "node-1", "program": "kubelet"}, {},
             "2026-05-01T10:00:00+00:00"),
        Seen("conmon_oom", 6, {"container_id": ID[:20], "host": "node-1", "program": "conmon"}, {}, "2026-05-01T10:00:01+00:00"),
        # of which the kernel's log says nothing; the last line is what a web application printed
        Seen("containerd_oom", 7, {"container_id": "c0de" * 16, "host": "node-1", "program": "containerd"}, {},
             "2026-05-01T11:00:00+00:00"),
    ],
    "kubernetes-pods.json": [
        Seen("kubernetes_oomkilled", 33, {"container_id": ID, "pod_uid": POD, "host": "node-1"},
             {"pod": "web-7d9f8c6b5-x2x4z", "namespace": "shop", "container": "app", "exit_code": 137, "state": "lastState"},
             "2026-05-01T10:00:00+00:00"),
    ],
    "kubernetes-pod.yaml": [
        Seen("kubernetes_oomkilled", 22, {"container_id": ID, "pod_uid": POD, "host": "node-1"},
             {"pod": "web-7d9f8c6b5-x2x4z", "namespace": "shop", "container": "app", "exit_code": 137, "state": "lastState"},
             "2026-05-01T10:00:00+00:00"),
    ],
    "kubernetes-events.json": [  # the third is of another reason
        Seen("kubernetes_node_oom", 23, {"pid": 4107, "comm": "java", "host": "node-1"},
             {"reason": "OOMKilling", "reported_by": "kernel-monitor", "count": 1}, "2026-05-01T10:00:00+00:00"),
        Seen("kubernetes_node_oom", 48, {"pid": 3419, "comm": "go-oom-test", "host": "node-2"},
             {"reason": "SystemOOM", "reported_by": "kubelet", "count": 3, "first": "2026-05-01T10:00:00Z"},
             "2026-05-01T10:05:00+00:00"),
    ],
    "kubernetes-events.yaml": [
        Seen("kubernetes_node_oom", 20, {"pid": 4107, "comm": "java", "host": "node-1"},
             {"reason": "OOMKilling", "reported_by": "kernel-monitor"}, "2026-05-01T10:00:00+00:00"),
        Seen("kubernetes_node_oom", 36, {"host": "node-2"}, {"reason": "SystemOOM", "reported_by": "kubelet"},
             "2026-05-01T10:05:00+00:00"),
    ],
    "kubectl-describe.txt": [
        # the id that it prints is that of the container which runs now
        Seen("kubernetes_oomkilled", 14, {"host": "node-1"},
             {"pod": "web-7d9f8c6b5-x2x4z", "namespace": "shop", "container": "app", "exit_code": 137, "state": "Last State"},
             "2026-05-01T10:00:00+00:00"),
        Seen("kubelet_oom", 26, {"pid": 3419, "comm": "go-oom-test"}),
        Seen("node_problem_detector_oom", 27, {"pid": 3419, "comm": "go-oom-test"}),
        Seen("kubernetes_oomkilled", 37, {"container_id": "ef" * 32, "host": "node-2"},
             {"pod": "api-0", "container": "api", "exit_code": 137}, "2026-05-01T10:30:00+00:00"),
    ],
    "docker.txt": [
        Seen("docker_oom", 1, {"container_id": ID, "pod_uid": POD}, {"name": "web", "image": "web:1"},
             "2026-05-01T10:05:45+00:00"),
    ],
    "docker-inspect.json": [
        Seen("docker_inspect_oom", 7, {"container_id": ID}, {"container": "web", "exit_code": 137}, "2026-05-01T10:00:00+00:00"),
    ],
    "slurm.log": [
        Seen("slurm_oom", 1, {"job_id": "4711"}, {"events": 1, "job_step": "batch"}),
        Seen("slurm_oom", 3, {"job_id": "4712"}, {"events": 2, "job_step": "batch"}),
        Seen("slurm_oom", 4, {}, {"node": "node7", "tasks": "13"}),
        Seen("slurm_memory_limit", 5, {}, {"which": "step"}),
        Seen("slurm_kill", 6, {"job_id": "4713"}, {"job_step": "0", "used": "1074790400", "limit": "1073741824"}),
    ],
    "htcondor.log": [
        Seen("htcondor_oom", 2, {}, {"slot": "slot1_1@node7.example.org", "limit_mb": 9000, "usage_mb": 14326}),
    ],
    "quoted.log": [
        Seen("quoted_kill", 2, {"pid": 71, "comm": "java", "host": "web1", "program": "dmesg"}, {}, "2026-05-01T10:00:01+00:00"),
        Seen("quoted_kill", 3, {"pid": 72, "comm": "a) b), UID 7, (c"}, {}, "2026-05-01T10:00:02+00:00"),
        Seen("quoted_kill", 4, {"pid": 73, "comm": "java", "uid": 7, "host": "web1", "program": "logger"}, {},
             "2026-05-01T10:00:03+00:00"),
        Seen("quoted_kill", 5, {"pid": 74, "comm": "java", "host": "web1", "program": "shop"}, {}, "2026-05-01T10:00:04+00:00"),
        Seen("quoted_kill", 6, {"pid": 75, "comm": "java", "host": "sonic"}, {}, "2026-03-09T12:00:08+00:00"),
    ],
    "page-allocation.log": [
        Seen("page_allocation_failure", 1, {"pid": 2674, "comm": "dmwb_writeback_"}, {"order": 8, "gfp_mask": "0x204010"}),
        Seen("page_allocation_failure", 6, {"pid": 1333536, "comm": "kworker/u16:3"},
             {"order": 4, "gfp_mask": "0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO)"}),
        Seen("page_allocation_failure", 8, {"pid": 0, "comm": "swapper"}, {"order": 3}),
        Seen("oom_reaper_failure", 10, {"pid": 517, "comm": "clamd"}),
    ],
    "cgroup-hang.log": [  # the second task waits for a disk
        Seen("cgroup_oom_hang", 1, {"pid": 4711, "comm": "java", "host": "warden"},
             {"blocked_s": 120, "waits_in": "mem_cgroup_oom_synchronize"}, "2026-06-01T10:00:00+00:00"),
    ],
    "panic.log": [
        Seen("oom_panic", 1, {}, {"reason": "Out of memory: system-wide panic_on_oom is enabled"}),
    ],
    "losses-kernel.log": [  # the last line is what a process wrote that calls itself logger
        Seen("lost_reports", 1, {}, {"function": "oom_kill_process", "count": 23}),
        Seen("lost_printk", 2, {}, {"count": 127}),
        Seen("lost_callbacks", 3, {}, {"function": "net_ratelimit", "count": 5}),
        Seen("lost_callbacks", 4, {"comm": "systemd"}, {"count": 18}),
        Seen("lost_journal_overrun", 5, {"program": "systemd-journald"}),
    ],
    "losses-kmsg.log": [
        Seen("lost_kmsg", 4, {}, {"count": 2, "after_seq": 1000, "before_seq": 1003}),
    ],
    "losses-ring.log": [
        Seen("lost_head", 1, {}),
    ],
    "losses-syslog.log": [
        Seen("lost_journal_kernel", 1, JOURNALD, {"count": 1427}, "2026-05-01T10:00:00+00:00"),
        Seen("lost_journal_rate", 2, {"host": "web1", "program": "journal", "cgroup": "/system.slice/web.service",
                                      "unit": "web.service"}, {"count": 917}, "2026-05-01T10:00:01+00:00"),
        Seen("lost_journal_forward", 3, JOURNALD, {"count": 8}, "2026-05-01T10:00:02+00:00"),
        Seen("lost_journal_file", 4, JOURNALD, {"file": "/var/log/journal/1064eace00dd4e3d/system.journal"},
             "2026-05-01T10:00:03+00:00"),
        Seen("lost_rsyslog", 5, {"host": "web1", "program": "rsyslogd-2177", "pid": 2547}, {"count": 228, "input": "imuxsock"},
             "2026-05-01T10:00:04+00:00"),
        Seen("lost_rsyslog", 6, RSYSLOGD, {"count": 84667, "input": "imjournal", "allowed": 20000, "interval_s": 600},
             "2026-05-01T10:00:05+00:00"),
        Seen("lost_rsyslog", 7, RSYSLOGD, {"input": "imjournal"}, "2026-05-01T10:00:06+00:00"),
        Seen("lost_rsyslog_action", 8, RSYSLOGD, {"action": "action-8-builtin:omfwd", "module": "builtin:omfwd"},
             "2026-05-01T10:00:07+00:00"),
        Seen("lost_syslog_ng", 9, {"host": "web1", "program": "syslog-ng"}, {"total_dropped": 15}, "2026-05-01T10:00:08+00:00"),
    ],
}  # fmt: skip
