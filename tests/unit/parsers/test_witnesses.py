"""Every kind of witness reads its own lines and nobody else's; each fixture of fixtures/witnesses/ was read by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from oomforensics.parsers import loss_signs, scan
from oomforensics.parsers.assemble import assemble
from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.records import Problem, Record
from oomforensics.parsers.witness import Event, Says, Speaker, Witness
from oomforensics.parsers.witness_observer import MAX_EVENTS, Observer, observe
from oomforensics.parsers.witnesses import WITNESSES
from tests.support.samples import FIXTURES
from tests.support.witness_logs import LOGS

GATE = (
    "oom_", "oomd", "oom-kill", "OOM", "ill", "emory", "blocked for", "page alloc", "adness", "essages", "uppress", "uspended",
    "renaming and", "statistics; ",
)  # fmt: skip
BY_NAME = pytest.mark.parametrize("witness", WITNESSES, ids=lambda witness: witness.name)


def seen_in(records: list[Record]) -> list[Event]:
    events: list[Event] = []
    assert list(observe(records, "x.log", events)) == records
    return events


def spoken(witness: Witness, text: str) -> Record:
    """The line as its true writer writes it."""
    if witness.speaker is Speaker.KERNEL:
        return Record(1, text, from_kernel=True)
    program = min(witness.programs) if witness.programs else "somebody"
    return Record(1, text, from_kernel=False, program=program)


def whole(witness: Witness, sample: str) -> list[Record]:
    """The sample, and what else the event needs."""
    rest = {"nohang_kill": "  Sending SIGKILL to the victim",
            "cgroup_oom_hang": " [<0>] mem_cgroup_oom_synchronize+0x263/0x2a0"}  # fmt: skip
    lines = [sample, *([rest[witness.name]] if witness.name in rest else [])]
    return [spoken(witness, line) for line in lines]


@BY_NAME
def test_samples_are_read_by_their_own_entry(witness: Witness) -> None:
    for sample in witness.samples:
        found = [event.kind for event in seen_in(whole(witness, sample))]
        assert found == ([] if witness.document else [witness.name]), sample
    for pattern in witness.patterns:
        assert any(pattern.search(sample) for sample in witness.samples), pattern.pattern


@BY_NAME
def test_no_other_kind_claims_a_sample(witness: Witness) -> None:
    for sample in witness.samples:
        for other in WITNESSES:
            if other is witness or not any(needle in sample for needle in other.needles):
                continue
            assert not any(pattern.search(sample) for pattern in other.patterns), (sample, other.name)


@BY_NAME
def test_a_line_with_a_needle_passes_the_gate_and_the_scanner(witness: Witness) -> None:
    for sample in witness.samples:
        assert any(needle in sample for needle in witness.needles)
        assert any(word in sample for word in GATE) or sample.startswith("oom")
    if not witness.rare:
        tags = " ".join(witness.programs or ())
        near = [tags + "".join(record.text for record in whole(witness, sample)) for sample in witness.samples]
        assert any(anchor.needle.decode() in text for anchor in scan.ANCHORS for text in near)


@BY_NAME
def test_nobody_else_may_say_it(witness: Witness) -> None:
    for sample in witness.samples:
        lines = [record.text for record in whole(witness, sample)]
        liars = []
        if witness.speaker is Speaker.KERNEL:
            liars.append({"from_kernel": False, "program": "logger"})
            liars.append({"from_kernel": None, "program": "logger"})
        if witness.speaker is Speaker.PROGRAM:
            liars.append({"from_kernel": True, "program": None})
        if witness.programs is not None:
            liars.append({"from_kernel": False, "program": f"{min(witness.programs)} by logger"})
        for liar in liars:
            records = [Record(1, line, from_kernel=liar["from_kernel"], program=liar["program"]) for line in lines]  # type: ignore[arg-type]
            assert seen_in(records) == [], (sample, liar)


def test_names_are_unique() -> None:
    assert len({witness.name for witness in WITNESSES}) == len(WITNESSES)


def test_only_kills_and_claims_name_a_mechanism() -> None:
    for witness in WITNESSES:
        assert (witness.mechanism is not None) >= (witness.says is Says.KILL), witness.name
        assert witness.says is not Says.WARNING or witness.mechanism is None, witness.name


def read(name: str) -> tuple[list[Record], list[Event]]:
    lines = (FIXTURES / "witnesses" / name).read_bytes().split(b"\n")
    context = Context(name, UTC, datetime(2026, 12, 31, tzinfo=UTC))
    events: list[Event] = []
    return list(observe(Reader(context, []).records(enumerate(lines, 1)), name, events)), events


def plain(event: Event) -> dict[str, Any]:
    names = ("pid", "comm", "uid", "cgroup", "unit", "container_id", "pod_uid", "job_id", "host", "program")
    return {name: getattr(event, name) for name in names if getattr(event, name) is not None}


@pytest.mark.parametrize("name", sorted(LOGS))
def test_a_log_says(name: str) -> None:
    _, events = read(name)
    found = sorted(events, key=lambda event: event.line)
    assert [(event.kind, event.line) for event in found] == [(seen.kind, seen.line) for seen in LOGS[name]]
    for event, expected in zip(found, LOGS[name], strict=True):
        assert plain(event) == expected.who
        assert expected.detail.items() <= event.detail.items()
        if expected.moment is not None:
            assert event.wall_us is not None
            assert datetime.fromtimestamp(event.wall_us // 1_000_000, UTC).isoformat() == expected.moment
        else:
            assert event.wall_us is None


def test_every_fixture_is_looked_at_and_every_kind_has_one() -> None:
    assert sorted(LOGS) == sorted(path.name for path in (FIXTURES / "witnesses").iterdir())
    shown = {seen.kind for log in LOGS.values() for seen in log}
    assert shown == {witness.name for witness in WITNESSES} | {loss_signs.GAP, loss_signs.HEAD}


@pytest.mark.parametrize("name", sorted(set(LOGS) - {"kubernetes-node.log", "panic.log"}))
def test_what_others_say_is_no_report_of_the_kernel(name: str) -> None:
    records, _ = read(name)
    assert [incident.kills for incident in assemble(records, name) if incident.kills] == []


def test_a_forged_kernel_line_is_told_and_names_no_death() -> None:
    forged = "Out of memory: Killed process 1 (systemd) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB"
    record = Record(1, forged, from_kernel=False, program="systemd-oomd")
    (told,) = seen_in([record])
    assert (told.kind, told.says, told.program, told.pid) == ("quoted_kill", Says.WARNING, "systemd-oomd", 1)
    assert seen_in([Record(1, forged, from_kernel=from_kernel) for from_kernel in (True, None)]) == []
    assert list(assemble([record], "x.log")) == []


def test_what_a_program_wrote_to_the_kernels_log_has_its_tag_before_it() -> None:
    """systemd does so while there is no journal; the tag is then part of the line."""
    (event,) = seen_in([Record(1, "systemd[1]: web.service: Failed with result 'oom-kill'.", 5_000_000)])
    assert (event.kind, event.program, event.unit) == ("systemd_unit_result", "systemd", "web.service")
    assert seen_in([Record(1, "logger[9]: web.service: Failed with result 'oom-kill'.", 5_000_000)]) == []


def test_lines_of_another_writer_between_do_not_end_an_event() -> None:
    mine = {"from_kernel": False, "program": "systemd-oomd", "host": "a"}
    records = [
        Record(1, "Considered 2 cgroups for killing, top candidates were:", **mine),  # type: ignore[arg-type]
        Record(2, "        Path: /other", from_kernel=False, program="systemd-oomd", host="b"),
        Record(3, "        Path: /mine", **mine),  # type: ignore[arg-type]
        Record(4, "something else", **mine),  # type: ignore[arg-type]
        Record(5, "        Path: /late", **mine),  # type: ignore[arg-type]
    ]
    (event,) = seen_in(records)
    assert event.detail["candidates"] == [{"cgroup": "/mine"}]


def test_events_of_a_node_on_one_line() -> None:
    document = json.loads((FIXTURES / "witnesses" / "kubernetes-events.json").read_text())
    first, second = seen_in([Record(1, json.dumps(document, separators=(",", ":")))])
    assert (first.kind, first.pid, first.host) == ("kubernetes_node_oom", 4107, "node-1")
    assert (second.kind, second.comm, second.detail["count"]) == ("kubernetes_node_oom", "go-oom-test", 3)


def test_a_document_may_be_cut_anywhere() -> None:
    lines = (FIXTURES / "witnesses" / "kubernetes-pods.json").read_text().splitlines()
    hit = next(at for at, line in enumerate(lines) if "OOMKilled" in line)
    for start in range(hit + 1):
        for end in (hit + 1, len(lines)):
            (event,) = seen_in([Record(at, line) for at, line in enumerate(lines[start:end], 1)])
            assert event.kind == "kubernetes_oomkilled"
            if start <= hit - 3:  # its id stands three lines above
                assert event.container_id == "9192cb33411ff69d015a3577db136757f5b145064a1703efea3d0e12e8a64987"


def test_a_document_on_one_line() -> None:
    status = '{"exitCode":137,"finishedAt":"2026-05-01T10:00:00Z","reason":"OOMKilled","containerID":"containerd://9a"}'
    statuses = f'[{{"name":"app","lastState":{{"terminated":{status}}}}}]'
    line = f'{{"metadata":{{"name":"web","uid":"u"}},"status":{{"containerStatuses":{statuses}}}}}'
    (event,) = seen_in([Record(1, line)])
    assert (event.container_id, event.pod_uid, event.detail["pod"], event.detail["container"]) == (
        "9a",
        "u",
        "web",
        "app",
    )
    (event,) = seen_in([Record(1, line[: line.index("]")])])  # cut: the status itself is whole
    assert (event.container_id, event.detail["exit_code"]) == ("9a", 137)


def test_a_storm_is_cut_and_said_to_be() -> None:
    problems: list[Problem] = []
    events: list[Event] = []
    text = "swapper/21: page allocation failure: order:0, mode:0x20"
    for _ in observe((Record(at, text) for at in range(MAX_EVENTS + 5)), "x.log", events, problems):
        pass
    assert len(events) == MAX_EVENTS
    assert [problem.reason for problem in problems] == [f"5 events after the first {MAX_EVENTS} are not kept"]


def test_nothing_is_kept_for_ever() -> None:
    """Heads without their rest, and statuses without their pod."""
    observer = Observer("x.log", [])
    for at in range(5_000):
        observer.see(Record(at + 1, "  PID: 1, Name: a, badness: 1", from_kernel=False, program="nohang", host=str(at)))
    assert len(observer._open) < 100
    events: list[Event] = []
    observer = Observer("x.log", events)
    for at in range(10_000):
        observer.see(Record(at + 1, f'{" " * (at % 90)}"reason": "OOMKilled",'))
    observer.finish()
    assert len(events) > 5_000
