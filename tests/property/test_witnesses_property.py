"""Whatever is logged, witnesses survive it, change no record, and name nobody who is not in the line."""

from __future__ import annotations

import random
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from oomforensics.parsers.records import Record
from oomforensics.parsers.witness import Event
from oomforensics.parsers.witness_observer import observe
from oomforensics.parsers.witnesses import WITNESSES
from tests.support.samples import FIXTURES

SAMPLES = [sample for witness in WITNESSES for sample in witness.samples]
LINES = [
    line
    for path in sorted((FIXTURES / "witnesses").iterdir())
    for line in path.read_text().splitlines()
]  # fmt: skip
PROGRAMS = sorted({None, "logger", *(name for witness in WITNESSES for name in witness.programs or ())}, key=str)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SAMPLES + LINES))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(0, 4))):
        at = chance.randrange(len(text) + 1)
        what = chance.choice(["cut", "drop", "put", "double"])
        if what == "cut":
            text = text[:at]
        elif what == "drop":
            text = text[:at] + text[at + chance.randrange(1, 9) :]
        elif what == "put":
            text = (
                text[:at]
                + chance.choice(["\n", '"', "'", "(", "\x00", "é", "9" * 30, " ", ": ", "{", "\t"])
                + text[at:]
            )
        else:
            text = text[:at] + text
    return text


@given(
    st.lists(
        st.tuples(
            st.one_of(damaged(), st.text(string.printable, max_size=60)),
            st.sampled_from(PROGRAMS), st.sampled_from([None, True, False]), st.integers(0, 3),
        ),
        max_size=40,
    )
)  # fmt: skip
@settings(max_examples=300)
def test_any_lines_are_survived(shown: list[tuple[str, str | None, bool | None, int]]) -> None:
    line = 0
    records = []
    for text, program, from_kernel, gap in shown:
        line += 1 + gap
        records.append(Record(line, text, from_kernel=from_kernel, program=program))
    events: list[Event] = []
    assert list(observe(records, "x.log", events)) == records
    lines = {record.line: record for record in records}
    for event in events:
        record = lines[event.line]
        witness = next(witness for witness in WITNESSES if witness.name == event.kind)
        assert not (witness.speaker == "kernel" and record.from_kernel is False)
        assert not (witness.speaker == "program" and record.from_kernel is True)
        if witness.programs is not None and event.program is not None:
            assert event.program in witness.programs
        assert event.comm is None or event.comm in record.text
        assert event.pid is None or 0 <= event.pid < 10**18


_NAME = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), min_size=1, max_size=5
)


@given(_NAME, st.text(max_size=40), st.integers(1, 2**22), st.integers(0, 2**31))
def test_earlyoom_round_trip(comm: str, cmdline: str, pid: int, uid: int) -> None:
    """As kill.c prints it, whatever the process and its command line are called."""
    text = f'sending SIGTERM to process {pid} uid {uid} "{comm}": oom_score 700, VmRSS 12 MiB, cmdline "{cmdline}"'
    events: list[Event] = []
    list(observe([Record(1, text, from_kernel=False, program="earlyoom")], "x.log", events))
    (event,) = events
    assert (event.pid, event.uid, event.comm, event.detail["rss_mib"]) == (pid, uid, comm, 12)


@given(_NAME, st.integers(1, 2**22))
def test_kernel_round_trip(comm: str, pid: int) -> None:
    events: list[Event] = []
    texts = (
        f"{comm}: page allocation failure: order:2, mode:0x20",
        f"oom_reaper: unable to reap pid:{pid} ({comm})",
        f"lowmemorykiller: Killing '{comm}' ({pid}), adj 900,",
    )
    list(observe([Record(at, text, from_kernel=True) for at, text in enumerate(texts)], "x.log", events))
    assert sorted((event.kind, event.comm) for event in events) == [
        ("lowmemorykiller", comm), ("oom_reaper_failure", comm), ("page_allocation_failure", comm),
    ]  # fmt: skip
