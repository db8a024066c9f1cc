"""Every shape reads its own sample, and no other kind of line takes it."""

from __future__ import annotations

import pytest

from oomforensics.parsers import shapes, summary, table
from oomforensics.parsers.shapes import EVERY_SHAPE, Shape


@pytest.mark.parametrize("shape", EVERY_SHAPE, ids=lambda shape: shape.name)
def test_sample_is_read(shape: Shape) -> None:
    assert shape.pattern.match(shape.sample)


# A cut or bare form also matches the whole form's line; these pairs are tried in order, so that is meant.
_WIDER = {
    "invoked-cut": "invoked", "killed-torn": "killed", "killed-bare": "killed", "killed": "killed",
}  # fmt: skip


@pytest.mark.parametrize("shape", EVERY_SHAPE, ids=lambda shape: shape.name)
def test_no_other_kind_claims_the_sample(shape: Shape) -> None:
    claimed = [other.name for other in EVERY_SHAPE if other is not shape and other.pattern.match(shape.sample)]
    assert all(_WIDER.get(name) and shape.name.startswith(_WIDER[name]) for name in claimed), claimed


@pytest.mark.parametrize("layout", table.LAYOUTS, ids=lambda layout: layout.name)
def test_every_header_is_known_by_its_own_words(layout: table.Layout) -> None:
    opened = table.open_table(layout.header, 7)
    assert opened is not None
    assert (opened.layout, opened.header_line, opened.columns) == (layout.name, 7, layout.columns)


def test_a_header_of_a_kernel_to_come_is_read_all_the_same() -> None:
    """A patched kernel of 2022 printed a column of its own; rows are read by count, the new column is left out."""
    opened = table.open_table(
        "[  pid  ]   uid  tgid total_vm      rss (01)nrss  pgtables_bytes swapents oom_score_adj name", 1
    )
    assert opened is not None
    assert opened.layout == "other"
    row = table.RowReader(opened.columns).read(
        "[  13135]     0 13135   787018   674666   674300  5439488  7   -5 a.out", 2
    )
    assert row is not None
    assert (row.rss_pages, row.pgtables_bytes, row.swapents_pages, row.oom_score_adj, row.comm) == (
        674666, 5439488, 7, -5, "a.out",
    )  # fmt: skip


def test_a_header_without_rss_is_none() -> None:
    assert table.open_table("[ pid ]   uid  tgid total_vm name", 1) is None


_C6 = table.RowReader(table.LAYOUTS[5].columns)


@pytest.mark.parametrize(
    "comm",
    ["sshd", "", "Web Content", "a) (b", "] 0", "[   42] 0", "123", "12 34 56", "invoked oom-k", "task=x,pid=1",
     "x\ny", "\x1b[31mred", "ünïcode", " lead", "trail ", "-1000 x"],
)  # fmt: skip
def test_a_name_is_whatever_follows_the_last_number(comm: str) -> None:
    row = _C6.read(f"[   1234]     0  1234    50000    20000   241664      300         -1000 {comm}", 5)
    assert row is not None
    assert (row.pid, row.oom_score_adj, row.comm, row.line) == (1234, -1000, comm, 5)


def test_values_wider_than_their_columns_and_signed_uids() -> None:
    row = _C6.read(
        "[12345678] -1294967296 12345678 123456789012 98765432109 1234567890123 55555555555          -999 big", 1
    )
    assert row is not None
    assert (row.uid, row.total_vm_pages, row.rss_pages, row.pgtables_bytes, row.swapents_pages) == (
        -1294967296, 123456789012, 98765432109, 1234567890123, 55555555555,
    )  # fmt: skip


def test_a_firewall_line_is_no_row() -> None:
    assert not table.looks_like_row("[UFW BLOCK] IN=eth0 OUT= MAC=f2:3c")


def test_lost_header_is_told_from_the_rows() -> None:
    rows = ["[ 1234]     0  1234    50000    20000      55      300         -1000 sshd",
            "[ 1235]     0  1235    40000    10000      33        0             0 my sql"]  # fmt: skip
    layout = table.infer_layout(rows)
    assert layout is not None
    assert layout.name == "C3"
    wide = ["[   1234]     0  1234    50000    20000   241664      300         -1000 sshd",
            "[   1235]     0  1235    40000    10000   122880        0             0 12"]  # fmt: skip
    layout = table.infer_layout(wide)
    assert layout is not None
    assert layout.name == "C6"
    assert table.infer_layout(["[ 12] 1 2"]) is None


SUMMARY = "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0-1,3"


