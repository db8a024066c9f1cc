"""What is left out of a large log changes nothing of what is found in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.lines import lines
from oomforensics.parsers.records import Problem
from oomforensics.parsers.unheard import TALKERS, WORDS, heard
from oomforensics.parsers.witness import Event, Speaker
from oomforensics.parsers.witness_observer import observe
from oomforensics.parsers.witnesses import WITNESSES
from tests.support.printer import KERNELS, Report, Task, stamped

DATE = b"Jan  5 15:19:27 web1 "
NOISE = b"sshd[77]: Accepted publickey for bob from 10.0.0.1 room 7"
VICTIM = Task(500, "java", rss_anon=5000, total_vm=9000)
PRINTED = Report(KERNELS["6.12"], [VICTIM], VICTIM, trigger=VICTIM)
REPORT = [b"kernel: " + line.encode() for line in stamped(list(PRINTED.lines()))]
PARTS: list[list[bytes]] = [
    [NOISE],
    [NOISE] * 40,
    [b"CRON[5]: (root) CMD (true)", b"kernel: [    1.000000] [UFW BLOCK] IN=eth0"],
    [b"java[9]: Exception in thread main", b"                       at oom.Main"],
    [b"cron: no pid", b"nginx[1]: GET /room/7", b"", b"bare"],
    [b"systemd-oomd[6]: Considered 9 cgroups for killing, top candidates were:", b"systemd-oomd[6]:         Path: /a"],
    [b"systemd-oomd[6]:                 Pgscan: 13035"],
    [b"nohang[8]:   PID: 27275, Name: Web Content, badness: 721"],
    [b"nohang[8]:   Sending SIGTERM to the victim"],
    [b'earlyoom[7]: sending SIGTERM to process 6 uid 0 "x": oom_score 9, VmRSS 1 MiB'],
    [b"systemd[1]: a.service: A process of this unit has been killed by the OOM killer."],
    [b"lmkd[3]: Killing 'com.example' (5), uid 10017, adj 902", b"lmkd[3]:    to free 3kB because x"],
    REPORT[:20],
    REPORT[20:],
    REPORT,
]


def dated(parts: list[list[bytes]]) -> bytes:
    every = [line if line[:1] in (b" ", b"") else DATE + line for part in parts for line in part]
    return b"".join(line + b"\n" for line in every)


def left(data: bytes) -> list[tuple[int, bytes]]:
    """What is left of it as lines, and each has its number."""
    numbered = [each for number, part in heard(data, 1) for each in lines([part], [], "x.log", number)]
    every = dict(lines([data], [], "x.log"))
    assert all(every[number] == line for number, line in numbered)
    return numbered


def found(numbered: list[tuple[int, bytes]]) -> tuple[list[Event], list[Any]]:
    problems: list[Problem] = []
    events: list[Event] = []
    context = Context("x.log", UTC, datetime(2026, 2, 1, tzinfo=UTC))
    records = observe(Reader(context, problems).records(numbered), "x.log", events)
    return events, list(assemble(records, "x.log"))


@given(st.lists(st.sampled_from(PARTS), max_size=12))
def test_the_same_is_found(parts: list[list[bytes]]) -> None:
    data = dated(parts)
    assert found(left(data)) == found(list(lines([data], [], "x.log")))


def test_lines_of_programs_are_left_out_and_those_that_matter_are_not() -> None:
    for part in PARTS:
        data = dated([[b"kernel: x"], part, [b"kernel: y"]])
        gone = len(data.splitlines()) - len(left(data))
        assert gone == (len(part) if part[0] == NOISE else any(b"CRON" in line or b"nginx" in line for line in part))


def test_a_date_of_any_syslog() -> None:
    for date in (b"Jan  5 15:19:27", b"2026-01-05T15:19:27+01:00", b"2026-01-05T15:19:27.123456Z"):
        assert left(b"x\n" + date + b" web1 " + NOISE + b"\ny\n") == [(1, b"x"), (3, b"y")]


def test_the_last_line_stays_for_the_next_part_may_continue_it() -> None:
    assert len(left(b"x\n" + DATE + NOISE + b"\n")) == 2


def test_every_witness_in_user_space_is_heard() -> None:
    for witness in WITNESSES:
        if witness.speaker is Speaker.KERNEL or witness.document:
            continue
        programs = set(witness.programs or ())
        if witness.more:
            assert programs and programs <= TALKERS
        elif not programs or not programs <= TALKERS:
            for sample in witness.samples:
                assert any(word in b" " + sample.encode() for word in WORDS), sample
