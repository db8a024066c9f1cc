"""Each framing, taken off by hand beside the program."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from oomforensics.parsers.framings import FRAMINGS, Reader, dmesg, journal_monotonic, vendor
from oomforensics.parsers.framings.base import Context, Framing
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import Record, TsSource
from tests.support.logs import parse
from tests.support.reading import context, one, read, us


def samples() -> list[tuple[Framing, str]]:
    return [(framing, sample) for framing in FRAMINGS for sample in framing.samples]


@pytest.mark.parametrize(("framing", "sample"), samples(), ids=lambda value: getattr(value, "name", None))
def test_a_sample_is_first_read_by_its_own_framing(framing: Framing, sample: str) -> None:
    first = next(each for each in FRAMINGS if each.read(sample, Clock(context(), [])) is not None)
    assert first is framing
    reader = Reader(context(), [])
    assert len(list(reader.records([(1, sample.encode())]))) == 1
    assert dict(reader.seen) == {framing.name: 1}


def test_names_are_unique() -> None:
    assert len({framing.name for framing in FRAMINGS}) == len(FRAMINGS)


DMESG = [
    ("[   12.345678] Mem-Info:", Record(1, "Mem-Info:", 12_345_678)),
    ("[    0.000000] x", Record(1, "x", 0)),
    ("[18317578.683304] x", Record(1, "x", 18_317_578_683_304)),
    ("[   12.345678]  active_file:14", Record(1, " active_file:14", 12_345_678)),
    ("[   12.345678] ", Record(1, "", 12_345_678)),
    ("[   12.345678]", Record(1, "", 12_345_678)),
    ("[   12.345678] [ 1234]     0  1234", Record(1, "[ 1234]     0  1234", 12_345_678)),
    ("[   12.345678] [  pid  ]   uid  tgid", Record(1, "[  pid  ]   uid  tgid", 12_345_678)),
    ("[  599.537757][T23028] x", Record(1, "x", 599_537_757, caller="T23028")),
    ("[   49.921978][    C0]  y", Record(1, " y", 49_921_978, caller="C0")),
    ("[71073.562094] [T13546] x", Record(1, "x", 71_073_562_094, caller="T13546")),
    # What the kernels of phones and boards put before the text.
    ("[    7.344848][ T1@C0] x", Record(1, "x", 7_344_848, caller="T1")),
    ("[    7.344848][T8447@C5]  y", Record(1, " y", 7_344_848, caller="T8447")),
    ("[    7.344848][S,T61,C4] x", Record(1, "x", 7_344_848, caller="T61")),
    ("<6>[    0.871658]  [0:      swapper/0:    1] x", Record(1, "x", 871_658, level=6, from_kernel=True)),
    ("[    2.153157] [5:           init:    1]  y", Record(1, " y", 2_153_157)),
    ("<6>[ 3965.259816] I[0:      swapper/0:    0] x", Record(1, "x", 3_965_259_816, level=6, from_kernel=True)),
    ("[  123.456789] [3:  kswapd0:  61] x", Record(1, "x", 123_456_789)),
    ("[  123.456789]  [3:   kworker/3:1H:  161] [   61]     0    61", Record(1, "[   61]     0    61", 123_456_789)),
    ("[  123.456789] (0)[61:kswapd0]x", Record(1, "x", 123_456_789)),
    ("[  123.456789]  (0)[61:kswapd0] active_file:14", Record(1, " active_file:14", 123_456_789)),
    (
        "<4>[    0.160240] -(0)[0:swapper/0][  61]     0    61",
        Record(1, "[  61]     0    61", 160_240, level=4, from_kernel=True),
    ),
    ("[    0.259605] <0>.(0)[1:swapper/0]x", Record(1, "x", 259_605)),
    ("[    3.718023] *(a)[97:kworker/2:1]x", Record(1, "x", 3_718_023)),
    ("[   17.817595@3] x", Record(1, "x", 17_817_595)),
    ("[    0.000000@0]d      y", Record(1, "     y", 0)),
    ("<6>[    0.000000] c0 0 (swapper) x", Record(1, "x", 0, level=6, from_kernel=True)),
    ("[    0.000000] c3 x", Record(1, "x", 0)),
    # These are the kernel's own text.
    ("[   12.345678] c1 invoked oom-killer: x", Record(1, "c1 invoked oom-killer: x", 12_345_678)),
    ("[   12.345678] c1 cpuset=/ mems_allowed=0", Record(1, "c1 cpuset=/ mems_allowed=0", 12_345_678)),
    ("[   12.345678] (null) x", Record(1, "(null) x", 12_345_678)),
    ("[   12.345678] [0:0:0:0] x", Record(1, "[0:0:0:0] x", 12_345_678)),
    ("[   12.345678] [drm:foo:12] x", Record(1, "[drm:foo:12] x", 12_345_678)),
    ("[ 1472.704613 <  535.082849>] x", Record(1, "x", 1_472_704_613)),
    ("[    1.234] milliseconds", Record(1, "milliseconds", 1_234_000)),
    ("[    1.234567891] nanoseconds", Record(1, "nanoseconds", 1_234_567)),
    ("<4>[  842.796720] x", Record(1, "x", 842_796_720, level=4, from_kernel=True)),
    ("<12>[  842.796720] x", Record(1, "x", 842_796_720, level=4, from_kernel=False)),
    ("kern  :warn  : [    1.200000] x", Record(1, "x", 1_200_000, level=4, from_kernel=True)),
    ("user  :err   : [    1.200000] x", Record(1, "x", 1_200_000, level=3, from_kernel=False)),
    ("<6>no stamp", Record(1, "no stamp", level=6, from_kernel=True)),
    ("kern  :info  : no stamp", Record(1, "no stamp", level=6, from_kernel=True)),
]
KMSG = [
    ("6,1234,5678901,-;text", Record(1, "text", 5_678_901, level=6, from_kernel=True, seq=1234)),
    (
        "4,1,2,-,caller=T1;a",
        Record(1, "a", 2, level=4, from_kernel=True, seq=1, caller="T1"),
    ),
    (
        "30,1,2,-,caller=C12,later=x;from systemd",
        Record(1, "from systemd", 2, level=6, from_kernel=False, seq=1, caller="C12"),
    ),
    ("4,1,2,c;,uid=0", Record(1, ",uid=0", 2, level=4, from_kernel=True, seq=1, continued=True)),
    ("4,1,2,+;,uid=0", Record(1, ",uid=0", 2, level=4, from_kernel=True, seq=1, continued=True)),
    # MediaTek's stands in the ring buffer, too.
    ("4,1,2,-;-(0)[61:kswapd0]a", Record(1, "a", 2, level=4, from_kernel=True, seq=1)),
    (r"4,1,2,-; (0)[61:kswapd0]a\x0a b", Record(1, "a\n b", 2, level=4, from_kernel=True, seq=1)),
    (r"4,1,2,-;a\x0a b", Record(1, "a\n b", 2, level=4, from_kernel=True, seq=1)),
    (r"4,1,2,-;\x1b[31mred\x5c", Record(1, "\x1b[31mred\\", 2, level=4, from_kernel=True, seq=1)),
    (r"4,1,2,-;\xc3\xa4\xff", Record(1, "ä\\xff", 2, level=4, from_kernel=True, seq=1)),
    (r"4,1,2,-;\x00", Record(1, r"\x00", 2, level=4, from_kernel=True, seq=1)),
]
TAG = [
    ("kernel: Mem-Info:", Record(1, "Mem-Info:", from_kernel=True)),
    ("kernel:  [<0000>] f+0x1", Record(1, " [<0000>] f+0x1", from_kernel=True)),
    ("kernel: [    1.506918] Mem-Info:", Record(1, "Mem-Info:", 1_506_918, from_kernel=True)),
]
BARE = [
    (" active_file:14 inactive_file:90", Record(1, " active_file:14 inactive_file:90")),
    ("[ 1234]     0  1234    12345", Record(1, "[ 1234]     0  1234    12345")),
    ("[  pid  ]   uid  tgid total_vm", Record(1, "[  pid  ]   uid  tgid total_vm")),
    ("[<ffffffff8118475e>] oom_kill_process+0x24e", Record(1, "[<ffffffff8118475e>] oom_kill_process+0x24e")),
    ("", Record(1, "")),
]


@pytest.mark.parametrize(("line", "expected"), DMESG + KMSG + TAG + [pair for pair in BARE if pair[0][:1] != " "])
def test_framings_without_a_date(line: str, expected: Record) -> None:
    assert one(line) == expected


def test_a_leading_space_of_bare_text_stays_where_other_lines_have_none() -> None:
    assert read("Mem-Info:", " active_file:14")[1] == Record(2, " active_file:14")


INFERRED = TsSource.SYSLOG_YEAR_INFERRED
DATED = [
    (
        "Dec 20 03:17:52 localhost kernel: [75669.581768] Mem-Info:",
        Record(1, "Mem-Info:", 75_669_581_768, us(2025, 12, 20, 3, 17, 52), INFERRED, "localhost", from_kernel=True),
    ),
    (
        "Feb  9 11:55:27 qa01 kernel: Mem-Info:",
        Record(1, "Mem-Info:", None, us(2026, 2, 9, 11, 55, 27), INFERRED, "qa01", from_kernel=True),
    ),
    (
        "Jan  5 15:19:27 kernel: [ 5864.708440] x",
        Record(1, "x", 5_864_708_440, us(2026, 1, 5, 15, 19, 27), INFERRED, from_kernel=True),
    ),
    (
        "<4>Jan  5 15:19:27 h kernel: x",
        Record(1, "x", None, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=True, level=4),
    ),
    (
        "<13>Jan  5 15:19:27 h kernel: x",
        Record(1, "x", None, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=False, level=5, program="kernel"),
    ),
    (
        "Jan 05 15:19:27.000042 h kernel: x",
        Record(1, "x", None, us(2026, 1, 5, 15, 19, 27, micro=42), INFERRED, "h", from_kernel=True),
    ),
    (
        "Mär 05 15:19:27 h kernel: x",
        Record(1, "x", None, us(2026, 3, 5, 15, 19, 27), INFERRED, "h", from_kernel=True),
    ),
    (
        "Jan  5 15:19:27 h kernel:  oom_kill_process+0x1",
        Record(1, " oom_kill_process+0x1", None, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=True),
    ),
    (
        "Jan  5 15:19:27 h kernel: [    1.000000][ T77] x",
        Record(1, "x", 1_000_000, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=True, caller="T77"),
    ),
    (
        "Jan  5 15:19:27 h kernel: a#012 b#012#011c",
        Record(1, "a\n b\n\tc", None, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=True),
    ),
    (
        "Jan  5 15:19:27 h systemd[1]: php.service: Failed with result 'oom-kill'.",
        Record(
            1,
            "php.service: Failed with result 'oom-kill'.",
            None,
            us(2026, 1, 5, 15, 19, 27),
            INFERRED,
            "h",
            from_kernel=False,
            program="systemd",
        ),
    ),
    (
        "Jan  5 15:19:27 h last message repeated 2 times",
        Record(1, "last message repeated 2 times", None, us(2026, 1, 5, 15, 19, 27), INFERRED, "h", from_kernel=False),
    ),
    (
        "Jan  5 15:19:27 10.0.0.5 [75669.581768] x",
        Record(1, "x", 75_669_581_768, us(2026, 1, 5, 15, 19, 27), INFERRED, "10.0.0.5"),
    ),
    (
        "Jan  5 15:19:27 openwrt kern.warn kernel: [    1.000000] x",
        Record(1, "x", 1_000_000, us(2026, 1, 5, 15, 19, 27), INFERRED, "openwrt", from_kernel=True, level=4),
    ),
    (
        "Fri Jan  1 00:00:10 2021 kern.err kernel: [   10.120000] x",
        Record(1, "x", 10_120_000, us(2021, 1, 1, 0, 0, 10), TsSource.SYSLOG, from_kernel=True, level=3),
    ),
    (
        "2026-05-01T10:00:00.123456+02:00 h kernel: [    1.000000] x",
        Record(
            1, "x", 1_000_000, us(2026, 5, 1, 10, hours=2, micro=123_456), TsSource.SYSLOG, "h", from_kernel=True
        ),
    ),
    (
        "2026-05-01T10:00:00+0200 h kernel: x",
        Record(1, "x", None, us(2026, 5, 1, 10, hours=2), TsSource.SYSLOG, "h", from_kernel=True),
    ),
    (
        "2026-05-01T08:00:00Z h foo[7]: x",
        Record(1, "x", None, us(2026, 5, 1, 8), TsSource.SYSLOG, "h", from_kernel=False, program="foo"),
    ),
    (
        "<4>1 2026-05-01T10:00:00.123456Z h kernel - - - [    1.000000] x",
        Record(1, "x", 1_000_000, us(2026, 5, 1, 10, micro=123_456), TsSource.SYSLOG, "h", from_kernel=True, level=4),
    ),
    (
        '<30>1 2026-05-01T10:00:00Z - systemd 1 ID7 [a b="c\\" ]d"][e] \ufeffx',
        Record(1, "x", None, us(2026, 5, 1, 10), TsSource.SYSLOG, from_kernel=False, level=6),
    ),
    (
        "<14>1 2026-05-01T10:00:00Z h kernel - - - x",
        Record(1, "x", None, us(2026, 5, 1, 10), TsSource.SYSLOG, "h", from_kernel=False, level=6),
    ),
    (
        "Thu 2016-06-09 22:30:35 UTC h kernel: x",
        Record(1, "x", None, us(2016, 6, 9, 22, 30, 35), TsSource.SYSLOG, "h", from_kernel=True),
    ),
    (
        "Thu 2016-06-09 22:30:35 CEST h kernel: x",
        Record(1, "x", None, us(2016, 6, 9, 22, 30, 35), TsSource.SYSLOG, "h", from_kernel=True, wall_local=True),
    ),
    (
        "2026-05-01T08:00:00 h kernel: x",
        Record(1, "x", None, us(2026, 5, 1, 8), TsSource.SYSLOG, "h", from_kernel=True, wall_local=True),
    ),
    (
        "Fri 2026-05-01 10:00:00 -03 h kernel: x",
        Record(1, "x", None, us(2026, 5, 1, 10, hours=-3), TsSource.SYSLOG, "h", from_kernel=True),
    ),
    (
        "1777622400.123456 h kernel: x",
        Record(1, "x", None, us(2026, 5, 1, 8, micro=123_456), TsSource.JOURNALD, "h", from_kernel=True),
    ),
    (
        "[Thu May 14 23:17:24 2020]  active_file:14",
        Record(1, " active_file:14", None, us(2020, 5, 14, 23, 17, 24), TsSource.DMESG_WALLCLOCK),
    ),
    (
        "kern  :info  : [Mon Nov 23 06:02:53 2026 <  155.023068>] x",
        Record(
            1, "x", None, us(2026, 11, 23, 6, 2, 53), TsSource.DMESG_WALLCLOCK, level=6, from_kernel=True
        ),
    ),
    (
        "10.0.0.7: kern:    info: [2026-05-01T10:00:00.123456789Z]: x",
        Record(
            1, "x", None, us(2026, 5, 1, 10, micro=123_456), TsSource.DMESG_WALLCLOCK, "10.0.0.7", from_kernel=True, level=6
        ),
    ),
    (
        "kern: warning: [2026-05-01T10:00:00.123456789Z]:  </TASK>",
        Record(
            1, " </TASK>", None, us(2026, 5, 1, 10, micro=123_456), TsSource.DMESG_WALLCLOCK, from_kernel=True, level=4
        ),
    ),
    (
        "user: warning: [2026-05-01T10:00:00.123456789Z]: x",
        Record(1, "x", None, us(2026, 5, 1, 10, micro=123_456), TsSource.DMESG_WALLCLOCK, from_kernel=False, level=4),
    ),
    (
        "2026-05-01T10:00:00.123Z In(05) vcpu-5 - Guest: <4>[    1.200000]  x",
        Record(1, " x", 1_200_000, us(2026, 5, 1, 10, micro=123_000), TsSource.SYSLOG, from_kernel=True, level=4),
    ),
    (
        "2026-05-01T10:00:00.123Z| vcpu-0| I005: Guest: [    1.200000] x",
        Record(1, "x", 1_200_000, us(2026, 5, 1, 10, micro=123_000), TsSource.SYSLOG),
    ),
    (
        "2026-11-23T06:02:53,727681+00:00 x",
        Record(1, "x", None, us(2026, 11, 23, 6, 2, 53, micro=727_681), TsSource.DMESG_WALLCLOCK),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), DATED, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_framings_with_a_date(line: str, expected: Record) -> None:
    expected.wall_local |= expected.wall_source is INFERRED or line.startswith(
        ("Fri Jan  1", "[Thu May", "kern  :info")
    )
    assert one(line) == expected


def test_short_monotonic() -> None:
    found = read(
        "[   12.345678] web1 kernel: Mem-Info:",
        "[   13.456789] web1 systemd[1]: php.service: Failed with result 'oom-kill'.",
        "[   14.000000] web1 kernel: [ 1234]     0  1234",
    )
    assert found == [
        Record(1, "Mem-Info:", 12_345_678, host="web1", from_kernel=True),
        Record(
            2,
            "php.service: Failed with result 'oom-kill'.",
            13_456_789,
            host="web1",
            from_kernel=False,
            program="systemd",
        ),
        Record(3, "[ 1234]     0  1234", 14_000_000, host="web1", from_kernel=True),
    ]
    assert all(journal_monotonic.FRAMING.read(line, Clock(context(), [])) for line in journal_monotonic.FRAMING.samples)


def test_mixed_files() -> None:
    found = read(
        "# dmesg | tail",
        "[   12.345678] a",
        "Jan  5 15:19:27 h kernel: b",
        "4,1,2,-;c",
        " SUBSYSTEM=pci",
        " DEVICE=+pci:0000:00:1f.2",
        '{"MESSAGE":"d","_TRANSPORT":"kernel"}',
        "kernel: e",
        "f",
    )
    assert [(record.line, record.text) for record in found] == [
        (1, "# dmesg | tail"), (2, "a"), (3, "b"), (4, "c"), (7, "d"), (8, "e"), (9, "f"),
    ]  # fmt: skip


def test_colours_go_and_other_escapes_stay() -> None:
    coloured = b"\x1b[32m[   12.345678] \x1b[0m\x1b[33moom-kill:\x1b[0mconstraint=x"
    assert one(coloured) == Record(1, "oom-kill:constraint=x", 12_345_678)
    assert one(b"[   12.345678] a\x1bb").text == "a\x1bb"


def test_bytes_that_are_no_text_stay_visible() -> None:
    assert one(b"[   12.345678] caf\xe9 \xff\xc3\xa4").text == "caf\\xe9 \\xffä"


def test_the_caller_names_the_host() -> None:
    assert one("Jan  5 15:19:27 h kernel: x", context(host="web9")).host == "web9"
    assert one("x", context(host="web9")).host == "web9"


@pytest.mark.parametrize(
    "line",
    [
        "[   12.345678] htop invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        "[71073.562094]  active_file:14 inactive_file:66 isolated_file:2",
        "[71073.562094] [   1234]     0  1234    50000    20000   241664      300         -1000 sshd",
        "[123456789012.000001]x",
    ],
)
def test_the_short_way_reads_what_the_long_way_reads(line: str) -> None:
    stamp = dmesg.PLAIN.match(line)
    header = dmesg.read(line, Clock(Context("x.log", UTC, datetime(2026, 1, 1, tzinfo=UTC)), []))
    assert stamp is not None
    assert header is not None
    assert (stamp.end(), int(stamp[1] + stamp[2])) == (header.end, header.uptime_us)
    assert (header.caller, header.level, header.from_kernel) == (None, None, None)


@pytest.mark.parametrize(
    "line",
    ["[   12.345678][ T1] x", "[   12.345678] [    C0] x", "<4>[ 1.234567] x", "[ 1.234] x"]
    + [sample for prefix in vendor.PREFIXES for sample in prefix.samples],
)
def test_the_short_way_leaves_the_rest_alone(line: str) -> None:
    assert dmesg.PLAIN.match(line) is None


@pytest.mark.parametrize(
    "header",
    [
        "Dec 20 03:17:52 localhost kernel: ",
        "2026-01-05T15:19:27+01:00 web1 kernel: ",
        "<4>Jan  5 15:19:27 kernel: ",
        "kernel: ",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "[    5.000001] Mem-Info:", "[75669.581768]  active_file:14", "[    5.000001]", "[    5.000001] a#012b#011c",
        "[    5.01] x", "[    5.000001][T23028] x", "[    5.000001] [   77] x",
        "[    5.000001 <    0.023068>] x", "[ 1234]     0  1234", "x", "", "[    5.000001]\xa0x",
    ],
)  # fmt: skip
def test_a_line_behind_the_same_header_is_read_as_if_it_were_alone(header: str, text: str) -> None:
    alone, _, again = one(header + text), *read(header + "[    4.000000] before", header + text)
    again.line = 1
    assert again == alone
    *_, continued = read(header + text, " " * len(header + "[    5.000001] ") + "more")
    *_, both = read(header + "[    4.000000] before", header + text, " " * len(header + "[    5.000001] ") + "more")
    assert continued.text == both.text


def test_a_syslog_that_hands_on_what_kmsg_escapes() -> None:
    line = (
        r"Sep 23 05:36:30 alastor kernel: active_anon:1 inactive_anon:2\x0a active_file:68 inactive_file:100\x0a free:5"
    )
    (record,) = parse([line])
    assert record.text == "active_anon:1 inactive_anon:2\n active_file:68 inactive_file:100\n free:5"