@pytest.mark.parametrize(
    ("oom_memcg", "task_memcg", "comm"),
    [
        ("/a", "/a/b", "app"),
        ("/a,task_memcg=/a", "/a,task_memcg=/a/x", "app"),
        ("/a,task=x,pid=1,uid=0", "/a,task=x,pid=1,uid=0/y", "app"),
        ("/a", "/a/b", "x,task=y"),
        ("/a", "/a/b", ""),
        ("/a", "/a/b", "x,pid=1,uid=0"),
    ],
)
def test_the_summary_line_with_names_that_hold_its_keys(oom_memcg: str, task_memcg: str, comm: str) -> None:
    read = summary.parse(f"{SUMMARY},oom_memcg={oom_memcg},task_memcg={task_memcg},task={comm},pid=77,uid=-5", 9)
    assert read is not None
    assert (read.oom_memcg, read.task_memcg, read.pid, read.uid, read.mems_allowed) == (
        oom_memcg, task_memcg, 77, -5, "0-1,3",
    )  # fmt: skip
    assert read.comm == comm


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/x,task=a,"
         "pid=1030,uid=0", ("/", "0", "/x")),
        # built without CONFIG_CPUSETS
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/,task=a,pid=1030,uid=0",
         (None, None, "/")),
        # built without CONFIG_MEMCG
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,task=a,pid=1030,uid=0",
         ("/", "0", None)),
        ("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=a,pid=1030,uid=0", (None, None, None)),
        ("oom-kill:constraint=CONSTRAINT_MEMORY_POLICY,nodemask=1,3,cpuset=c,mems_allowed=0-3,global_oom,task_memcg=/,"
         "task=a,pid=1030,uid=0", ("c", "0-3", "/")),
    ],
)  # fmt: skip
def test_the_summary_line_of_kernels_built_without_parts(
    text: str, expected: tuple[str | None, str | None, str | None]
) -> None:
    read = summary.parse(text, 1)
    assert read is not None
    assert (read.cpuset, read.mems_allowed, read.task_memcg) == expected
    assert read.oom_memcg is None
    assert (read.pid, read.comm) == (1030, "a")


def test_a_torn_summary_line_says_what_is_left() -> None:
    assert summary.parse("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)", 3) is None
    left = summary.parse_cut("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)", 3)
    assert left is not None
    assert (left.constraint, left.oom_memcg, left.pid) == ("CONSTRAINT_MEMCG", None, None)


def test_no_cgroup_is_read_from_a_torn_line() -> None:
    """Whoever names the cpuset can write the rest himself, and make the line too long for the kernel's buffer."""
    text = (
        "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/x,mems_allowed=0,oom_memcg=/other,task_memcg=/pad"
    )
    left = summary.parse_cut(text, 3)
    assert left is not None
    assert (left.oom_memcg, left.task_memcg) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        'pr_warn("%s invoked oom-killer: gfp_mask=%#x(%pGg), order=%d, oom_score_adj=%hd\\n",',
        "mkfs -t ext4 invoked oom-killer on i386 kernel running on x86_64 device",
        "Subject: Re: [PATCH 1/2] ioctl_sg01 invoked oom-killer",
        "java.lang.OutOfMemoryError: Java heap space",
        "CUDA error: out of memory",
        "We saw that the oom-killer killed process 12 (mysqld) again",
        "fatal error: runtime: out of memory",
    ],
)
def test_prose_is_no_shape(text: str) -> None:
    assert not any(shape.pattern.match(text) for shape in EVERY_SHAPE if shape is not shapes.KILLED_TORN)


@pytest.mark.parametrize(
    "line",
    [
        " dump_header+0x83/0x1ca",
        " ? dump_header+0x83/0x1ca",
        "[<ffffffff81692515>] dump_header+0x83/0x1ca",
        "   [<ffffffff81692515>] ? dump_header+0x83/0x1ca [ext4]",
        " [dump_header+0x83/0x1ca] dump_header+0x83/0x1ca",
        " [xfs:dump_header+0x83/0x1ca] dump_header+0x83/0x1ca",
        "[<c0011800>] (dump_header+0x0/0x14) from [<c000fde0>] (oom_kill_process+0xa1/0x370)",
        "[<c0011800>] (dump_header) from [<c000fde0>] (oom_kill_process+0xa1/0x370)",
        " dump_header from oom_kill_process+0xa1/0x370",
    ],
)
def test_the_function_on_a_line_of_a_stack(line: str) -> None:
    found = shapes.TRACE_FRAME.match(line)
    assert found is not None
    assert found[1] == "dump_header"


@pytest.mark.parametrize(
    "line", ["RIP: 0033:0x7f5d+0x3/0x5", "r8:c020f610 r7:c0354128", "it came from afar", "[   71]     0    71"]
)
def test_what_is_no_line_of_a_stack(line: str) -> None:
    assert shapes.TRACE_FRAME.match(line) is None
