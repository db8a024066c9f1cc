"""From the stage's stream of blobs to a fixture: kmsg, dmesg.log and truth.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kernels.play import watched_files
from tests.kernels.scenario import Cgroup, Kind, Scenario

_BLOB = re.compile(rb"%([^\n]*) (\d+)\n")
_KMSG_HEAD = re.compile(rb"(\d+),(\d+),(\d+),([^;]*);")
_PRIORITY = re.compile(rb"^<\d+>", re.MULTILINE)
_STAMP = re.compile(rb"\[ *(\d+)\.(\d{6})\] ")
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_TRACE_ASK = re.compile(
    r"^ *(.*?-\d+) +\[\d+\] .*? +(\d+)\.(\d+): ask: \(.*?\) pid=(-?\d+) comm=((?s:.*?)) total=(\d+)$",
    re.MULTILINE,
)
_TRACE_ANSWER = re.compile(r"^ *(.*?-\d+) +\[\d+\] .*? +(\d+)\.(\d+): answer: \(.*?\) points=(-?\d+)$", re.MULTILINE)
_TRACE_VICTIM = re.compile(r": mark_victim: pid=(\d+)")
_INELIGIBLE = -(2**31)


class IncompleteRun(Exception):
    """The guest ended before it could tell what the scenario is about."""


@dataclass(frozen=True)
class Blobs:
    """What the stage wrote: names with contents, in order, names may repeat."""

    items: tuple[tuple[str, bytes], ...]

    @classmethod
    def read(cls, raw: bytes) -> Blobs:
        items: list[tuple[str, bytes]] = []
        at = 0
        while match := _BLOB.match(raw, at):
            size = int(match.group(2))
            items.append((match.group(1).decode(errors="surrogateescape"), raw[match.end() : match.end() + size]))
            at = match.end() + size + 1
        return cls(tuple(items))

    def every(self, name: str) -> Iterator[bytes]:
        return (data for key, data in self.items if key == name)

    def since_the_freeze(self, name: str) -> Iterator[bytes]:
        """The log is kept from there on, too: a kill while the population grew is in neither."""
        frozen = next(at for at, (key, _) in enumerate(self.items) if key == "frozen_at")
        return (data for key, data in self.items[frozen:] if key == name)

    def last(self, name: str) -> bytes | None:
        return next((data for key, data in reversed(self.items) if key == name), None)

    def text(self, name: str) -> str:
        return (self.last(name) or b"").decode(errors="surrogateescape")


def _status(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields[key] = value.strip(" \t")
    return fields


def _kb(fields: dict[str, str], key: str) -> int | None:
    value = fields.get(key)
    return int(value.split()[0]) if value else None


def _number(text: str) -> int | None:
    return int(text) if text.strip() else None


@dataclass(frozen=True)
class Played:
    """An actor with the pids it got."""

    index: int
    pid: int
    child: int
    kind: Kind


def _played(blobs: Blobs, scenario: Scenario) -> list[Played]:
    return [
        Played(int(index), int(pid), int(child), scenario.actors[int(index)].kind)
        for index, pid, child, _ in (data.decode().split() for data in blobs.every("actor"))
    ]


def _comms(played: list[Played], scenario: Scenario) -> dict[int, str]:
    comms: dict[int, str] = {}
    for actor in played:
        comms[actor.pid] = scenario.actors[actor.index].comm.decode(errors="surrogateescape")
        if actor.child:
            comms[actor.child] = "vforked"
    return comms


def _processes(blobs: Blobs, comms: dict[int, str], vforked: set[int]) -> list[dict[str, Any]]:
    leaves: dict[int, dict[str, str]] = {}
    for name, data in blobs.items:
        if name.startswith("frozen/"):
            _, number, below = name.split("/", 2)
            leaves.setdefault(int(number), {})[below] = data.decode(errors="surrogateescape")
    processes = []
    for pid, leaf in sorted(leaves.items()):
        own = _status(leaf["status"])
        tasks = [_status(text) for name, text in leaf.items() if name.startswith("task/")]
        memory = next((task for task in tasks if "VmSize" in task), own)
        cgroup = leaf.get("cgroup", "").splitlines()
        process: dict[str, Any] = {
            "pid": pid,
            "tgid": int(own["Tgid"]),
            "ppid": int(own["PPid"]),
            "uid": int(own["Uid"].split()[0]),
            "comm": comms.get(pid, own["Name"]),
            "oom_score": _number(leaf.get("oom_score", "")),
            "oom_score_adj": _number(leaf.get("oom_score_adj", "")),
            "rss_anon_kb": _kb(memory, "RssAnon"),
            "rss_file_kb": _kb(memory, "RssFile"),
            "rss_shmem_kb": _kb(memory, "RssShmem"),
            "vm_swap_kb": _kb(memory, "VmSwap"),
            "vm_pte_kb": _kb(memory, "VmPTE"),
            "vm_size_kb": _kb(memory, "VmSize"),
            "threads": int(own["Threads"]),
            "vfork": pid in vforked,
            "leader_exited": bool(tasks) and "VmSize" not in own,
            "cgroup": next((line.split(":", 2)[2] for line in cgroup if ":memory:" in line or line[:3] == "0::"), None),
        }
        if tasks:
            process["tids"] = sorted(int(task["Pid"]) for task in tasks)
        processes.append(process)
    return processes


def _killed(blobs: Blobs, comms: dict[int, str], processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reaped: set[int] = set()
    killed: list[int] = []
    for data in blobs.since_the_freeze("death"):
        pid, status, by_lab = data.decode().split()
        reaped.add(int(pid))
        if int(status, 16) & 0x7F == 9 and not int(by_lab):
            killed.append(int(pid))
    alive = {int(pid) for pid, zombie in (data.decode().split() for data in blobs.every("alive")) if zombie == "0"}
    for process in processes:
        pid = process["pid"]
        if alive and pid not in alive and pid not in reaped:
            killed.append(pid)
    return [{"pid": pid, "comm": comms.get(pid)} for pid in killed]


def _vmstat(text: str) -> int | None:
    found = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
    return int(found.group(1)) if found else None


def _cgroup(blobs: Blobs, scenario: Scenario, root: str) -> dict[str, Any] | None:
    if scenario.cgroup is Cgroup.NONE:
        return None

    def side(when: str, group: str) -> dict[str, str]:
        files = ((leaf, blobs.last(f"{when}:{root}/{group}/{leaf}")) for leaf in watched_files(scenario.cgroup))
        return {leaf: raw.decode() for leaf, raw in files if raw is not None}

    base = "" if root == "/cg" else "/" + root.rpartition("/")[2]
    return {
        "version": scenario.cgroup.value,
        "path": f"{base}/{scenario.victim_group}",
        "before": side("frozen", scenario.victim_group),
        "after": side("after", scenario.victim_group),
        "groups": [
            {"path": f"{base}/{group.path}", "limit_mib": group.limit, "swap_mib": group.swap}
            for group in scenario.groups
        ],
    }


def _oracle(blobs: Blobs) -> list[dict[str, Any]] | None:
    text = blobs.text("trace")
    if "answer:" not in text:
        return None
    events: list[tuple[int, re.Match[str]]] = [(m.start(), m) for m in _TRACE_ASK.finditer(text)]
    events += [(m.start(), m) for m in _TRACE_ANSWER.finditer(text)]
    events += [(m.start(), m) for m in _TRACE_VICTIM.finditer(text)]
    asked: dict[str, re.Match[str]] = {}
    seen: set[int] = set()
    decided = False
    round_number = 1
    rows = []
    for _, match in sorted(events, key=lambda event: event[0]):
        task = match.group(1)
        if match.re is _TRACE_VICTIM:
            decided = True
            continue
        if match.re is _TRACE_ASK:
            asked[task] = match
            continue
        question = asked.pop(task, None)
        if question is None or int(match.group(4)) < _INELIGIBLE:
            continue
        pid = int(question.group(4))
        if pid in seen or (decided and seen):
            seen.clear()
            round_number += 1
        decided = False
        seen.add(pid)
        rows.append(
            {
                "round": round_number,
                "usec": int(question.group(2)) * 1_000_000 + int(question.group(3)),
                "pid": pid,
                "comm": "" if question.group(5) == "(fault)" else question.group(5)[1:-1],
                "points": int(match.group(4)),
                "totalpages": int(question.group(6)),
            }
        )
    return rows


def _first_usec(kmsg: bytes) -> int | None:
    times = [int(m.group(3)) for m in map(_KMSG_HEAD.match, kmsg.splitlines()) if m]
    return times[1] if len(times) > 1 and b";Linux version " in kmsg.splitlines()[0] else next(iter(times), None)


def dmesg_from_syslog(syslog: bytes, kmsg: bytes) -> bytes | None:
    """The syslog(2) buffer without priorities, from the first kept record on; None if its head is gone."""
    start = _first_usec(kmsg)
    if start is None:
        return None
    lines = _PRIORITY.sub(b"", syslog).split(b"\n")
    stamps = [(int(m.group(1)) * 1_000_000 + int(m.group(2)) if m else None) for m in map(_STAMP.match, lines)]
    first = next((n for n, stamp in enumerate(stamps) if stamp is not None and stamp >= start), None)
    if first is None or first == 0:
        return None
    banner = [line for line in lines[:first] if b"] Linux version " in line]
    banner += dmesg_from_kmsg(kmsg.split(b"\n", 1)[0]).splitlines() if b";Linux version " in kmsg[:200] else []
    return b"\n".join(banner[:1] + lines[first:])


def dmesg_from_kmsg(kmsg: bytes) -> bytes:
    """What syslog(2) would have shown of these records: a time stamp on each line of each record."""
    made: list[bytes] = []
    for line in kmsg.split(b"\n"):
        head = _KMSG_HEAD.match(line)
        if not head:
            continue
        usec = int(head.group(3))
        text = _ESCAPE.sub(lambda m: bytes([int(m.group(1), 16)]), line[head.end() :])
        stamp = b"[%5d.%06d] " % divmod(usec, 1_000_000)
        made.extend(stamp + part for part in text.split(b"\n"))
    return b"\n".join(made) + b"\n"


def dmesg_from_console(console: bytes) -> bytes:
    """A console's capture from the last freeze on, carriage returns dropped."""
    before, frozen, after = console.replace(b"\r\n", b"\n").rpartition(b"stage: frozen\n")
    if not frozen:
        return b""
    lines = [line for line in before.split(b"\n") if b"] Linux version " in line][-1:] + after.split(b"\n")
    return b"\n".join(line[stamp.start() :] if (stamp := _STAMP.search(line)) else line for line in lines)


