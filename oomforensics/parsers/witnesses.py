"""What the other killers and witnesses write, one entry a kind.

A new one is one entry here, and its lines in fixtures/witnesses/.

Names (`comm`, control groups, command lines) are anybody's choice: patterns hold on to the fixed words around them, and
a process's name is at most 15 bytes.
"""

from __future__ import annotations

import re

from oomforensics.parsers.loss_notices import NOTICES
from oomforensics.parsers.witness import Event, Says, Speaker, Witness, take


def _rx(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL | re.ASCII)


_COMM = r"(?P<comm>[^\n]{0,60}?)"
_UNIT = r"(?P<unit>[^\s/]{1,255}\.(?:service|scope|slice|socket|mount|swap))"
_CONTAINER = r"(?P<container_id>[0-9A-Za-z][\w.-]{0,127})"
_KUBERNETES = ("k3s", "rke2", "k0s")  # containerd and kubelet in one program
_NO_KEY = r'^(?!\s*"?message"?: )'  # of an event that lies in a document, which is read as a whole
_MAX_CANDIDATES = 100


def _candidate(event: Event, match: re.Match[str]) -> None:
    """One line of systemd-oomd's ranking."""
    said = match.groupdict()
    ranking = event.detail.setdefault("candidates", [])
    if said.get("path") is not None:
        if len(ranking) < _MAX_CANDIDATES:
            ranking.append({"cgroup": said["path"]})
    elif said.get("key") is not None:
        if ranking:
            ranking[-1][said["key"].lower().replace(" ", "_")] = said["value"]
    else:
        take(event, match)


_ATTRIBUTE = re.compile(r"[(,] ?(io\.kubernetes\.pod\.uid|io\.kubernetes\.pod\.name|name|image)=([^,)]*)")


def _docker(event: Event, match: re.Match[str]) -> None:
    take(event, match)
    event.host = None  # what stands where a syslog has its host is the type of the object
    attributes = dict(_ATTRIBUTE.findall(match[0]))
    event.pod_uid = attributes.pop("io.kubernetes.pod.uid", None)
    event.detail.update({name.rpartition(".")[2]: value for name, value in attributes.items()})


