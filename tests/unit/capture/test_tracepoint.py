"""The ring of perf events as the kernel fills it, from bytes made by hand; tests/kernels listens to real kernels."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.capture import hierarchy, tracepoint
from oomforensics.capture.options import Options
from oomforensics.capture.recorder import Recorder
from tests.support.proc_tree import ProcTree

PAGE = tracepoint._PAGE
SAMPLE, LOST = 9, 2


class Ring:
    """Two pages as mmap gives them, written to by somebody who wraps round the end."""

    def __init__(self, begin: int) -> None:
        self.pages = bytearray(2 * PAGE)
        self.fd = -1
        self.tail = self.head = begin

    def put(self, kind: int, body: bytes) -> None:
        for byte in struct.pack("=IHH", kind, 0, 8 + len(body)) + body:
            self.pages[PAGE + self.head % PAGE] = byte
            self.head += 1
        struct.pack_into("=Q", self.pages, 1024, self.head)

    def sample(self, when_ns: int, raw: bytes) -> None:
        filled = raw + b"\0" * (-(4 + len(raw)) % 8)
        self.put(SAMPLE, struct.pack("=QI", when_ns, len(filled)) + filled)

    @property
    def given_back(self) -> int:
        return int(struct.unpack_from("=Q", self.pages, 1032)[0])


@given(
    st.integers(0, 3 * PAGE).map(lambda at: at // 8 * 8),
    st.lists(st.tuples(st.integers(0, 1 << 60), st.binary(min_size=4, max_size=100)), max_size=20),
)
def test_samples_come_back_wherever_they_lie(begin: int, samples: list[tuple[int, bytes]]) -> None:
    ring = Ring(begin)
    for when_ns, raw in samples:
        ring.sample(when_ns, raw)
        ring.put(LOST, bytes(16))
    found = list(tracepoint._samples(ring))  # type: ignore[arg-type]
    assert [(when_ns, raw[: len(sent)]) for (when_ns, raw), (_, sent) in zip(found, samples, strict=True)] == samples
    assert ring.given_back == ring.tail == ring.head or not samples
    assert list(tracepoint._samples(ring)) == []  # type: ignore[arg-type]


def test_where_the_pid_is() -> None:
    form = b"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;\n"
    assert tracepoint._offset(form, b" pid;") == 8
    assert tracepoint._offset(b"", b" pid;") is None


def test_what_is_mounted(tmp_path: Path) -> None:
    tree = ProcTree(tmp_path)
    (tree.root / "self/mountinfo").write_text("25 1 0:23 / /sys/kernel/my\\040tracing rw - tracefs tracefs rw\n")
    assert hierarchy.mounted("tracefs", str(tree.root)) == "/sys/kernel/my tracing"
    assert hierarchy.mounted("bpf", str(tree.root)) is None


@pytest.mark.parametrize(
    ("mountinfo", "said"),
    [("", "tracefs is not mounted"), ("25 1 0:23 / {folder} rw - tracefs tracefs rw\n", "cannot be read")],
)
def test_without_tracefs_it_is_said(tmp_path: Path, mountinfo: str, said: str) -> None:
    tree = ProcTree(tmp_path / "proc")
    (tree.root / "self/mountinfo").write_text(mountinfo.format(folder=tmp_path))
    recorder = Recorder(Options(str(tmp_path / "spool"), kmsg="none"), str(tree.root), lambda: 1)
    (told,) = [one for one in recorder.missing if one.startswith("oom:mark_victim")]
    assert said in told
    recorder.close()
