"""What a tool put around whole log lines when it showed, shipped or exported them.

    /var/log/kern.log:Jan 10 01:27:05 web1 kernel: [ 1683.797227] text        grep -r, zgrep, grep -n
       17  [ 1683.797227] text                                                cat -n, nl, less -N
    [2026-05-01T10:00:00.123Z] [ 1683.797227] text                            CI and console logs
    # [ 1683.797227] text                                                     comments, patches
    {"@timestamp": "…", "host": "web1", "message": "[ 1683.797227] text"}     exports of log stores
    "2026-05-01T10:00:00Z","web1","[ 1683.797227] text"                       the same as CSV

A carrier is believed only where what it carries is a line in one of the framings, and only in a source that has none in
the open: what stands after a strange prefix in an ordinary log is what some program wrote.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oomforensics.parsers.framings.base import Header
from oomforensics.parsers.framings.clock import WRITTEN, Clock
from oomforensics.parsers.records import TsSource
from oomforensics.parsers.text import clean


@dataclass(frozen=True, slots=True)
class Carried:
    """The line inside, and what its carrier says of it, as a header without a place."""

    text: str
    said: Header | None = None
    stream: int = 0  # which of several logs that run through each other


@dataclass(frozen=True, slots=True)
class Carrier:
    name: str
    begins: str  # what its lines may begin with, as a class of characters for `re`
    read: Callable[[str, Clock], Iterator[Carried]]  # what may be the line inside, the likeliest first
    samples: tuple[str, ...]  # a test: this carrier is the first of CARRIERS to read each
    tells: bool = False  # it says itself what is a log line: what it carries needs no framing


def _prefixed(pattern: str) -> Callable[[str, Clock], Iterator[Carried]]:
    match = re.compile(pattern).match

    def read(line: str, clock: Clock) -> Iterator[Carried]:
        if found := match(line):
            yield Carried(line[found.end() :])

    return read


# -- structured lines ------------------------------------------------------------------------------------------------

_WRAPPERS = ("_source", "jsonPayload", "fields", "journald", "labels", "resource", "attributes", "event")
_TEXT = ("MESSAGE", "message", "msg", "line", "textPayload", "short_message", "_raw", "body")
_TIME = ("@timestamp", "timestamp", "_time", "time", "ts", "date", "eventTime")
_HOST = ("_HOSTNAME", "hostname", "host", "source_host", "nodename", "node", "instance")
_PROGRAM = (
    "SYSLOG_IDENTIFIER", "syslog_identifier", "program", "programname", "PROGRAM", "appname", "app_name", "ident", "identifier",
)  # fmt: skip
_ESCAPED_END = re.compile(r"(?:\\[rn])+\Z")  # a serial console's line ends, escaped twice (Google's)
_EPOCH_MS = re.compile(r"\d{13}")


def _json(line: str, clock: Clock) -> Iterator[Carried]:
    if '":' not in line and '" :' not in line:
        return
    try:
        entry = json.loads(line.strip().rstrip(","))
    except (ValueError, RecursionError):
        return
    if not isinstance(entry, dict):
        return
    values = _flat(entry)
    text = _first(values, _TEXT)
    said = _said(values, clock)
    if "stream" in entry:  # Docker's json-file
        text = _first(values, ("log",)) or text
    if text is not None:
        yield Carried(_ESCAPED_END.sub("", text.rstrip("\n")), said)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Its fields and those of the wrappers that log stores put around an entry; the inner ones count."""
    values = dict(entry)
    for name in _WRAPPERS:
        inner = entry.get(name)
        if isinstance(inner, dict):
            values |= _flat_once(inner)
    host = values.get("host")
    if isinstance(host, dict):
        values["host"] = host.get("hostname") or host.get("name")
    return values


