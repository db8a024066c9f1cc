"""Where a line or a structure says what stands there: class of a column (see redact.COLUMNS) by the name of the place."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator

from oomforensics.parsers.witnesses import WITNESSES

Place = tuple[int, int, str]  # from, to, class

# Keys of structures.
KEYS = {
    "boot_id": "ident", "cgroup": "cgroup", "cmdline": "command", "comm": "comm", "container_id": "ident", "file": "path",
    "framing": "keep", "host": "host", "hostname": "host", "incident_id": "ident", "job_id": "ident", "job_step": "step",
    "kind": "keep", "mechanism": "keep", "memcg": "cgroup", "monitored_cgroup": "cgroup", "node": "host",
    "on_behalf_comm": "comm", "path": "cgroup", "pod_uid": "ident", "process": "comm", "program": "comm",
    "severity": "keep", "sha256": "ident", "source": "path", "uid": "uid", "what": "prose",
}  # fmt: skip
# Keys of what a witness says, and groups of its patterns.
SAID = {
    **KEYS, "container": "cgroup", "image": "path", "name": "cgroup", "namespace": "cgroup", "pod": "cgroup",
    "slot": "cgroup", "unit": "cgroup",
}  # fmt: skip

# What the kernel prints; the groups' names are classes.
_KERNEL = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"^(?P<comm>.*) invoked oom-killer",
        r"[Kk]ill(?:ed)? process \d+(?:, UID (?P<uid>-?\d{1,20}),)? \((?P<comm>.*)\)"
        r"(?=,? (?:total-vm|vsz|score|sharing)|, UID|\. But|\.?\s*$)",
        r"(?:reaped process |reap pid:|OOM victim )\d+ \((?P<comm>.*)\)",
        r"[Cc]omm: (?P<comm>.*?) +(?=Kdump:|Not tainted|Tainted:)",
        r"(?:Not tainted|Tainted: [A-Z ()-]*?) +\(?(?P<release>\d[^\s)]*)",
        r"^(?P<comm>.*) cpuset=(?P<cgroup>\S+) mems_allowed",
        r"cpuset=(?P<cgroup>[^,]*),mems_allowed",
        r"(?:oom_memcg=(?P<cgroup>.*?)|global_oom),task_memcg=(?P<cgroup_2>.*),task=(?P<comm>.*),pid=\d+",
        r"Task in (?P<cgroup>.*) killed as a result of limit of (?P<cgroup_2>.*?)\s*$",
        r"Memory cgroup stats for (?P<cgroup>.*?): ?(?=[a-z]|$)",
        r"Tasks in (?P<cgroup>.*) are going to be killed",
        r"Hardware name: (?P<hardware>.*)$",
        r"(?i:(?:\buser|uid))(?:[:= ]|\": ?) ?(?P<uid>-?\d{1,20})(?![\w%-]|\.\d)",
    )
)
_ROW = re.compile(r"^\s*\[\s*\d+\](?:\s+-?\d+){4,12}\s(?P<comm>.*)$", re.DOTALL)
_ROW_UID = re.compile(r"^\s*\[\s*\d+\]\s+(?P<uid>-?\d{1,20})\s+\d")
_MOST_NAME = 80  # characters of a process's name: 15 bytes, four for each that is shown as \xNN
_BEFORE_PID = re.compile(r" \((?:pid \d+|\d+ process(?:es)?)\)")
_UID = re.compile(r"\buid (?P<uid>\d{1,20}) \(\d+ process(?:es)?\)")
_AFTER_PID = re.compile(r"\b\d+ \(")
# All that follows is one secret.
_REST = re.compile(
    r"^\s*Code:(?P<bytes>.*)|^\s*Modules linked in:(?P<names>.*)"
    r"|(?:\b(?:[Cc]ommand line|COMMAND|cmd_?line|proctitle|argv|args)\b[\"'\\]{0,2}\s?[:=])(?P<words>.*)",
    re.DOTALL,
)


def in_line(text: str, comms: Container[str]) -> Iterator[Place]:
    """Of two that meet, the one named first counts. `comms`: names of processes that are known."""
    yield from _row(text, comms)
    for witness in WITNESSES:
        if any(needle in text for needle in witness.needles):
            for pattern in witness.patterns:
                yield from _groups(pattern, text, SAID)
    for pattern in _KERNEL:
        yield from _groups(pattern, text, None)


def _groups(pattern: re.Pattern[str], text: str, classes: dict[str, str] | None) -> Iterator[Place]:
    for match in pattern.finditer(text):
        for group, value in match.groupdict().items():
            how = group.removesuffix("_2") if classes is None else classes.get(group)
            if value and how is not None:
                yield (*match.span(group), how)
                if how == "ident" and len(value) > 3:  # `[4711.batch] error: … StepId=4711.batch`
                    yield from ((*again.span(), how) for again in re.finditer(rf"\b{re.escape(value)}\b", text))


def _row(text: str, comms: Container[str]) -> Iterator[Place]:
    """The name at the end of a row of the task table, as the table was read; else what follows its figures."""
    row = _ROW.match(text)
    if row is None:
        return
    uid = _ROW_UID.match(text)
    if uid is not None:
        yield (*uid.span("uid"), "uid")
    end = len(text.rstrip())
    for at in range(max(0, end - _MOST_NAME), end):
        if text[at - 1 : at].isspace() and text[at:end] in comms:
            yield at, end, "comm"
            return
    yield row.start("comm"), end, "comm"


def in_sentence(text: str, comms: Container[str]) -> Iterator[Place]:
    """`NAME (pid N)`, `NAME (N processes)`, `N (NAME)` and `uid N (N processes)`, as our sentences have it, for names that
    could also be words of them.
    """
    yield from ((*match.span("uid"), "uid") for match in _UID.finditer(text))
    for match in _BEFORE_PID.finditer(text):
        end = match.start()
        yield from _first_comm(text, ((at, end) for at in range(max(0, end - _MOST_NAME), end)), comms)
    for match in _AFTER_PID.finditer(text):
        start = match.end()
        ends = range(min(len(text), start + _MOST_NAME), start, -1)
        yield from _first_comm(text, ((start, at) for at in ends), comms)


def _first_comm(text: str, places: Iterable[tuple[int, int]], comms: Container[str]) -> Iterator[Place]:
    for start, end in places:
        if text[start:end] in comms and not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum():
            yield start, end, "comm"
            return


def rest(text: str, found: Iterable[Place]) -> tuple[int, str] | None:
    """Where it begins that all that follows is a command line, or a list as telling; and what to call its parts.

    Not inside a name: a process may be called anything.
    """
    match = _REST.search(text)
    if match is None or match.lastgroup is None:
        return None
    at = match.start(match.lastgroup)
    return None if any(low < at <= high for low, high, _ in found) else (at, match.lastgroup)
