"""A record as Linux 6.18 wrote it, held against the line that the same kernel logged of the same kill."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers import tracepoint

FORM = b"""name: mark_victim
ID: 609
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int pid;\toffset:8;\tsize:4;\tsigned:1;
\tfield:__data_loc char[] comm;\toffset:12;\tsize:4;\tsigned:0;
\tfield:unsigned long total_vm;\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned long anon_rss;\toffset:24;\tsize:8;\tsigned:0;
\tfield:unsigned long file_rss;\toffset:32;\tsize:8;\tsigned:0;
\tfield:unsigned long shmem_rss;\toffset:40;\tsize:8;\tsigned:0;
\tfield:uid_t uid;\toffset:48;\tsize:4;\tsigned:0;
\tfield:unsigned long pgtables;\toffset:56;\tsize:8;\tsigned:0;
\tfield:short oom_score_adj;\toffset:64;\tsize:2;\tsigned:1;

print fmt: "pid=%d comm=%s", REC->pid, __get_str(comm)
"""
RECORD = bytes.fromhex(
    "61022402be680000be6800004200070000d1000000000000e8a9000000000000d8160000000000000000000000000000"
    "000000000000000094000000000000000000707974686f6e000000000000000000000000"
)
# 860719642 Memory cgroup out of memory: Killed process 26814 (python) total-vm:53504kB, anon-rss:43496kB, file-rss:5848kB,
# shmem-rss:0kB, UID:0 pgtables:148kB oom_score_adj:0
LOGGED = {
    "pid": 26814, "comm": "python", "total_vm": 53504, "anon_rss": 43496, "file_rss": 5848, "shmem_rss": 0, "uid": 0,
    "pgtables": 148, "oom_score_adj": 0,
}  # fmt: skip


def test_the_record_says_what_the_log_says() -> None:
    assert tracepoint.fields(FORM, RECORD) == LOGGED


def test_a_negative_adjustment_and_the_short_form_of_old_kernels() -> None:
    lowered = RECORD[:64] + (-500).to_bytes(2, "little", signed=True) + RECORD[66:]
    assert tracepoint.fields(FORM, lowered)["oom_score_adj"] == -500
    assert tracepoint.fields(FORM.partition(b"\tfield:__data_loc")[0], RECORD[:12]) == {"pid": 26814}


def test_a_record_that_is_cut_off_says_less() -> None:
    assert tracepoint.fields(FORM, RECORD[:20]) == {"pid": 26814, "comm": ""}
    assert tracepoint.fields(FORM, b"") == tracepoint.fields(b"", RECORD) == {}


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes_are_taken(form: bytes, record: bytes) -> None:
    for made in (form, FORM, FORM.replace(b"size:4", b"size:99999")):
        for value in tracepoint.fields(made, record).values():
            assert isinstance(value, int | str) and "\x00" not in str(value)
