"""Log lines inside what a tool put around them: grep, exports of log stores, consoles of CI."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.framings.carrier import CARRIERS, Carrier
from oomforensics.parsers.framings.clock import Clock
from oomforensics.parsers.records import Record, TsSource
from tests.support.logs import CONTEXT, judged, parse
from tests.support.samples import FIXTURES

REPORT = (FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64" / "memcg-v2-hog" / "dmesg.log").read_text().splitlines()


def _csv(fields: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return out.getvalue()


def _bare(line: str) -> str:
    return line.partition("] ")[2]


AROUND: dict[str, Callable[[int, str], str]] = {
    "grep -r": lambda _, line: f"/var/log/kern.log:Jan 10 01:27:05 web1 kernel: {line}",
    "grep -n": lambda n, line: f"{n}:Jan 10 01:27:05 web1 kernel: {line}",
    "grep -rn": lambda n, line: f"kern.log:{n}:Jan 10 01:27:05 web1 kernel: {line}",
    "grep -C": lambda _, line: f"log/kern-1.log{':' if 'oom' in line else '-'}Jan 10 01:27:05 web1 kernel: {line}",
    "grep -Cn": lambda n, line: f"{n}{':' if 'oom' in line else '-'}{line}",
    "zgrep": lambda _, line: f"dmesg.0:{line}",
    "cat -n": lambda n, line: f"{n:6}\t{line}",
    "console of CI": lambda _, line: f"[2026-05-01T10:00:00.123Z] {line}",
    "log of Python": lambda _, line: f"2026-05-01 10:00:00,123 INFO: {line}",
    "milliseconds": lambda _, line: f"1777629600000 {line}",
    "console of a log store": lambda _, line: f"A 2026-05-01T10:00:00.123456Z web1 kernel: {line}",
    "comment": lambda _, line: f"# {line}",
    "patch": lambda _, line: f"+{line}",
    "log store": lambda _, line: json.dumps({"@timestamp": "2026-05-01T10:00:00Z", "host": "web1", "message": line}),
    "log store, hosts": lambda _, line: json.dumps({"_source": {"host": {"name": "web1"}, "message": line}}),
    "journal in a log store": lambda _, line: json.dumps(
        {
            "jsonPayload": {"MESSAGE": _bare(line), "_HOSTNAME": "web1", "SYSLOG_IDENTIFIER": "kernel"},
            "timestamp": "2026-05-01T10:00:00Z",
        }
    ),
    "CSV": lambda _, line: _csv(["2026-05-01T10:00:00Z", "web1", line]),
    "Ansible": lambda _, line: f"        {json.dumps(line)},",
    "YAML": lambda _, line: f"  - '{line}'",
    "TSV": lambda _, line: f"7\t2026-05-01T10:00:00Z\tweb1\tkernel\t{line}",
    "logcli": lambda _, line: f'2026-05-01T10:00:00Z {{host="web1", job="kern"}} {line}',
    "logcli, the journal": lambda _, line: f'2026-05-01T10:00:00Z {{host="web1", transport="kernel"}}   {_bare(line)}',
    "fluentd": lambda _, line: f"2026-05-01T10:00:00+00:00\tkernel\t{json.dumps({'message': line, 'host': 'web1'})}",
    "fluentd, to stdout": lambda _, line: f"2026-05-01 10:00:00.1 +0000 kernel: {json.dumps({'message': _bare(line)})}",
    "aws logs tail": lambda _, line: f"2026-05-01T10:00:00.1+00:00 i-7/kern.log May  1 10:00:00 web1 kernel: {line}",
    "collector": lambda _, line: f"May 01 10:00:00 web1 kernel:  {line}",
}  # fmt: skip


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda carrier: carrier.name)
def test_samples_are_read_by_their_own_carrier(carrier: Carrier) -> None:
    for sample in carrier.samples:
        reader = Reader(CONTEXT, [])
        (record,) = reader.records([(1, sample.encode())])
        assert record.text == "Mem-Info:", sample
        assert [name.rpartition(" in ")[2] for name, count in reader.seen.items() if count] == [carrier.name], sample


@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
def test_a_report_inside_is_the_report(around: Callable[[int, str], str]) -> None:
    (plain,) = judged(REPORT)
    (found,) = judged(around(number, line) for number, line in enumerate(REPORT, start=1))
    assert [kill.pid for kill in found.incident.kills] == [kill.pid for kill in plain.incident.kills]
    assert (found.verdict.word, found.totalpages.pages) == (plain.verdict.word, plain.totalpages.pages)
    assert [row.badness_pages for row in found.candidates] == [row.badness_pages for row in plain.candidates]


def test_what_the_carrier_says() -> None:
    (record,) = parse(
        ['{"@timestamp":"2026-05-01T10:00:00Z","host":{"name":"web1"},"message":"[   12.345678] Mem-Info:"}']
    )
    assert (record.host, record.wall_us, record.wall_source) == ("web1", 1777629600000000, TsSource.SYSLOG)
    assert (record.uptime_us, record.from_kernel) == (12345678, None)


@pytest.mark.parametrize(
    "line",
    [
        '{"message":"[   12.345678] Out of memory: Killed process 1 (init)","program":"evil"}',
        '{"jsonPayload":{"MESSAGE":"Out of memory: Killed process 1 (init)","SYSLOG_IDENTIFIER":"evil"}}',
        '{"jsonPayload":{"MESSAGE":"Out of memory: Killed process 1 (init)","SYSLOG_IDENTIFIER":"kernel","_TRANSPORT":"syslog"}}',
    ],
)
def test_a_program_inside_stays_a_program(line: str) -> None:
    (record,) = parse([line])
    assert record.from_kernel is False
    assert judged([line]) == []


@pytest.mark.parametrize(
    "line",
    [
        "x.log:[  1.000000] Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB",
        '{"message":"Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB"}',
    ],
)
def test_none_is_believed_in_an_ordinary_log(line: str) -> None:
    """There it continues what a program wrote."""
    assert judged([line]) != []
    assert judged(["Jan 10 01:27:05 web1 evil[7]: look:", line]) == []


def test_the_output_of_a_container_is_none() -> None:
    line = '{"log":"[   1.000000] Out of memory: Killed process 1 (init)\\n","stream":"stdout","time":"2026-05-01T10:00:00Z"}'
    assert judged([line]) == []


def test_a_large_one_is_searched_in_windows(tmp_path: Path) -> None:
    noise = [f"/var/log/syslog:Jan 10 01:27:0{n % 10} web1 app[7]: request {n} took 3 ms" for n in range(90_000)]
    report = [AROUND["grep -r"](0, line) for line in REPORT]
    log = tmp_path / "found.txt"
    log.write_text("\n".join([*noise, *report, *noise]) + "\n")
    assert log.stat().st_size > 8_000_000
    (found,) = _incidents(log)
    assert found == (90_000 + next(n for n, line in enumerate(REPORT, 1) if "invoked oom-killer" in line), 1)


def _incidents(log: Path) -> list[tuple[int, int]]:
    from oomforensics.parsers.assemble import assemble
    from oomforensics.parsers.containers.limits import Limits
    from oomforensics.parsers.opened import expand
    from oomforensics.parsers.reading import read
    from oomforensics.parsers.sources import iter_sources

    return [
        (incident.line_start, len(incident.kills))
        for source in iter_sources([str(log)])
        for opened in expand(source, Limits())  # type: ignore[arg-type]
        for incident in assemble(read(opened, timezone=CONTEXT.timezone), str(log))
    ]


@given(st.text(max_size=200))
def test_whatever_a_line_holds_none_fails(text: str) -> None:
    clock = Clock(Context("x", CONTEXT.timezone, CONTEXT.not_after), [])
    for carrier in CARRIERS:
        assert all(isinstance(carried.text, str) for carried in carrier.read(text, clock))
    assert all(isinstance(record, Record) for record in Reader(CONTEXT, []).records([(1, text.encode())]))


def _pretty(line: str, name: str = "textPayload") -> dict[str, object]:
    return {"insertId": "7", "resource": {"labels": {"zone": "z"}}, name: line, "timestamp": "2026-05-01T10:00:00Z"}


PRETTY: dict[str, Callable[[list[str]], object]] = {
    "a list": lambda lines: [_pretty(f"{line}\\r\\n") for line in lines],
    "a list in an object": lambda lines: {
        "events": [_pretty(line, "message") | {"ingestionTime": 1} for line in lines]
    },
    "hits of a search": lambda lines: {"hits": {"hits": [{"_source": {"message": line}} for line in lines]}},
}


@pytest.mark.parametrize("form", PRETTY.values(), ids=PRETTY)
@pytest.mark.parametrize("indent", [1, 2, 4])
def test_a_report_in_json_over_several_lines(form: Callable[[list[str]], object], indent: int) -> None:
    (plain,) = judged(REPORT)
    text = json.dumps(form(REPORT), indent=indent).splitlines()
    (found,) = judged(text)
    assert [kill.pid for kill in found.incident.kills] == [kill.pid for kill in plain.incident.kills]
    assert [row.badness_pages for row in found.candidates] == [row.badness_pages for row in plain.candidates]
    killed = next(number for number, line in enumerate(text, start=1) if "Killed process" in line)
    assert text[found.incident.kills[0].line - 1].strip() == "{"
    assert found.incident.kills[0].line < killed


def test_the_journal_over_several_lines() -> None:
    entry = {"__REALTIME_TIMESTAMP": "1777622400123456", "_TRANSPORT": "kernel", "_HOSTNAME": "web1", "MESSAGE": "{"}
    told = json.dumps(entry, indent="\t").splitlines()
    assert told[0] == "{"
    assert [(record.text, record.host, record.from_kernel, record.line) for record in parse([*told, *told])] == [
        ("{", "web1", True, 1), ("{", "web1", True, 1 + len(told)),
    ]  # fmt: skip


def test_what_is_never_closed_is_as_it_stands() -> None:
    told = ["{", '"MESSAGE": "x",', "[   12.345678] Mem-Info:"]
    assert [record.text for record in parse(told)] == ["{", '"MESSAGE": "x",', "Mem-Info:"]


def test_an_entry_without_end_is_let_go() -> None:
    told = ["{", '"MESSAGE": "x",', *["[" for _ in range(300_000)], "[   12.345678] Mem-Info:"]
    assert len(parse(told)) == len(told)


@pytest.mark.parametrize(
    ("line", "from_kernel"),
    [
        ('2026-05-01T10:00:00Z {host="web1", transport="kernel"} x', True),
        ('2026-05-01T10:00:00Z {host="web1", transport="stdout"} x', False),
        ('2026-05-01T10:00:00Z {host="web1", syslog_identifier="evil"} x', False),
        ('2026-05-01T10:00:00Z {host="web1", job="kern"} x', None),
        ('2026-05-01T10:00:00+00:00\tevil\t{"message":"x","host":"web1","ident":"evil"}', False),
        ('2026-05-01 10:00:00 +0000 kern: {"message":"x","host":"web1"}', None),
    ],
)
def test_who_said_it_by_a_log_stores_labels(line: str, from_kernel: bool | None) -> None:
    (record,) = parse([line])
    assert (record.text, record.host, record.from_kernel, record.wall_us) == (
        "x",
        "web1",
        from_kernel,
        1777629600000000,
    )


def test_a_line_inside_another_whose_time_counts() -> None:
    (record,) = parse(["2026-05-01T10:00:00Z relay/stream Apr 30 09:00:00 web1 kernel: [   12.345678] x"])
    assert (record.text, record.host, record.uptime_us, record.wall_us, record.from_kernel) == (
        "x", "web1", 12_345_678, 1777629600000000, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        '{"_source":{"message":"[    1.000000] x","stream":"stderr"}}',
        '{"labels":{"container":"shop","stream":"stderr"},"line":"[    1.000000] x"}',
        '2026-05-01T10:00:00Z {container="shop", stream="stderr"} [    1.000000] x',
        '{"textPayload":"[    1.000000] x","resource":{"type":"k8s_container"}}',
        '{"programname":"shop","message":"[    1.000000] x"}',
    ],
)
def test_what_a_container_or_a_program_said_is_its_own_word(line: str) -> None:
    (record,) = parse([line])
    assert (record.text, record.from_kernel) == ("x", False)
    assert [one.from_kernel for one in parse(['{"PROGRAM":"shop","MESSAGE":"x"}'])] == [False]


def test_a_short_line_of_csv_is_not_its_date() -> None:
    date = '"2026-03-09T12:00:08.123Z","web1","kernel",'
    texts = [one.text for one in parse([f'{date}"[    8.012010] hog invoked"', f'{date}"[    8.018673] Mem-Info:"'])]
    assert texts == ["hog invoked", "Mem-Info:"]
