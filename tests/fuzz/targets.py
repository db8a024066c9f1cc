"""What is fuzzed, from which seeds, and how they are damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cache

import lz4.frame

from oomforensics.analysis.judge import judge
from oomforensics.parsers.bundle.documents import DOCUMENTS
from oomforensics.parsers.cgroup_identity import identify
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.sources import Source
from oomforensics.pipeline.read import Settings, read
from oomforensics.pipeline.stop import Stop
from tests.support.containers import seven, tar, zipped
from tests.support.logs import incidents
from tests.support.packing import zstd
from tests.support.variants import Variant, variants

_SETTINGS = Settings(UTC, None, Limits(unpacked_bytes=8 << 20, spooled_bytes=8 << 20, members=1000))
_STOP = Stop()
# What formats are made of: lengths, ends, escapes, digits where there were none.
_TOKENS = (
    b"\0", b"\xff", b"\xff" * 8, b"\n", b"\r\n", b"\x1b[31m", b"-1", b"18446744073709551616", b"99999999999999999999999999", b"[",
    b"]", b"(", b") (", b":", b"=", b"Out of memory: Killed process ", b"invoked oom-killer: ", b"oom-kill:constraint=",
    b"[ pid ]   uid  tgid total_vm      rss ", b"[   12.345678] ", b"Linux version 6.1.0", b"\xe2\x80\xae", b"PK\x01\x02",
    b"ustar",
    b"{", b'{"MESSAGE":', b"\x1f\x8b\x08", b"%s", b"../", b"kernel: ",
)  # fmt: skip
_LARGEST = 6000  # bytes of a seed: what is found in small inputs is found a hundred times as fast


@dataclass(frozen=True)
class Target:
    make: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], None]

    def seeds(self) -> Sequence[bytes]:
        return _made(self.make)


@cache
def _made(make: Callable[[], Sequence[bytes]]) -> Sequence[bytes]:
    return make()


def damaged(draw: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """The input after one to eight accidents."""
    found = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        at = draw.randrange(len(found) + 1)
        match draw.randrange(7):
            case 0 if at < len(found):
                found[at] ^= 1 << draw.randrange(8)
            case 1:
                del found[at : at + draw.choice((1, 4, 60, 1000))]
            case 2:
                found[at:at] = draw.choice(_TOKENS)
            case 3:
                del found[at:]
            case 4:
                other = draw.choice(others)
                cut = draw.randrange(len(other) + 1)
                found[at : at + 500] = other[cut : cut + 500]
            case 5:
                found[at:at] = found[at : at + draw.choice((10, 200))] * draw.choice((1, 3))
            case _:
                found[at : at + 4] = draw.randbytes(4)
    return bytes(found)


def _logs(*names: str) -> Callable[[], Sequence[bytes]]:
    def make() -> Sequence[bytes]:
        found: dict[str, Variant] = variants()
        return [each for name in names or found for each in _pieces(found[name].data)]

    return make


def _pieces(data: bytes) -> list[bytes]:
    """A part around each kill: reports are long, and damage should hit what matters."""
    lines = data.splitlines(keepends=True)
    kills = [number for number, line in enumerate(lines) if b"Killed" in line or b"invoked" in line or b"kill" in line]
    parts = [b"".join(lines[max(at - 12, 0) : at + 4])[:_LARGEST] for at in kills[:2] + kills[-2:]]
    return parts or [data[:_LARGEST]]


def _ingested(data: bytes) -> None:
    """Through the whole pipeline, as a file whose kind its bytes say."""
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        source = Source("fuzz", None, lambda: io.FileIO(f"/proc/self/fd/{descriptor}", "rb"))
        for _ in read(source, _SETTINGS, _STOP):
            pass
    finally:
        os.close(descriptor)


def _expanded(data: bytes) -> None:
    descriptor = os.memfd_create("fuzz")
    try:
        os.write(descriptor, data)
        source = Source("fuzz", None, lambda: io.FileIO(f"/proc/self/fd/{descriptor}", "rb"))
        buffer = memoryview(bytearray(65536))
        for opened in expand(source, _SETTINGS.limits):
            try:
                while opened.stream is not None and opened.stream.readinto(buffer):
                    pass
            except OSError:  # what reading.read() takes for damage
                continue
    finally:
        os.close(descriptor)


def _judged(data: bytes) -> None:
    """Grammar and verdict, on lines that are cut off nowhere."""
    judge(incidents(data.split(b"\n")))


def _documents(data: bytes) -> None:
    document = DOCUMENTS[zlib.crc32(data[:4]) % len(DOCUMENTS)]
    for _ in document.parse(data.decode("utf-8", "replace"), "12"):
        pass


def _identity(data: bytes) -> None:
    identify(data.decode("utf-8", "replace"))


def _archives() -> Sequence[bytes]:
    text = _pieces(variants()["dmesg"].data)[0]
    files = {"a": text, "b/c": text[:300]}
    return [
        tar(files), zipped(files), seven(files), gzip.compress(tar(files)), gzip.compress(text), bz2.compress(text),
        lzma.compress(text), zstd.compress(text), lz4.frame.compress(text),
        tar({"x.zip": zipped(files), "y.gz": gzip.compress(text)}),
    ]  # fmt: skip


def _journal() -> Sequence[bytes]:
    found = variants()["binary journal"].data
    return [found[:60_000]]


def _system_files() -> Sequence[bytes]:
    return [
        b"MemTotal:       16384256 kB\nSwapTotal:       2097148 kB\n", b"cpu 1 2\nbtime 1760000000\n", b"oom_kill 5\n",
        b"USER PID %CPU COMMAND\nroot 1 0.0 /sbin/init x\n", b'{"containers":[{"id":"4c01db0b339c","labels":{}}]}',
        b'{"items":[{"metadata":{},"status":{"containerStatuses":[{"containerID":"docker://4c01db0b339c"}]}}]}',
        b"vm.swappiness = 60\n", b"web1.example.org\n", b"low 0\nmax 1\noom_kill 3\n", b'[{"Id":"4c01db0b339c","Config":{}}]',
    ]  # fmt: skip


def _cgroups() -> Sequence[bytes]:
    return [
        b"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b1c2d3e_4f50_6172_8394_a5b6c7d8e9f0.slice/cri-containerd-9192cb33411f.scope",
        b"/system.slice/docker-9192cb33411ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64987.scope",
        b"/user.slice/user-1000.slice/user@1000.service/app.slice/app-code-892075.scope",
        b"/slurm/uid_1000/job_7/step_batch/task_0",
    ]  # fmt: skip


TARGETS: dict[str, Target] = {
    "framings": Target(_logs(), _ingested),
    "grammar": Target(_logs("dmesg", "storm", "oom.group", "weird names", "RHEL 7"), _judged),
    "witnesses": Target(_logs("systemd-oomd", "earlyoom", "lmkd"), _ingested),
    "archives": Target(_archives, _expanded),
    "journal": Target(_journal, _ingested),
    "documents": Target(_system_files, _documents),
    "identity": Target(_cgroups, _identity),
}