@dataclass(frozen=True)
class Fixture:
    """One recorded run, ready to be written."""

    release: str
    kmsg: bytes
    dmesg: bytes
    truth: dict[str, Any]

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "kmsg").write_bytes(self.kmsg)
        (folder / "dmesg.log").write_bytes(self.dmesg)
        (folder / "truth.json").write_text(json.dumps(self.truth, indent=1) + "\n", encoding="utf-8")


def fixture(
    scenario: Scenario, raw: bytes, *, root: str, console: bytes = b"", attempts: int = 1, release: str = ""
) -> Fixture:
    """Turn a stage's output into a fixture, or say why it cannot be one."""
    blobs = Blobs.read(raw)
    if blobs.last("frozen_at") is None:
        raise IncompleteRun(f"{scenario.name}: the population never settled: {blobs.text('note')}")
    if blobs.last("end") is None and not scenario.panics:
        raise IncompleteRun(f"{scenario.name}: the guest ended before it had told what happened")
    kmsg = blobs.last("kmsg") or b""
    if not scenario.panics and not scenario.silent and b" invoked oom-killer: " not in kmsg:
        raise IncompleteRun(f"{scenario.name}: memory did not run out in time")
    played = _played(blobs, scenario)
    comms = _comms(played, scenario)
    processes = _processes(blobs, comms, {actor.child for actor in played if actor.child})
    syslog = blobs.last("syslog")
    dmesg = dmesg_from_syslog(syslog, kmsg) if syslog else None
    source = "syslog(2)"
    if dmesg is None and scenario.panics:
        dmesg, source = dmesg_from_console(console), "console"
    if dmesg is None:
        dmesg, source = dmesg_from_kmsg(kmsg), "kmsg"
    banner = re.search(rb"Linux version (\S+)", console) or re.search(rb";Linux version (\S+)", kmsg)
    release = release or blobs.text("release") or (banner.group(1).decode() if banner else "")
    truth: dict[str, Any] = {
        "kernel_release": release,
        "arch": blobs.text("machine") or None,
        "page_size": _number(blobs.text("page_size")),
        "scenario": scenario.name,
        "description": scenario.description,
        "seed": scenario.seed,
        "cpus": scenario.cpus,
        "scope": scenario.scope.value,
        "decided_by_rules": scenario.decided_by_rules,
        "expected_verdict": scenario.verdict.value if scenario.verdict else None,
        "or_else": list(scenario.or_else),
        "panics": scenario.panics,
        "silent": scenario.silent,
        "killed": [] if scenario.panics else _killed(blobs, comms, processes),
        "killed_by_lab": [
            {"pid": int(pid), "comm": comms.get(int(pid))}
            for pid, _, lab in (data.decode().split() for data in blobs.every("death"))
            if int(lab)
        ],
        "processes": processes,
        "meminfo": blobs.text("meminfo"),
        "zoneinfo": blobs.text("zoneinfo"),
        "swaps": blobs.text("swaps"),
        "vmstat_oom_kill_before": _vmstat(blobs.text("vmstat_before")),
        "vmstat_oom_kill_after": _vmstat(blobs.text("vmstat_after")),
        "sysctls": dict(scenario.sysctls),
        "cgroup": _cgroup(blobs, scenario, root),
        "oracle": _oracle(blobs),
        "dmesg_made_from_kmsg": source == "kmsg",
        "dmesg_from": source,
        "kmsg_lost": _number(blobs.text("kmsg_lost")),
        "notes": [data.decode(errors="replace") for data in blobs.every("note")],
        "attempts": attempts,
    }
    return Fixture(release, kmsg, dmesg, truth)
