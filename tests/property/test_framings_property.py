"""A message written in a framing is read back as it was; bytes of any kind are read without an exception."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.parsers.framings import Reader, journal_export
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.lines import lines
from oomforensics.parsers.records import Problem, Record, TsSource
from oomforensics.parsers.scan import Window

NOT_AFTER = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
CONTEXT = Context("x.log", UTC, NOT_AFTER)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# One line of a message as the kernel prints it. `#` is rsyslog's escape, `[T1] ` looks like a caller, and hard blanks on
# several lines are a mail program's: these have tests of their own.
texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="#\x7f\xa0"), max_size=60
).filter(lambda text: text == text.replace("\x85", "") and not text.startswith((" [", "[")))
rows = st.sampled_from(["[ 1234]     0  1234    12345     678", "[  pid  ]   uid  tgid total_vm", " active_file:14"])
messages = st.one_of(texts, rows)
uptimes = st.integers(0, 10**14)
dates = st.datetimes(datetime(2025, 3, 12), datetime(2026, 3, 10)).map(lambda when: when.replace(tzinfo=UTC))
hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,20}[a-z0-9]", fullmatch=True)
callers = st.one_of(
    st.none(), st.integers(1, 4_000_000).map(lambda n: f"T{n}"), st.integers(0, 511).map(lambda n: f"C{n}")
)
levels = st.integers(0, 7)


def us(when: datetime) -> int:
    return (when - EPOCH) // timedelta(microseconds=1)


def stamp(uptime: int, caller: str | None) -> str:
    """kernel/printk/printk.c: print_time and print_caller."""
    return f"[{uptime // 10**6:5d}.{uptime % 10**6:06d}]" + (f"[{caller:>6}]" if caller else "") + " "


def read(*written: str) -> list[Record]:
    data = "".join(f"{line}\n" for line in written).encode()
    problems: list[Problem] = []
    found = list(Reader(CONTEXT, problems).records(lines([data], problems, "x.log")))
    assert problems == []
    return found


@given(st.lists(st.tuples(uptimes, callers, messages), min_size=1, max_size=5))
def test_dmesg(said: list[tuple[int, str | None, str]]) -> None:
    found = read(*(stamp(uptime, caller) + text for uptime, caller, text in said))
    assert found == [Record(n, text, uptime, caller=caller) for n, (uptime, caller, text) in enumerate(said, start=1)]


@given(levels, uptimes, messages)
def test_dmesg_with_priorities(level: int, uptime: int, text: str) -> None:
    name = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"][level]
    expected = [Record(1, text, uptime, from_kernel=True, level=level)]
    assert read(f"<{level}>{stamp(uptime, None)}{text}") == expected
    assert read(f"kern  :{name:<6}: {stamp(uptime, None)}{text}") == expected


@given(dates, hosts, uptimes, messages)
def test_syslog(when: datetime, host: str, uptime: int, text: str) -> None:
    when = when.replace(microsecond=0)
    date = f"{ENGLISH[when.month - 1]} {when.day:2d} {when:%H:%M:%S}"
    record = Record(1, text, uptime, us(when), TsSource.SYSLOG_YEAR_INFERRED, host, from_kernel=True, wall_local=True)
    assert read(f"{date} {host} kernel: {stamp(uptime, None)}{text}") == [record]
    record.host = None
    assert read(f"{date} kernel: {stamp(uptime, None)}{text}") == [record]


@given(dates, hosts, messages, st.sampled_from(["Z", "+00:00", "+05:30", "-0800"]))
def test_dates_with_a_zone(when: datetime, host: str, text: str, zone: str) -> None:
    sign, hours, minutes = (zone[0], zone[1:3], zone[-2:]) if zone != "Z" else ("+", "00", "00")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    date = f"{when + offset:%Y-%m-%dT%H:%M:%S}.{when.microsecond:06d}{zone}"
    record = Record(1, text, None, us(when), TsSource.SYSLOG, host, from_kernel=True)
    assert read(f"{date} {host} kernel: {text}") == [record]
    record.level = 4
    assert read(f"<4>1 {date} {host} kernel - - - {text}") == [record]


@given(dates, messages)
def test_dmesg_with_dates(when: datetime, text: str) -> None:
    record = Record(1, text, None, us(when), TsSource.DMESG_WALLCLOCK)
    assert read(f"{when:%Y-%m-%dT%H:%M:%S},{when.microsecond:06d}+00:00 {text}") == [record]
    record.wall_us = us(when.replace(microsecond=0))
    record.wall_local = True
    assert read(f"[Xyz {ENGLISH[when.month - 1]} {when.day:2d} {when:%H:%M:%S %Y}] {text}") == [record]


@given(levels, st.integers(0, 2**63), uptimes, callers, st.binary(max_size=40).filter(lambda raw: b"\0" not in raw))
def test_kmsg(level: int, seq: int, uptime: int, caller: str | None, raw: bytes) -> None:
    """Escaped as msg_add_ext_text in kernel/printk/printk.c does it."""
    escaped = "".join(chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}" for byte in raw)
    extra = f",caller={caller}" if caller else ""
    (record,) = read(f"{level},{seq},{uptime},-{extra};{escaped}")
    assert record == Record(
        1, record.text, uptime, from_kernel=True, level=level, caller=caller, seq=seq
    )  # fmt: skip
    try:
        assert record.text == raw.decode()
    except UnicodeDecodeError:
        record.text.encode()


entries = st.fixed_dictionaries(
    {"MESSAGE": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)},
    optional={
        "__REALTIME_TIMESTAMP": st.integers(0, 2**53).map(str),
        "_SOURCE_MONOTONIC_TIMESTAMP": uptimes.map(str),
        "_BOOT_ID": st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
        "_HOSTNAME": hosts,
        "PRIORITY": levels.map(str),
    },
)


def expected(entry: dict[str, str]) -> Record:
    def number(name: str) -> int | None:
        return int(entry[name]) if name in entry else None

    wall = number("__REALTIME_TIMESTAMP")
    return Record(
        1,
        entry["MESSAGE"],
        number("_SOURCE_MONOTONIC_TIMESTAMP"),
        wall,
        TsSource.NONE if wall is None else TsSource.JOURNALD,
        entry.get("_HOSTNAME"),
        entry.get("_BOOT_ID"),
        True,
        number("PRIORITY"),
    )


@given(entries)
def test_journal_json(entry: dict[str, str]) -> None:
    fields: dict[str, object] = dict(entry, _TRANSPORT="kernel")
    assert read(json.dumps(fields)) == [expected(entry)]
    fields["MESSAGE"] = list(entry["MESSAGE"].encode())
    assert read(json.dumps(fields)) == [expected(entry)]


@given(entries)
def test_journal_export(entry: dict[str, str]) -> None:
    data = b"__CURSOR=s\n_TRANSPORT=kernel\n"
    for name, value in entry.items():
        raw = value.encode()
        data += name.encode() + b"\n" + len(raw).to_bytes(8, "little") + raw + b"\n"
    problems: list[Problem] = []
    found = list(journal_export.records([Window(1, 0, data + b"\n")], CONTEXT, problems))
    assert (found, problems) == ([expected(entry)], [])


pieces = st.sampled_from(
    [
        b"[   12.345678] ", b"<4>", b"Dec 20 03:17:52 ", b"h ", b"kernel: ", b"evil[1]: ", b"4,1,2,-;", b"\\x0a", b"\\x",
        b'{"MESSAGE":', b'"x"}', b"null}", b"__CURSOR=\n", b"\n", b"\r\n", b"    ", b"> ", b"\x1b[0m", b"\xff", b"\0", b"#012",
        b"2026-05-01T10:00:00Z ", b"[Di Aug 32 25:61:61 2025] ", b"9999-12-31T23:59:59-23:59 ", b"\xd9\xa1", b"Feb 30 ",
        b"1 2026-05-01T10:00:00Z h kernel - - - ", b"Fri 0001-01-01 00:00:00 UTC ", b"[", b"]", b",", b";", b" " * 20,
    ]
)  # fmt: skip
junk = st.lists(st.one_of(pieces, st.binary(max_size=30)), max_size=40).map(b"".join)


@settings(max_examples=400)
@given(junk)
def test_any_bytes_are_read(data: bytes) -> None:
    problems: list[Problem] = []
    found = list(Reader(CONTEXT, problems).records(lines([data], problems, "x.log")))
    for record in found:
        record.text.encode()  # valid text
        assert "\0" not in record.text
    numbers = [record.line for record in found]
    assert numbers == sorted(set(numbers))
    again = list(Reader(CONTEXT, []).records(lines([data], [], "x.log")))
    assert again == found


@given(junk)
def test_any_bytes_are_read_as_an_export(data: bytes) -> None:
    for record in journal_export.records([Window(1, 0, b"__CURSOR=x\n" + data)], CONTEXT, []):
        record.text.encode()


@given(junk, st.lists(st.integers(0, 500), max_size=6))
def test_lines_do_not_depend_on_how_they_are_read(data: bytes, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(data)]
    chunks = [data[low:high] for low, high in itertools.pairwise(bounds)]
    assert list(lines(chunks, [], "x.log")) == list(lines([data], [], "x.log"))
