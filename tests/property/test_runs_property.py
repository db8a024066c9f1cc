"""Rows taken many at a time give what they give one by one, whatever stands among them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.parsers import lines as plain
from oomforensics.parsers import runs
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.facts import Incident
from oomforensics.parsers.framings import HEAD_LINES, Reader
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.runs import Rows, Run
from oomforensics.parsers.witness import Event
from oomforensics.parsers.witness_observer import observe
from tests.support.logs import CONTEXT, one_by_one
from tests.support.printer import KERNELS, Report, Task

NAMES = (
    "java",
    "(sd-pam)",
    "Web Content",
    "tmux: server",
    "7z",
    "-bash",
    "a]b",
    "a#012b",
    "sleep 5 7",
    "",
    "ä",
    "x_1",
    "1_0",
)
HEADERS = (
    "",
    "<4>",
    "> ",
    "kernel: ",
    "Oct  9 12:10:07 server kernel: ",
    "Oct  9 12:10:07 server kernel:",
    "Oct  9 12:10:07 server app[7]: ",
    "<6>Oct  9 12:10:07 server kernel: ",
    "2026-10-09T12:10:07+00:00 server kernel: ",
)
FOREIGN = (
    b"[UFW BLOCK] IN=eth0 OUT=",
    b"[   77]     0    77      100       10        0        0             0 cron",
    b"  a line that goes on",
    b"",
    b"\0\0",
    b"[  9.9] x\r",
    b"Oct  9 12:10:08 server kernel: [    9.000001] usb 1-1: new",
)
HOSTILE = (
    b"9" * 17,
    b"9" * 18,
    b"9" * 19,
    b"9" * 25,
    b"-" + b"9" * 19,
    b"-100000000000000000",
    b"1-2",
    b"--3",
    b"-",
    b"- 4",
    b"007",
    b"1 2",
    b"",
)
BEFORE = [f"usb 1-{number}: new device" for number in range(HEAD_LINES)]  # what is looked at as a whole

tasks = st.builds(
    Task,
    st.integers(2, 10**7),
    st.sampled_from(NAMES),
    uid=st.integers(0, 2**32 - 1),
    rss_anon=st.integers(0, 10**6),
    rss_file=st.integers(0, 10**6),
    oom_score_adj=st.integers(-1000, 1000),
)
plain_tasks = st.builds(Task, st.integers(2, 10**5), st.just("java"), rss_anon=st.integers(0, 10**6))


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """A report in some framing, with what a log can do to its lines."""
    population = draw(st.lists(plain_tasks, min_size=10, max_size=30))
    for task in draw(st.lists(tasks, max_size=4)):
        population.insert(draw(st.integers(0, len(population))), task)
    victim = population[draw(st.integers(0, len(population) - 1))]
    texts = list(Report(KERNELS[draw(st.sampled_from(sorted(KERNELS)))], population, victim).lines())
    header = draw(st.sampled_from(HEADERS))
    start_us = draw(st.sampled_from((0, 99_999_990, 9_999_999_999_990)))
    written = [
        f"{header}[{(start_us + place) // 10**6:5d}.{(start_us + place) % 10**6:06d}] {text}".encode()
        for place, text in enumerate(BEFORE + texts)
    ]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(HEAD_LINES, len(written) - 1))
        match draw(st.sampled_from(("insert", "drop", "cut", "repeat", "swap", "header", "byte", "number"))):
            case "insert":
                written.insert(at, draw(st.sampled_from(FOREIGN)))
            case "drop":
                del written[at]
            case "cut":
                written[at] = written[at][: draw(st.integers(0, len(written[at])))]
            case "repeat":
                written.insert(at, written[draw(st.integers(0, len(written) - 1))])
            case "swap":
                written[at], written[at - 1] = written[at - 1], written[at]
            case "header":
                other = draw(st.sampled_from(HEADERS)).encode()
                written[at:] = [other + line[len(header.encode()) :] for line in written[at:]]
            case "number":
                words = written[at].split(b" ")
                numbers = [place for place, word in enumerate(words) if word.isdigit()]
                if numbers:
                    words[draw(st.sampled_from(numbers))] = draw(st.sampled_from(HOSTILE))
                written[at] = b" ".join(words)
            case "byte":
                place = draw(st.integers(0, max(len(written[at]) - 1, 0)))
                byte = draw(st.sampled_from((b" ", b"]", b"[", b"0", b"-", b"\xff", b"\x1b", b"\t", b":", b"_")))
                written[at] = written[at][:place] + byte + written[at][place + 1 :]
    return b"\n".join(written) + draw(st.sampled_from((b"\n", b"")))


def read(data: bytes, *, by_runs: bool) -> tuple[list[Record | Rows], Reader, list[Problem]]:
    problems: list[Problem] = []
    reader = Reader(CONTEXT, problems)
    found = runs.lines(data, problems, "x.log") if by_runs else plain.lines([data], problems, "x.log")
    return list(reader.records(found)), reader, problems


def told(records: list[Record | Rows]) -> tuple[list[Incident], list[Event]]:
    events: list[Event] = []
    return list(assemble(observe(records, "x.log", events), "x.log")), events


@settings(max_examples=400)
@given(logs())
def test_many_at_a_time_as_one_by_one(data: bytes) -> None:
    single, single_reader, single_problems = read(data, by_runs=False)
    many, many_reader, many_problems = read(data, by_runs=True)
    assert one_by_one(many) == single
    assert many_reader.seen == single_reader.seen
    assert many_problems == single_problems
    assert told(many) == told(single)


@settings(max_examples=200)
@given(logs())
def test_the_lines_of_runs_are_the_lines(data: bytes) -> None:
    problems: list[Problem] = []
    found: list[tuple[int, bytes]] = []
    for number, line in runs.lines(data, problems, "x.log"):
        found += line.lines() if isinstance(line, Run) else [(number, line)]
    assert found == list(plain.lines([data], [], "x.log"))


def test_a_report_is_nearly_all_one_run() -> None:
    population = [Task(1000 + place, "worker", rss_anon=place) for place in range(50)]
    texts = list(Report(KERNELS["6.12"], population, population[-1]).lines())
    for header in ("", "Oct  9 12:10:07 server kernel: "):
        data = "".join(f"{header}[   12.{place:06d}] {text}\n" for place, text in enumerate(BEFORE + texts))
        records, _, _ = read(data.encode(), by_runs=True)
        assert [found.run.count for found in records if isinstance(found, Rows)] == [48]
        ((incident,), _) = told(records)
        assert incident.table is not None
        assert [row.rss_anon_pages for row in incident.table.rows] == list(range(50))