WITNESSES: tuple[Witness, ...] = (
    # -- the kernel --------------------------------------------------------------------------------------------------
    Witness(
        "page_allocation_failure", Says.WARNING, None, Speaker.KERNEL,
        ("page allocation failure", "page allocation stalls"),
        (
            _rx(rf"^{_COMM}: page allocation failure[.:] order:(?P<order>\d+), mode:(?P<gfp_mask>0x[0-9a-f]+(?:\([^()]*\))?)"),
            _rx(rf"^{_COMM}: page allocation stalls for (?P<stalled_ms>\d+)ms, order:(?P<order>\d+),"
                r" mode:(?P<gfp_mask>0x[0-9a-f]+(?:\([^()]*\))?)"),
        ),
        (
            "kworker/u16:3: page allocation failure: order:4, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO),"
            " nodemask=(null),cpuset=/,mems_allowed=0",
            "java: page allocation failure: order:0, mode:0x2084120(GFP_ATOMIC|__GFP_COLD|__GFP_COMP)",
            "swapper/21: page allocation failure: order:0, mode:0x20",
            "swapper: page allocation failure. order:3, mode:0x4020",
            "java: page allocation stalls for 10004ms, order:0, mode:0x14200ca(GFP_HIGHUSER_MOVABLE), nodemask=(null)",
        ),
        more=(_rx(r"^(?:CPU: \d+ (?:UID: \d+ )?PID:|Pid:) (?P<pid>\d+)\b"),), reach=3,
    ),
    Witness(
        "oom_reaper_failure", Says.WARNING, None, Speaker.KERNEL, ("unable to reap",),
        (_rx(r"^oom_reaper: unable to reap pid:(?P<pid>\d+) \((?P<comm>.{0,60})\)\s*$"),),
        ("oom_reaper: unable to reap pid:517 (clamd)",),
        rare=True,
    ),
    Witness(  # mm/memcontrol.c waits here when memory.oom_control says oom_kill_disable 1
        "cgroup_oom_hang", Says.WARNING, None, Speaker.KERNEL, ("blocked for more than",),
        (_rx(r"^INFO: task (?P<comm>.{0,60}):(?P<pid>\d+) blocked for more than (?P<blocked_s>\d+) seconds"),),
        ("INFO: task java:4711 blocked for more than 120 seconds.",),
        more=(_rx(r"\b(?P<waits_in>mem_cgroup_(?:oom_synchronize|handle_oom|oom_wait))(?:\.\w+)*\+0x"),), reach=64,
        needs="waits_in",
    ),
    Witness(
        "oom_panic", Says.WARNING, None, Speaker.KERNEL, ("out of memory", "Out of memory", "deadlocked on memory"),
        (_rx(r"^Kernel panic - not syncing: (?P<reason>[Oo]ut of memory.*|System is deadlocked on memory.*)$"),),
        (
            "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled",
            "Kernel panic - not syncing: System is deadlocked on memory",
        ),
    ),
    Witness(  # drivers/staging/android/lowmemorykiller.c, up to 4.11; vendors changed it at will
        "lowmemorykiller", Says.KILL, "lowmemorykiller", Speaker.KERNEL, ("lowmemorykiller: ",),
        (
            _rx(r"^lowmemorykiller: Killing '(?P<comm>.{0,60})' \((?P<pid>\d+)\)(?: \(tgid \d+\))?,"
                r" (?:adj -?\d+, (?=score_adj))?(?:oom_score_|score_)?adj (?P<oom_score_adj>-?\d+)(?: \(oom_adj -?\d+\))?,?"),
            _rx(r"^lowmemorykiller: send sigkill to (?P<pid>\d+) \((?P<comm>.{0,60})\), (?:oom_)?adj (?P<oom_adj>-?\d+),"
                r".* size (?P<size_pages>\d+)"),
        ),
        (
            "lowmemorykiller: Killing 'd.play.games.ui' (2613), adj 1000,",
            "lowmemorykiller: Killing 'externalstorage' (21742), adj 15, score_adj 1000,",
            "lowmemorykiller: Killing 'externalstorage' (21742), oom_score_adj 1000 (oom_adj 15),",
            "lowmemorykiller: send sigkill to 1532 (com.example.app), adj 15, size 5210",
        ),
        more=(
            _rx(r"^\s*to free (?P<freed_kb>\d+)kB(?: \([^()]*\))? on behalf of '(?P<on_behalf_comm>.{0,60})'"
                r" \((?P<on_behalf_pid>\d+)\) because"),
            _rx(r"^\s*cache (?P<cache_kb>-?\d+)kB is below limit (?P<limit_kb>-?\d+)kB for oom_score_adj (?P<min_adj>-?\d+)"),
            _rx(r"^\s*Free memory is (?P<free_kb>-?\d+)kB above reserved"),
        ),
        reach=4,
    ),
    # -- killers in user space ---------------------------------------------------------------------------------------
    Witness(
        "systemd_oomd_kill", Says.KILL, "systemd-oomd", Speaker.PROGRAM, (" due to ",),
        (
            _rx(r"^(?:Killed|Marked) (?P<cgroup>/.*?) (?:for killing )?due to memory pressure for (?P<monitored_cgroup>/.*) being"
                r" (?P<pressure_percent>[\d.]+)% > (?P<limit_percent>[\d.]+)% for > (?P<duration>.*) with reclaim activity"),
            _rx(r"^(?:Killed|Marked) (?P<cgroup>/.*?) (?:for killing )?due to (?:memory used \((?P<memory_used_bytes>\d+)\)"
                r" / total \((?P<memory_total_bytes>\d+)\) and )?swap used \((?P<swap_used_bytes>\d+)\)"
                r" / total \((?P<swap_total_bytes>\d+)\) being more than (?P<limit_percent>[\d.]+)%"),
            _rx(r"^(?:Killed|Marked) (?P<cgroup>/.*?) (?:for killing )?due to (?P<reason>.*)$"),
        ),
        (
            "Killed /user.slice/user-1000.slice/user@1000.service/app.slice/app-code-892075.scope due to memory pressure for"
            " /user.slice/user-1000.slice/user@1000.service being 59.83% > 50.00% for > 20s with reclaim activity",
            "Killed /system.slice/build.service due to memory used (22369452032) / total (24681861120) and swap used"
            " (8589910016) / total (8589930496) being more than 90.00%",
            "Killed /system.slice/build.service due to swap used (8589910016) / total (8589930496) being more than 90%",
            "Marked /system.slice/build.service for killing due to memory pressure for /system.slice being 82.63% > 60.00%"
            " for > 30s with reclaim activity",  # 259 and later
            "Killed /system.slice/build.service due to rule web",
        ),
        programs=frozenset({"systemd-oomd"}),
    ),
    Witness(
        "systemd_oomd_ranking", Says.WARNING, None, Speaker.PROGRAM, ("cgroups for killing, top candidates were:",),
        (_rx(r"^Considered (?P<considered>\d+) cgroups for killing, top candidates were:"),),
        ("Considered 60 cgroups for killing, top candidates were:",),
        programs=frozenset({"systemd-oomd"}),
        more=(
            _rx(r"^\s+Path: (?P<path>/.*)$"),
            _rx(r"^\s+(?P<key>Memory Pressure Limit|Pressure|Current Memory Usage|Memory Min|Memory Low|Pgscan|Last Pgscan"
                r"|Swap Usage): (?P<value>.{0,200})$"),
        ),
        reach=1000, fold=_candidate,
    ),
    Witness(
        "earlyoom_kill", Says.KILL, "earlyoom", Speaker.PROGRAM, ("sending SIG", " with signal "),
        (
            _rx(rf'^sending (?P<signal>SIGTERM|SIGKILL) to process (?P<pid>\d+) (?:uid (?P<uid>\d+) )?"{_COMM}":'
                r' badness (?P<badness>-?\d+), VmRSS (?P<rss_mib>\d+) MiB'),
            _rx(rf'^sending (?P<signal>SIGTERM|SIGKILL) to process (?P<pid>\d+) uid (?P<uid>\d+) "{_COMM}":'
                r' oom_score (?P<oom_score>-?\d+), (?:oom_score_adj (?P<oom_score_adj>-?\d+), )?VmRSS (?P<rss_mib>\d+) MiB'
                r'(?:, cmdline "(?P<cmdline>.*)")?'),
            # Early ones, as their users show them: the source that prints them was not read.
            _rx(rf'^killing process (?P<pid>\d+) "{_COMM}" with signal (?P<signal_number>\d+): badness (?P<badness>-?\d+),'
                r' VmRSS (?P<rss_mib>\d+) MiB'),
            _rx(rf"^Killing process '{_COMM}' with signal (?P<signal_number>\d+), pid: (?P<pid>\d+),"
                r" badness: (?P<badness>-?\d+), VmRSS: (?P<rss_mib>\d+) MiB"),
        ),
        (
            'sending SIGTERM to process 1985588 uid 1000 "(sd-pam)": badness 733, VmRSS 3 MiB',
            'killing process 27541 "bash" with signal 15: badness 550, VmRSS 7609 MiB',
            "Killing process 'tail' with signal 15, pid: 24059, badness: 997, VmRSS: 4278 MiB",
            'sending SIGKILL to process 3213 "chrome": badness 863, VmRSS 300 MiB',  # up to 1.5
            'sending SIGTERM to process 4107 uid 1000 "java": oom_score 902, VmRSS 5120 MiB, cmdline "java -Xmx8g -jar a.jar"',
            'sending SIGTERM to process 4107 uid 1000 "java": oom_score 902, oom_score_adj 0, VmRSS 5120 MiB, cmdline "java"',
        ),
        programs=frozenset({"earlyoom"}),
    ),
    Witness(
        "nohang_kill", Says.KILL, "nohang", Speaker.PROGRAM, (", badness: ",),
        (_rx(r"^\s*PID: (?P<pid>\d+), Name: (?P<comm>[^\n]{0,60}), badness: (?P<badness>-?\d+)"),),
        ("  PID: 27275, Name: Web Content, badness: 721",),
        programs=frozenset({"nohang", "nohang-desktop"}),
        more=(_rx(r"^\s*Sending (?P<signal>SIGTERM|SIGKILL) to the victim"),), reach=100, needs="signal",
    ),
    Witness(  # src/oomd/plugins/BaseKillPlugin.cpp writes to /dev/kmsg; what stands after "(dry)" was not killed
        "oomd_kill", Says.KILL, "oomd", Speaker.ANY, ("oomd kill: ",),
        (
            _rx(r"^oomd kill: (?P<pressure_10s>[\d.]+) (?P<pressure_60s>[\d.]+) (?P<pressure_300s>[\d.]+)"
                r" (?P<cgroup>.{0,4096}?\S) +(?P<usage_bytes>\d+)"
                r" (?:ruleset:\[(?P<ruleset>.{0,200}?)\] detectorgroup:\[(?P<detectorgroup>.{0,200}?)\]"
                r"|detector:(?P<detector>\S*)) killer:(?!\(dry\))(?P<killer>\S{1,100})(?: v2)?\s*$"),
        ),
        (
            "oomd kill: 46.46 10.00 3.00 system.slice/build.service 1073741824 ruleset:[user session protection]"
            " detectorgroup:[pressure is high] killer:kill_by_memory_size_or_growth v2",
            "oomd kill: 10.00 60.00 600.00 system.slice/build.service  1999 detector:swap,12345MB killer:default",
        ),
    ),
    Witness(  # machined's (1.12) in the kernel's log, as its users show it; which processes there were is another line
        "talos_kill", Says.KILL, "talos", Speaker.ANY, ("[talos] Sending SIGKILL to cgroup ",),
        (_rx(r'^\[talos\] Sending SIGKILL to cgroup \{[^{}\n]{0,200}"cgroup": "(?:/sys/fs/cgroup)?(?P<cgroup>/[^"]{1,4096})"'),),
        (
            '[talos] Sending SIGKILL to cgroup {"component": "controller-runtime", "controller": "runtime.OOMController",'
            ' "cgroup": "/sys/fs/cgroup/kubepods/burstable/pod77f06c5c-4593-43e9-b970-987f6ecb825b"}',
        ),
        programs=frozenset({"talos"}),
    ),
    Witness(
        "lmkd_kill", Says.KILL, "lmkd", Speaker.PROGRAM, ("Kill '", "Killing '"),
        (
            _rx(r"^(?:lowmemorykiller: )?Kill '(?P<comm>.{0,100})' \((?P<pid>\d+)\), uid (?P<uid>\d+), oom_(?:score_)?adj"
                r" (?P<oom_score_adj>-?\d+) to free (?P<rss_kb>\d+)kB(?: rss,(?: (?P<anon_kb>\d+)kB anon rss,)?"
                r" (?P<swap_kb>\d+)kB swap)?[^;]*(?:; reason: (?P<reason>.*))?$"),
            _rx(r"^(?:lowmemorykiller: )?Killing '(?P<comm>.{0,100})' \((?P<pid>\d+)\), uid (?P<uid>\d+), adj"
                r" (?P<oom_score_adj>-?\d+)\s*$"),
        ),
        (
            "Kill 'com.example.app' (31312), uid 10199, oom_score_adj 900 to free 688076kB rss, 975256kB swap;"
            " reason: min watermark is breached even after kill",
            "Kill 'com.example.app' (16350), uid 10230, oom_score_adj 0 to free 218864kB rss, 121616kB anon rss, 32012kB swap,"
            " 0kB dmabuf_pss, 0kB dmabuf_rss; reason: min watermark is breached and swap is low (35360kB < 37744kB)",
            "Kill 'com.example.app' (3521), uid 10123, oom_adj 900 to free 53468kB",
            "Killing 'com.example.app' (12336), uid 10017, adj 902",
        ),
        programs=frozenset({"lowmemorykiller", "lmkd"}),
        more=(_rx(r"^\s*to free (?P<rss_kb>\d+)kB because (?P<reason>.*)$"),), reach=1,
    ),
    Witness(
        "slurm_kill", Says.KILL, "slurm", Speaker.PROGRAM, ("memory limit (",),
        (
            _rx(r"\berror: (?:\*{3} )?(?:StepId=|Step |JobId=|Job )(?P<job_id>\d+)(?:_\d+)?(?:\.(?P<job_step>[\w+]{1,32}))?"
                r" exceeded (?P<which>(?:virtual )?memory limit) \((?P<used>\d+) > (?P<limit>\d+)\), being killed"),
        ),
        (
            "slurmstepd: error: StepId=4711.0 exceeded memory limit (1074790400 > 1073741824), being killed",
            "slurmstepd: error: Job 4711 exceeded memory limit (1052672 > 1048576), being killed",
        ),
        programs=frozenset({"slurmstepd", "slurmd", "srun"}),
        rare=True,
    ),
    # -- witnesses in user space: what they say is a claim -----------------------------------------------------------
    Witness(
        "systemd_unit_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("OOM killer",),
        (
            _rx(rf"^{_UNIT}: (?:A process of this unit has been killed by the OOM killer"
                r"|The kernel OOM killer killed some processes in this unit)"),
        ),
        (
            "php8.2-fpm.service: A process of this unit has been killed by the OOM killer.",
            "app-org.kde.konsole-10418.scope: The kernel OOM killer killed some processes in this unit.",  # 254 and later
        ),
        programs=frozenset({"systemd"}),
    ),
    Witness(
        "systemd_unit_oomd", Says.CLAIM, "systemd-oomd", Speaker.PROGRAM, (": systemd-oomd killed ",),
        (_rx(rf"^{_UNIT}: systemd-oomd killed (?:some|(?P<killed>\d+)) process\(es\) in this unit"),),
        (
            "app-code-892075.scope: systemd-oomd killed some process(es) in this unit.",
            "app-code-892075.scope: systemd-oomd killed 147 process(es) in this unit.",
        ),
        programs=frozenset({"systemd"}),
    ),
    Witness(  # the same words after a kill by the kernel and by systemd-oomd
        "systemd_unit_result", Says.CLAIM, None, Speaker.PROGRAM, ("with result 'oom-kill'",),
        (_rx(rf"^{_UNIT}: Failed with result 'oom-kill'"),),
        ("php8.2-fpm.service: Failed with result 'oom-kill'.",),
        programs=frozenset({"systemd"}),
    ),
    Witness(  # also in the events of a node, which anybody may pass on
        "kubelet_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("System OOM encountered",),
        (
            _rx(rf"{_NO_KEY}.*?System OOM encountered, victim process: (?P<comm>[^\n]{{0,60}}), pid: (?P<pid>\d+)"),
            _rx(rf"{_NO_KEY}.*?System OOM encountered"),  # up to 1.14
        ),
        (
            'I0501 10:00:00.123456    1234 event.go:307] "Event occurred" object="node-1" fieldPath="" kind="Node"'
            ' apiVersion="" type="Warning" reason="SystemOOM" message="System OOM encountered, victim process: java, pid: 4107"',
            "  Warning  SystemOOM  6m57s  kubelet  System OOM encountered, victim process: go-oom-test, pid: 3419",
            "Warning SystemOOM System OOM encountered",
        ),
    ),
    Witness(  # repeats the kernel's line as an event of the node
        "node_problem_detector_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("OOMKilling",),
        (_rx(r"\bOOMKilling\b.*?\bKill(?:ed)? process (?P<pid>\d+) \((?P<comm>.{0,60}?)\)(?: |,|$)"),),
        (
            "  Warning  OOMKilling  3m56s  kernel-monitor  Out of memory: Killed process 3103923 (stress-ng-vm)"
            " total-vm:15791416kB, anon-rss:14369596kB, file-rss:4kB, shmem-rss:36kB, UID:0 pgtables:28184kB oom_score_adj:1000",
        ),
    ),
    Witness(  # either of them as a document: `kubectl get events -o json` and `-o yaml`
        "kubernetes_node_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("OOMKilling", "SystemOOM"),
        (
            _rx(r'^\s*(?:- )?"?reason"?:\s+"?(?:OOMKilling|SystemOOM)"?,?\s*$'),
            _rx(r'^[{\[].*"reason":\s?"(?:OOMKilling|SystemOOM)"'),
        ),
        (
            '            "reason": "OOMKilling",', "  reason: SystemOOM",
            '{"count":1,"reason":"SystemOOM","type":"Warning"}',
        ),
        document=True,
    ),
    Witness(
        "containerd_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("TaskOOM event",),
        (
            _rx(rf'^(?:time="(?P<time>[^"]{{10,40}})" level=\w+ msg=")?TaskOOM event '
                rf'(?:container_id:\\?"|&TaskOOM\{{ContainerID:){_CONTAINER}'),
        ),
        (
            'time="2026-05-01T10:00:00.578084676Z" level=info msg="TaskOOM event container_id:\\"9192cb33411ff69d015a3577\\""',
            'time="2026-05-01T10:00:00.578084676Z" level=info msg="TaskOOM event &TaskOOM{ContainerID:a38973e2086019e641125,'
            'XXX_unrecognized:[],}"',
        ),
        programs=frozenset({"containerd", "dockerd", "microk8s.daemon-containerd", *_KUBERNETES}),
    ),
    Witness(  # conmon cuts the container's id to 20 characters
        "conmon_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, (">: OOM ",),
        (_rx(r"^conmon (?P<container_id>[0-9a-f]{8,64}) <\w+>: OOM (?:event )?received"),),
        ("conmon 9192cb33411ff69d015a <ninfo>: OOM event received", "conmon 9192cb33411ff69d015a <ninfo>: OOM received"),
        programs=frozenset({"conmon", "crio", "podman"}),
    ),
    Witness(  # `docker events`; `docker inspect` is a document
        "docker_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("oom ",),
        (_rx(r"^(?:container )?oom (?P<container_id>[0-9a-f]{64}) \(.*\)\s*$"),),
        (f"oom {'29d72966e0beb17d' * 4} (image=web:1, name=web)",),
        fold=_docker, rare=True,
    ),
    Witness(
        "docker_inspect_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("OOMKilled",),
        (_rx(r'^\s*"?OOMKilled"?: true,?\s*$'),), ('            "OOMKilled": true,',), document=True,
    ),
    Witness(
        "kubernetes_oomkilled", Says.CLAIM, "kernel", Speaker.PROGRAM, ("OOMKilled",),
        (_rx(r'^\s*(?:- )?"?[Rr]eason"?:\s+"?OOMKilled"?,?\s*$'), _rx(r'^[{\[].*"reason":\s?"OOMKilled"')),
        (
            '                            "reason": "OOMKilled",', "        reason: OOMKilled", "      Reason:       OOMKilled",
            '{"terminated":{"exitCode":137,"reason":"OOMKilled"}}',
        ),
        document=True,
    ),
    Witness(
        "slurm_oom", Says.CLAIM, "kernel", Speaker.PROGRAM, ("oom-kill event", "oom_kill event", "Out Of Memory"),
        (
            _rx(r"\berror: Detected (?P<events>\d+) oom[-_]kill events?(?:\(s\))? in (?:StepId=|step )(?P<job_id>\d+)"
                r"(?:_\d+)?(?:\+\d+)?(?:\.(?P<job_step>[\w+]{1,32}))?"),
            _rx(r"^srun: error: (?P<node>\S{1,255}): tasks? (?P<tasks>[\d,-]+): Out Of Memory"),
        ),
        (
            "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=4711.batch cgroup. Some of your processes may have been"
            " killed by the cgroup out-of-memory handler.",
            "slurmstepd: error: Detected 3 oom-kill event(s) in step 4711.0 cgroup.",
            "[2026-05-01T10:00:00.229] [4711.batch] error: Detected 1 oom_kill event in StepId=4711.batch. Some of the step tasks"
            " have been OOM Killed.",
            "srun: error: node7: task 13: Out Of Memory",
        ),
    ),
    Witness(
        "slurm_memory_limit", Says.WARNING, None, Speaker.PROGRAM, ("memory limit at some point",),
        (_rx(r"^(?:slurmstepd: )?(?:error: )?Exceeded (?P<which>step|job) memory limit at some point"),),
        ("slurmstepd: error: Exceeded step memory limit at some point.",),
        rare=True,
    ),
    Witness(  # the job is held, not ended; the kernel may have killed in it or not
        "htcondor_oom", Says.CLAIM, None, Speaker.PROGRAM, ("memory limit of", "out-of-memory event"),
        (
            _rx(r"(?:Error from (?P<slot>slot\S{1,255}): )?(?:Docker j|J)ob has gone over (?:cgroup )?memory limit of"
                r" (?P<limit_mb>\d+) (?:megabytes|Mb)(?:\. +(?:Peak|Last measured) usage: (?P<usage_mb>\d+) megabytes)?"),
            _rx(r"\bJob has encountered an out-of-memory event"),
        ),
        (
            "Error from slot1_1@node7.example.org: Job has gone over cgroup memory limit of 9000 megabytes. Last measured usage:"
            " 14326 megabytes.  Consider resubmitting with a higher request_memory.",
            "Job was held due to OOM event: Job has gone over memory limit of 2048 megabytes. Peak usage: 2048 megabytes.",
            "Docker job has gone over memory limit of 16384 Mb, going on hold",
            "Job was held due to OOM event: Job has encountered an out-of-memory event.",
        ),
        rare=True,
    ),
    # -- whoever repeats what the kernel says, or makes it up --------------------------------------------------------
    Witness(  # no death is believed for it, but that it stands there is said
        "quoted_kill", Says.WARNING, None, Speaker.STRANGER, ("Killed process",),
        (_rx(r"^(?:[\w.<>/-]{1,64}:? ){0,3}(?:\[ *\d{1,7}\.\d{6}\] )?"
             r"(?:(?:Out of memory|Memory cgroup out of memory)[^:]{0,40}: )?"
             r"Killed process (?P<pid>\d{1,10})(?:,? ?UID[: ](?P<uid>\d{1,10}),?)? \((?P<comm>.{1,60}?)\),?"
             r" (?:total-vm|vsz|anon-rss):\d"),),
        (
            "[   31.657367] Out of memory: Killed process 4107 (java) total-vm:8391204kB, anon-rss:5242880kB, file-rss:0kB",
            "Memory cgroup out of memory: Killed process 71, UID 0, (java) total-vm:8391204kB, anon-rss:5242880kB, file-rss:0kB",
        ),
        at_most=1000,
    ),
    # -- lines that were lost ----------------------------------------------------------------------------------------
    *NOTICES,
)  # fmt: skip
BY_NAME = {witness.name: witness for witness in WITNESSES}
