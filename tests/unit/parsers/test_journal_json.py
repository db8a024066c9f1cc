"""`journalctl -o json`: entries, what their message may be, and who wrote them."""

from __future__ import annotations

import pytest

from oomforensics.parsers.framings import Reader, journal_entry
from oomforensics.parsers.records import Problem, Record, TsSource
from tests.support.reading import context, one


def test_journal_json() -> None:
    line = (
        '{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1777622400123456","__MONOTONIC_TIMESTAMP":"75669599999",'
        '"_SOURCE_MONOTONIC_TIMESTAMP":"75669581768","_BOOT_ID":"f00","_HOSTNAME":"web1","_TRANSPORT":"kernel",'
        '"SYSLOG_FACILITY":"0","SYSLOG_IDENTIFIER":"kernel","PRIORITY":"4","MESSAGE":"a\\n b"}'
    )
    expected = Record(
        1, "a\n b", 75_669_581_768, 1_777_622_400_123_456, TsSource.JOURNALD, "web1", "f00", True, 4
    )  # fmt: skip
    assert one(line) == expected
    assert one("\x1e" + line) == one("data: " + line) == expected


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("[79,79,77,10,255]", "OOM\n\\xff"),
        ("null", ""),
        ('["first","second"]', "first"),
        ("[]", ""),
        ("[300]", ""),
        ("7", ""),
        ('"\\ud83d\\ude00"', "😀"),
        ('"half \\ud800 nul \\u0000"', "half \\ud800 nul \\x00"),
    ],
)
def test_journal_json_messages(message: str, text: str) -> None:
    record = one(f'{{"MESSAGE":{message},"__MONOTONIC_TIMESTAMP":"5","SYSLOG_IDENTIFIER":"kernel"}}')
    assert (record.text, record.uptime_us, record.from_kernel) == (text, 5, None)
    record.text.encode()


def test_a_torn_journal_entry_is_told_and_kept() -> None:
    problems: list[Problem] = []
    (record,) = Reader(context(), problems).records([(1, b'{"MESSAGE":"Out of mem')])
    assert record.text == '{"MESSAGE":"Out of mem'
    assert [problem.severity for problem in problems] == ["data_loss"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"SYSLOG_IDENTIFIER": "systemd-oomd", "_COMM": "systemd-oomd"}, "systemd-oomd"),
        ({"SYSLOG_IDENTIFIER": "k3s", "_COMM": "k3s-server"}, "k3s"),
        ({"SYSLOG_IDENTIFIER": "microk8s.daemon-kubelite", "_COMM": "kubelite"}, "microk8s.daemon-kubelite"),
        ({"SYSLOG_IDENTIFIER": "nohang", "_COMM": "python3", "_SYSTEMD_UNIT": "nohang.service"}, "nohang"),
        ({"SYSLOG_IDENTIFIER": "earlyoom", "_COMM": "logger", "_SYSTEMD_UNIT": "user@7.service"}, "earlyoom by logger"),
        ({"SYSLOG_IDENTIFIER": "earlyoom"}, "earlyoom"),
        ({"_COMM": "bash"}, "bash"),
        ({}, None),
    ],
)
def test_who_wrote_a_journal_entry(fields: dict[str, str | None], expected: str | None) -> None:
    assert journal_entry.program({"_TRANSPORT": "syslog", **fields}) == expected
