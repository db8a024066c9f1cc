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
from oomforensics.parsers.unheard import TALKERS, WORDS, heard, of_packet_filter
from oomforensics.parsers.witness import Event, Speaker
from oomforensics.parsers.witness_observer import observe
from oomforensics.parsers.witnesses import WITNESSES
from tests.support.printer import KERNELS, Report, Task, stamped

DATE = b"Jan  5 15:19:27 web1 "
NOISE = b"sshd[77]: Accepted publickey for bob from 10.0.0.1 room 7"
VICTIM = Task(500, "java", rss_anon=5000, total_vm=9000)
PRINTED = Report(KERNELS["6.12"], [VICTIM], VICTIM, trigger=VICTIM)
REPORT = [b"kernel: " + line.encode() for line in stamped(list(PRINTED.lines()))]
PACKETS = [
    b"kernel: [  100.001990] [UFW BLOCK] IN=eth0 OUT= MAC=f2:3c:91 SRC=198.51.100.7 DST=203.0.113.7 LEN=40 ID=9 PROTO=TCP",
    b"kernel: [  100.001991] IN= OUT=br0 PHYSIN=veth1 SRC=2001:db8::1 DST=2001:db8::2 LEN=72 TC=0",
    b"kernel: [  100.001992] FINAL_REJECT: IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60",
]
PARTS: list[list[bytes]] = [
    [NOISE],
    PACKETS,
    [NOISE] * 40,
    [b"CRON[5]: (root) CMD (true)", b"kernel: [  100.001980] [UFW BLOCK] IN=eth0"],
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
        all_goes = part[0] == NOISE or part is PACKETS
        assert gone == (len(part) if all_goes else any(b"CRON" in line or b"nginx" in line for line in part))


def test_packets_are_told_from_names_that_look_like_them() -> None:
    assert all(of_packet_filter(line.decode().partition("] ")[2]) for line in PACKETS)
    row = "[   1000]  1000  1000    50000    14275   249856        0             0 IN= OUT= SRC=1"
    for text in (
        row,
        f"{row}.2.3.4 DST=1.2.3.4 LEN=40",
        "CPU: 1 PID: 7 Comm: IN= OUT= SRC=1 Not tainted 6.12.107 #1",
        "java cpuset=IN= OUT= SRC=1.2.3.4 DST=1.2.3.4 LEN=40 mems_allowed=0",
        "oom-kill:constraint=CONSTRAINT_NONE,task_memcg=/IN= OUT= SRC=1.2.3.4 DST=1.2.3.4 LEN=40,task=a,pid=1,uid=0",
    ):
        assert not of_packet_filter(text)
        data = dated([[NOISE], [b"kernel: [  100.000000] " + text.encode()], [NOISE]])
        assert (2, DATE + b"kernel: [  100.000000] " + text.encode()) in left(data)


def test_a_packet_inside_a_report_is_no_part_of_it() -> None:
    within = [*REPORT[:20], *PACKETS, *REPORT[20:]]
    (one,) = found(list(lines([dated([within])], [], "x.log")))[1]
    assert len(one.lines) == len(REPORT)
    assert not [line for line in one.lines if "SRC=" in line.text]


def test_noise_is_looked_for_again_behind_the_kill_whatever_word_it_stands_in() -> None:
    begins = b"kernel: java invoked oom-killer: order=0"
    for ends in (
        b"kernel: Killed process 5",
        b"slurm: oom-killed process 5",
        b"kernel: still oom-kill, killed process 5",
    ):
        data = dated([[NOISE], [begins], [NOISE], [ends], [NOISE], [b"kernel: x"]])
        gone = {1, 2, 3, 4, 5, 6} - {number for number, _ in left(data)}
        assert gone == {5}  # the first line of all may continue another


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
