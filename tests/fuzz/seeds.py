"""What is damaged: small, for what is found in a small input is found a hundred times as fast."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
from collections.abc import Sequence
from functools import cache
from itertools import islice

import lz4.frame

from tests.support.containers import seven, tar, zipped
from tests.support.journals import FIXTURES, export, made
from tests.support.packing import zstd
from tests.support.small_journal import PACKINGS, journal
from tests.support.variants import variants

_LARGEST = 6000  # bytes of a seed
_EXPORT = b"__CURSOR="
_TELLING = re.compile(rb"[Kk]ill|invoked")


def _pieces(data: bytes) -> list[bytes]:
    """Parts around what tells of a kill: reports are long, and damage should hit what matters."""
    entries = data.startswith(_EXPORT)
    lines = [part + b"\n\n" for part in data.split(b"\n\n")] if entries else data.splitlines(keepends=True)
    telling = [number for number, line in enumerate(lines) if _TELLING.search(line)]
    parts = [b"".join(lines[max(at - 12, 0) : at + 4])[:_LARGEST] for at in telling[:2] + telling[-2:]]
    return parts or [data[:_LARGEST]]


def _shortened(data: bytes) -> bytes:
    """The first report without the middle of its task table."""
    lines = data.splitlines(keepends=True)
    first = next((number for number, line in enumerate(lines) if b"invoked" in line), 0)
    last = next((number for number, line in enumerate(lines) if number > first and b"Killed" in line), len(lines))
    return b"".join([*lines[first : first + 60], *lines[max(first + 60, last - 12) : last + 3]])


@cache
def logs() -> Sequence[bytes]:
    """Some of them with the newest line first."""
    found = [piece for one in variants().values() if b"\0" not in one.data[:100] for piece in _pieces(one.data)]
    return found + [b"".join(reversed(piece.splitlines(keepends=True))) for piece in found[::4]]


@cache
def reports() -> Sequence[bytes]:
    """Of every era, whole."""
    by_hand = [path.read_bytes() for path in sorted((FIXTURES / "handmade").glob("*.log"))]
    return by_hand + [
        _shortened(variants()[name].data) for name in ("dmesg", "oom.group", "weird names", "storm", "sysrq")
    ]


@cache
def witnesses() -> Sequence[bytes]:
    return [path.read_bytes() for path in sorted((FIXTURES / "witnesses").iterdir())]


@cache
def journals() -> Sequence[bytes]:
    entries = list(made())
    kill = next(number for number, entry in enumerate(entries) if b"Killed process" in entry["MESSAGE"])
    oomd = next(number for number, entry in enumerate(entries) if entry["MESSAGE"].startswith(b"Considered"))
    chosen = entries[kill - 3 : kill + 2] + entries[oomd : oomd + 22 : 2]
    return [journal(chosen, compact=compact, packing=packing) for compact in (False, True) for packing in PACKINGS]


def _gz(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@cache
def streams() -> Sequence[bytes]:
    text = _pieces(variants()["dmesg"].data)[0]
    packed = [
        _gz(text), gzip.compress(text, 0, mtime=0), bz2.compress(text), lzma.compress(text), zstd.compress(text),
        lz4.frame.compress(text), lz4.frame.compress(text, block_linked=False, content_checksum=True),
    ]  # fmt: skip
    return [*packed, *(one + one for one in packed), _gz(lzma.compress(text)), text]


@cache
def archives() -> Sequence[bytes]:
    text = _pieces(variants()["dmesg"].data)[0]
    files = {"a": text, "b/c.log": text[:300]}
    bundle = {f"sos-web1/{path}": data for path, data in _BUNDLE.items()}
    return [
        tar(files), zipped(files), seven(files), seven(files, packed_header=False), _gz(tar(files)),
        tar({"x.zip": zipped(files), "y.gz": _gz(text)}), zipped({"x.tgz": _gz(tar(files))}),
        tar({"x.7z": seven(files)}), zipped({"j": journals()[0], "t": tar(files)}), tar(bundle | files), zipped(bundle | files),
    ]  # fmt: skip


_ID = "4c01db0b339c11ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64"
_BUNDLE: dict[str, bytes] = {
    "proc/meminfo": b"MemTotal:       16384256 kB\nMemFree:  80000 kB\nSwapTotal:       2097148 kB\nSwapFree: 1000 kB\n",
    "proc/swaps": b"Filename\tType\tSize\tUsed\tPriority\n/dev/vda2 partition\t2097148\t0\t-2\n/a\\040b file 1024 8 -3\n",
    "proc/stat": b"cpu  1 2 3 4\nctxt 99\nbtime 1760000000\nprocesses 12\n",
    "proc/vmstat": b"nr_free_pages 1000\noom_kill 5\n",
    "proc/sys/kernel/random/boot_id": b"2c5eb3a8-a5f0-4f5c-8b6c-7e6e0f7a4d11\n",
    "etc/hostname": b"web1.example.org\n",
    "sos_commands/kernel/uname_-a": b"Linux web1 6.12.107+deb13-amd64 #1 SMP PREEMPT_DYNAMIC Debian x86_64 GNU/Linux\n",
    "sos_commands/kernel/sysctl_-a": b"vm.overcommit_memory = 0\nvm.panic_on_oom = 0\nvm.swappiness = 60\n",
    "sys/fs/cgroup/system.slice/memory.events": b"low 0\nhigh 0\nmax 12\noom 3\noom_kill 3\noom_group_kill 1\n",
    "sos_commands/process/ps_auxwww": b"USER PID %CPU %MEM VSZ RSS STAT TIME COMMAND\nroot 1 0.0 0.1 1 2 Ss 0:01 init x\n",
    "proc/102/cmdline": b"/usr/bin/java\0-Xmx4g\0app.jar\0",
    "sos_commands/crio/crictl_ps_-o_json": json.dumps(
        {"containers": [{"id": _ID, "podSandboxId": "d1", "metadata": {"name": "web"}, "image": {"image": "web:1"},
                         "labels": {"io.kubernetes.pod.name": "web-1", "io.kubernetes.pod.namespace": "shop"}}]}
    ).encode(),
    "docker_inspect.json": json.dumps(
        [{"Id": _ID, "Name": "/web", "Config": {"Image": "web:1"}, "State": {"OOMKilled": True, "Pid": 102}}]
    ).encode(),
}  # fmt: skip


@cache
def documents() -> Sequence[bytes]:
    return [*_BUNDLE.values(), (FIXTURES / "witnesses" / "kubernetes-pods.json").read_bytes()]


@cache
def cgroups() -> Sequence[bytes]:
    return [
        b"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice/cri-containerd-9192cb33411f.scope",
        b"/kubepods/besteffort/pod0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0/" + _ID.encode(),
        b"/system.slice/docker-9192cb33411ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64987.scope",
        b"/user.slice/user-1000.slice/user@1000.service/app.slice/app-code-892075.scope",
        b"/slurm/uid_1000/job_7/step_batch/task_0", b"/system.slice/slurmstepd.scope/job_7/step_0/user/task_3",
        b"/machine.slice/libpod-4c01db0b339c.scope/container", b"/lxc.payload.web1/system.slice/a\\x2db.service",
    ]  # fmt: skip


@cache
def exports() -> Sequence[bytes]:
    """As journalctl prints entries, of which any byte can be a length."""
    entries = list(islice(made(), 400))
    kill = next(number for number, entry in enumerate(entries) if b"Killed process" in entry["MESSAGE"])
    return [export(iter(entries[max(kill - many, 0) : kill + 2])) for many in (1, 4, 12)]