def _flat_once(inner: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(inner)
    for name in _WRAPPERS:
        deeper = inner.get(name)
        if isinstance(deeper, dict):
            values |= deeper
    return values


def _said(values: Mapping[str, Any], clock: Clock) -> Header:
    stamp = _first(values, _TIME)
    wall = None
    if stamp is not None:
        wall = int(stamp) * 1000 if _EPOCH_MS.fullmatch(stamp) else clock.written(stamp)
    program = _first(values, _PROGRAM)
    transport = values.get("_TRANSPORT")
    if values.get("stream") in ("stdout", "stderr") or values.get("type") == "k8s_container":
        kernel: bool | None = False  # a container's own output: it may say what it likes
    elif transport is not None:
        kernel = transport == "kernel"
    else:
        kernel = None if program in (None, "kernel") else False
    return Header(
        0,
        wall,
        TsSource.NONE if wall is None else TsSource.SYSLOG,
        _first(values, _HOST),
        kernel,
        program=None if program == "kernel" else program,
    )


def _first(values: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, str) and value:
            return clean(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    return None


def _csv(line: str, clock: Clock) -> Iterator[Carried]:
    """Any of its fields may be the line; the longest is looked at first."""
    try:
        fields = next(csv.reader([line]), [])
    except csv.Error:
        return
    yield from _longest_first(fields)


def _longest_first(fields: Sequence[str]) -> Iterator[Carried]:
    return map(Carried, sorted(fields, key=len, reverse=True)[:_MOST_FIELDS])


def _json_behind(line: str, clock: Clock) -> Iterator[Carried]:
    if found := _TAGGED_JSON.match(line):
        for carried in _json(line[found.end() :], clock):
            if carried.said is not None and carried.said.wall_us is None:
                carried.said.wall_us = wall = clock.written(found[1])
                carried.said.wall_source = TsSource.NONE if wall is None else TsSource.SYSLOG
            yield carried


def _labelled(line: str, clock: Clock) -> Iterator[Carried]:
    if found := _LABELS.match(line):
        values = dict(_LABEL.findall(found[2]))
        transport = values.pop("transport", None)
        yield Carried(line[found.end() :], _said({**values, "_TRANSPORT": transport, "time": found[1]}, clock))


def _tsv(line: str, clock: Clock) -> Iterator[Carried]:
    """As those of `_csv`."""
    fields = line.split("\t")
    if len(fields) >= _LEAST_FIELDS:
        yield from _longest_first(fields)


def _quoted(line: str, clock: Clock) -> Iterator[Carried]:
    if found := _QUOTED.match(line.rstrip()):
        quote, text = found.groups()
        yield Carried(_QUOTED_END[quote].sub("", text, count=1))


# -- the table ---------------------------------------------------------------------------------------------------------

_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d{1,9})?"
_LEVEL = r"(?:\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR)\]?:? +)?"

_TAGGED_JSON = re.compile(rf"({WRITTEN})[ \t]+[^\s{{]{{1,200}}[ \t]+(?=\{{\")")
_LABELS = re.compile(rf"({WRITTEN}) +(\{{[^{{}}]{{0,2000}}\}}) +")
_LABEL = re.compile(r'([\w.]{1,100})="((?:[^"\\]|\\.)*)"')
_QUOTED = re.compile(r"\s*(?:- )?([\"'])(.*)\Z", re.DOTALL)
_QUOTED_END = {quote: re.compile(rf"(?:\\[rn]){{0,4}}{quote}?(?: \+)?,?\Z") for quote in "\"'"}
_LEAST_FIELDS, _MOST_FIELDS = 3, 8  # that a line of TSV has, and that are tried as the line inside

_DATED = r"\[ *\d+\.|[A-Z][a-z]{2} [ \d]\d |\d{4}-\d\d-\d\dT|<\d{1,3}>"

CARRIERS: tuple[Carrier, ...] = (
    Carrier(
        "json", r"[{]", _json,
        (
            '{"@timestamp":"2026-05-01T10:00:00Z","host":"node-1","message":"[  12.345678] Mem-Info:"}',
            '{"jsonPayload":{"MESSAGE":"Mem-Info:","_HOSTNAME":"n1","SYSLOG_IDENTIFIER":"kernel"},"timestamp":"2026-05-01T10:00:00Z"}',
            '{"ts":"2026-05-01T10:00:00Z","labels":{"host":"node-1"},"line":"[  12.345678] Mem-Info:"}',
        ),
        tells=True,
    ),
    Carrier(  # fluentd's out_file: time, tag, record
        "json behind a tag", r"\d", _json_behind,
        (
            '2026-05-01T10:00:00+00:00\tkernel\t{"message":"[  12.345678] Mem-Info:"}',
            '2026-05-01 10:00:00.123456 +0000 kernel: {"message":"Mem-Info:","hostname":"web1"}',
        ),
        tells=True,
    ),
    Carrier(  # logcli, of Loki
        "labels", r"\d", _labelled,
        (
            '2026-05-01T10:00:00Z {job="kern", host="web1"} [  12.345678] Mem-Info:',
            '2026-05-01T10:00:00+02:00 {transport="kernel"} Mem-Info:',
        ),
        tells=True,
    ),
    Carrier("csv", r'"', _csv, ('"2026-05-01T10:00:00Z","node-1","[  12.345678] Mem-Info:"',)),
    Carrier(  # a line in a list of lines: Ansible's stdout_lines, YAML
        "quoted", r"[\s\-\"']", _quoted,
        ('        "[  12.345678] Mem-Info:",', "  - '[  12.345678] Mem-Info:'", "  '[  12.345678] Mem-Info:\\n' +"),
    ),
    Carrier("tsv", r"[^\s\[{\"']", _tsv, ("2026-05-01T10:00:00Z\tweb1\tkernel\t[  12.345678] Mem-Info:",)),
    Carrier(
        "line numbers", r"[\s\d]", _prefixed(r"[ \t]{0,12}\d{1,9}(?:[:|-]|[ \t]+\|?) ?"),
        ("    17  [  12.345678] Mem-Info:", "17:[  12.345678] Mem-Info:", "     17\t[  12.345678] Mem-Info:"),
    ),
    Carrier(
        "clock", r"[\[\d]", _prefixed(rf"(?:\[(?:{WRITTEN}|{_CLOCK})\]|{WRITTEN}|{_CLOCK}|\d{{13}}):? +{_LEVEL}"),
        (
            "[2026-05-01T10:00:00.123Z] [  12.345678] Mem-Info:", "[10:00:00.123] [  12.345678] Mem-Info:",
            "2026-05-01 10:00:00,123 INFO: [  12.345678] Mem-Info:", "1777629600000 [  12.345678] Mem-Info:",
        ),
    ),
    Carrier(  # a level in one letter, as routers (Keenetic) and consoles of log stores (Google's) show it
        "level", r"[\[A-Z]", _prefixed(r"(?:\[[A-Z]\]|[A-Z]) "),
        ("[W] Oct 22 20:02:33 kernel: Mem-Info:", "I 2026-05-01T10:00:00.123Z web1 kernel: Mem-Info:"),
    ),
    Carrier(
        "comment", r"[#/;*+%-]", _prefixed(r"(?:#{1,3}|//|;|\*|\+|-|%)[ \t]*"),
        ("# [  12.345678] Mem-Info:", "// [  12.345678] Mem-Info:", "+[  12.345678] Mem-Info:"),
    ),
    Carrier(  # grep writes a dash before a line of context, and in paths there are dashes, too
        "grep", r"[^\s\[{\"']", _prefixed(rf"[^\s:\[\]{{}}\"']{{1,400}}?(?::(?:\d{{1,9}}:)?|-(?:\d{{1,9}}-)?(?={_DATED}))"),
        (
            "/var/log/kern.log:Jan 10 01:27:05 web1 kernel: Mem-Info:", "kern.log:17:[  12.345678] Mem-Info:",
            "/var/log/kern-old.log-Jan 10 01:27:05 web1 kernel: Mem-Info:", "dmesg.0-17-[  12.345678] Mem-Info:",
        ),
    ),
)  # fmt: skip
