"""Lines behind a prefix that no framing describes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.learnt import AHEAD, MOST_PREFIXES, Learnt, _shape
from oomforensics.parsers.records import PAUSE, PAUSED_LINE, Problem
from tests.support.logs import CONTEXT, incidents, judged, parse
from tests.support.variants import FIXTURES, Line, killed, lines

_SAID = lines(FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64" / "global-no-swap")
_OF_A_GROUP = lines(FIXTURES / "kernels" / "6.1.0-50-686-pae" / "memcg-v2-hog")
(_VICTIM,) = killed(FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64" / "global-no-swap")
_OTHER = 138  # was not killed
STAMPED = "[{up:12.6f}] "
PREFIXES = {
    "a service of compose": "web_1  | " + STAMPED,
    "a host": "web1: " + STAMPED,
    "a host and a syslog's": "web1: {at:%b %e %H:%M:%S} web2 kernel: " + STAMPED,
    "a date of nobody knows which order": "{at:%m/%d/%Y %H:%M:%S} web1 kernel: ",
    "a date with dots": "{at:%d.%m.%Y %H:%M:%S} web1 kernel: ",
    "an epoch": "{at:%s} web1 kernel: ",
    "a level before the date": "kern.warning {at:%b %e %H:%M:%S} web1 kernel: ",
    "levels": "web1 {level} ",
    "columns": "{at:%Y-%m-%d %H:%M:%S};web1;kernel;",
    "a prompt": "$ " + STAMPED,
    "a counter": "web1#{count} ",
    "levels in one letter": "web1 {letter}: ",
    "levels of one width": "web1 {level:<8}",
    "counters of one width": "{count:4d}; " + STAMPED,
    "an address": "10.0.0.7: " + STAMPED,
    "an indented block": "    ",
}


def behind(prefix: str, said: list[Line]) -> list[str]:
    levels = ("warning", "INFO", "err", "Notice")
    return [
        prefix.format(up=line.uptime_s, at=line.moment, level=levels[count % 4], letter="WIE"[count % 3], count=count)
        + line.text
        for count, line in enumerate(said)
    ]


def whole(said: list[str]) -> int:
    """How many reports have a task table; a kill alone is found behind any words."""
    return sum(one.table is not None for one in incidents(said))


@pytest.mark.parametrize("said", [_SAID, _OF_A_GROUP], ids=["machine", "group"])
@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_a_report_behind_a_prefix_is_the_same_report(prefix: str, said: list[Line]) -> None:
    (plain,) = judged([f"[{line.uptime_s:12.6f}] {line.text}" for line in said])
    problems: list[Problem] = []
    (found,) = judged(["of something else", *behind(prefix, said), *behind(prefix, said)][: len(said) + 1])
    assert [kill.pid for kill in found.incident.kills] == [kill.pid for kill in plain.incident.kills]
    assert [(row.row.pid, row.badness_pages) for row in found.candidates] == [
        (row.row.pid, row.badness_pages) for row in plain.candidates
    ]
    assert (found.verdict.word, found.incident.missing) == (plain.verdict.word, plain.incident.missing)
    assert (found.incident.line_start, found.incident.host) == (plain.incident.line_start + 1, None)
    records = parse(["of something else", *behind(prefix, said)], problems)
    assert all(record.wall_us is None for record in records)
    (told,) = [problem for problem in problems if "lines stand behind" in problem.reason]
    assert told.severity == "info"


def test_several_prefixes_in_one_source() -> None:
    both = [*behind("web1 | ", _SAID), *behind("db2 | ", _SAID), *behind("web1 | ", _SAID)]
    assert whole(both) == 3
    many = [line for number in range(40) for line in behind(f"{'x' * (number + 1)} | ", _SAID)]
    problems: list[Problem] = []
    parse(many, problems)
    assert whole(many) == MOST_PREFIXES and any("too many prefixes" in problem.reason for problem in problems)


@pytest.mark.parametrize("others", ["web2: ", "db: ", "web-1: ", "10.0.0.8: "])
@pytest.mark.parametrize("offset", [1, 6, 9, 40])
def test_reports_that_run_through_each_other_are_two(others: str, offset: int) -> None:
    (plain,) = judged(line.text for line in _SAID)
    for name in ("web1: ", "10.0.0.7: "):
        one, other = behind(name + STAMPED, _SAID), behind(others + STAMPED, _SAID)
        mixed = [*one, *other] if offset == 40 else []  # both are known already
        mixed += one[:offset]
        for pair in zip([*one[offset:], *[""] * offset], other, strict=True):
            mixed += [line for line in pair if line]
        for found in judged(mixed):
            assert [row.row.pid for row in found.candidates] == [row.row.pid for row in plain.candidates]
            assert [kill.pid for kill in found.incident.kills] == [_VICTIM]


def test_another_machines_dead_are_not_this_ones() -> None:
    killed_before = (
        f"web1: [    1.000000] Out of memory: Killed process {_OTHER} (big) total-vm:9kB, anon-rss:5kB, file-rss:4kB"
    )
    found = judged([*behind("web1: " + STAMPED, _SAID), killed_before, *behind("web2: " + STAMPED, _SAID)])
    assert _OTHER in {row.row.pid: row for row in found[-1].candidates if row.badness_pages is not None}


REFUSED = {
    "a web server's log": '10.0.0.7 - - [01/May/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "{text}"',
    "what somebody said": "2026-05-01 10:00:00 INFO login failed for user {text}",
    "a value of a key": "time=10:00:00 msg={text}",
    "words behind it": 'web1 | {text}"',
    "a container's log in Kubernetes": "2026-05-01T10:00:00.123456789Z stderr F {text}",
    "the same behind its name": "shop 2026-05-01T10:00:00.123456789Z stderr F {text}",
    "another program's": "May  1 10:00:00 web1 evil[71]: {text}",
    "the same with another date": "05/01/2026 10:00:00 web1 nginx[71]: {text}",
    "the same behind a prompt": "$ May  1 10:00:00 web1 nginx[71]: {text}",
    "the same without a pid": "05/01/2026 10:00:00 web1 nginx: {text}",
    "a database's statement": "2026-05-01 10:00:00.123 UTC [71] STATEMENT:  {text}",
    "a Ruby program's": "I, [2026-05-01T10:00:00.123456 #71]  INFO -- : {text}",
    "a Java program's": "2026-05-01 10:00:00.123  INFO 71 --- [nio-8080-exec-1] c.e.demo.Chat : {text}",
    "a talk": "10:00 < joe> {text}",
    "another talk": "[12:00:08 INFO]: <joe> {text}",
    "a mail's": "  X-L: {text}",
    "some other line each time": "{number} {word} | {text}",
    "two machines by their numbers": "node {parity} | {text}",
}
REFUSED_BARE = {
    "a program's with a date": "[01-May-2026 10:00:00 UTC] {text}",
    "another's": "2026-05-01T10:00:00.123456Z\t   12 Query\t{text}",
    "a third": "2026-05-01 10:00:00\tjoe\t{text}",
}


@pytest.mark.parametrize("form", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("stamp", ["", STAMPED], ids=["bare", "stamped"])
def test_what_anybody_may_have_sent_is_no_report(form: str, stamp: str) -> None:
    said = [
        form.format(text=text, number=number, parity=number % 2, word="x" * (number % 40 + 1))
        for number, text in enumerate(behind(stamp, _SAID))
    ]
    assert whole(said) == 0


@pytest.mark.parametrize("form", REFUSED_BARE.values(), ids=REFUSED_BARE)
def test_a_date_or_columns_are_no_machine_but_a_kernels_stamp_behind_them_is(form: str) -> None:
    assert whole([form.format(text=text) for text in behind("", _SAID)]) == 0
    assert whole([form.format(text=text) for text in behind(STAMPED, _SAID)]) == 1


def test_a_log_with_lines_in_the_open_has_none_behind_a_prefix() -> None:
    assert whole(["May  1 10:00:00 web1 cron[7]: x", *behind("web1 | ", _SAID)]) == 0


def test_few_kinds_of_sentences_are_too_few() -> None:
    head = ["web1 | init invoked oom-killer: gfp_mask=0xcc0, order=0"]
    table = [line for line in behind("web1 | ", _SAID) if re.search(r"\| \[ *(?:\d+|pid) *\] ", line)]
    assert len(table) > 4 and whole([*head, *table]) == 0
    assert whole([*head, "web1 | Mem-Info:", *table]) == 1


def test_a_pause_ends_what_is_looked_at_ahead() -> None:
    numbered = [(number, line.encode()) for number, line in enumerate(behind("web1 | ", _SAID), start=1)]
    found = list(Reader(CONTEXT, []).records([*numbered[:60], PAUSED_LINE, *numbered[60:], PAUSED_LINE]))
    assert [number for number, each in enumerate(found) if each is PAUSE] == [60, len(numbered) + 1]


def test_a_log_without_any_prefix_is_looked_at_once() -> None:
    learnt = Learnt()
    bare = [line.text for line in _SAID]
    head = next(number for number, line in enumerate(bare) if learnt.asks(line))
    assert learnt.learns(bare[head : head + AHEAD]) is None
    problems: list[Problem] = []
    parse(bare, problems)
    assert not learnt.is_full and problems == []
    assert not any(map(learnt.asks, bare))


@given(st.text(st.characters(exclude_characters="\n"), max_size=80))
def test_a_prefix_is_of_its_own_shape(prefix: str) -> None:
    assert re.fullmatch(_shape(prefix), prefix)


@given(st.lists(st.text(max_size=60), max_size=30))
def test_whatever_lines_hold_none_fails(texts: list[str]) -> None:
    learnt = Learnt()
    learnt.learns(texts)
    assert all(isinstance(learnt.asks(text), bool) for text in texts)
