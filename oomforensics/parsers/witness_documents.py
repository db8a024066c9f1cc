"""Pods, containers and events as documents: `kubectl get -o json` and `-o yaml`, `kubectl describe`, `docker inspect`.

            "lastState": {
                "terminated": {
                    "containerID": "containerd://9192…",
                    "exitCode": 137,
                    "finishedAt": "2026-05-01T10:00:00Z",
                    "reason": "OOMKilled",

All of them say by indentation what belongs to what, so they are read as lines, like a log: a document may be cut, be one
of many, or be larger than memory. A status is found by its own line; what encloses it says whose it is.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

from oomforensics.parsers.records import Record
from oomforensics.parsers.witness import Event, Witness, begin, set_moment, set_time
from oomforensics.parsers.witnesses import BY_NAME

_LOOK_BACK = 4_000  # lines in which a status finds the pod it belongs to
_MAX_DEPTH = 64
_MAX_KEYS = 256  # of one level
_MAX_WAITING = 1_000  # statuses whose pod is still being read
_MAX_VALUE = 1_000
_LINE = re.compile(r'((?:- )*)"?([A-Za-z][\w ./-]{0,80}?)"?\s*:(?:\s+(.*))?')
_STATUS = re.compile(r'\{[^{}]*"reason":\s?"OOMKilled"[^{}]*\}')
_COUNT = re.compile(r"[0-9]{1,10}")
# Read before the status, and beside it.
_LIFTED = {
    "metadata": ("name", "namespace", "uid"),
    "spec": ("nodeName",),
    "involvedObject": ("kind", "name"),
    "regarding": ("kind", "name"),  # the same in events.k8s.io
    "source": ("component", "host"),
}
_STATUSES = {  # key and value of the line by which a document is known -> kind of its event
    ("reason", "OOMKilled"): "kubernetes_oomkilled",
    ("Reason", "OOMKilled"): "kubernetes_oomkilled",
    ("OOMKilled", "true"): "docker_inspect_oom",
    ("reason", "OOMKilling"): "kubernetes_node_oom",
    ("reason", "SystemOOM"): "kubernetes_node_oom",
}
_WORDS = ("OOMKilled", "OOMKilling", "SystemOOM")
_WHO = (
    re.compile(r"\bKill(?:ed)? process (?P<pid>\d{1,10}) \((?P<comm>.{0,60}?)\)(?: |,|$)"),
    re.compile(r"\bvictim process: (?P<comm>[^\n]{0,60}), pid: (?P<pid>\d{1,10})"),
)

Levels = list[tuple[str, dict[str, str]]]  # keys, and the values below each


class _Level:
    """What is at one indentation: `key:` with all that is below it."""

    def __init__(self, indent: int, key: str) -> None:
        self.indent, self.key = indent, key
        self.values: dict[str, str] = {}
        self.found: list[_Status] = []


class _Status:
    """A line of _STATUSES, the kind of its event, and the levels around it, from the inside out."""

    def __init__(self, record: Record, kind: str) -> None:
        self.record, self.kind = record, kind
        self.levels: Levels = []


class Documents:
    """Sees the lines of a source that are framed by nothing."""

    def __init__(self, keep: Callable[[Event], None], source: str) -> None:
        self._keep, self._source = keep, source
        self._before: deque[Record] = deque(maxlen=_LOOK_BACK)
        self._reading = False  # a status was seen lately
        self._stack = [_Level(-1, "")]
        self._value: tuple[int, str] | None = None  # the last `key: value`
        self._idle = 0
        self._last_line = 0

    def line(self, record: Record) -> bool:
        """True: it was a document of its own, of which all is said."""
        text = record.text
        if record.line != self._last_line + 1:
            self.finish()
        self._last_line = record.line
        hit = "OOM" in text and any(word in text for word in _WORDS)
        if hit and text[:1] in ("{", "["):
            return self._whole(record)
        if not self._reading:
            self._before.append(record)
            if not hit:
                return False
            self._reading = True
            for earlier in self._before:
                self._read(earlier)
            self._before.clear()
            self._idle = 0
            return False
        self._read(record)
        self._idle = 0 if hit else self._idle + 1
        if self._idle > _LOOK_BACK:
            self.finish()
        return False

    def finish(self) -> None:
        """The document ends here."""
        if self._reading:
            self._end()
            self._reading = False
        self._before.clear()

    # -- lines ---------------------------------------------------------------------------------------------------

    def _read(self, record: Record) -> None:
        text = record.text.expandtabs().rstrip()
        bare = text.lstrip()
        indent = len(text) - len(bare)
        if not bare:
            return
        if bare == "---":
            self._end()
            return
        match = _LINE.match(bare)
        self._close(indent)
        self._open_value(indent)
        if match is None:
            if bare[0] in "{[":
                self._push(indent, "")
            return
        dashes, key, value = match.groups()
        for _ in range(0, min(len(dashes), _MAX_DEPTH), 2):
            self._push(indent, "")
            indent += 2
        if indent == 0 and key == "Name" and "Name" in self._stack[0].values:  # the next pod of `kubectl describe`
            self._end()
        value = (value or "").rstrip(",").strip('"')
        if value in ("", "{", "["):
            self._push(indent, key)
            return
        here = self._stack[-1]
        if len(here.values) < _MAX_KEYS:
            here.values[key] = value[:_MAX_VALUE]
        self._value = (indent, key)
        if (kind := _STATUSES.get((key, value))) is not None:
            here.found.append(_Status(record, kind))

    def _push(self, indent: int, key: str) -> None:
        if len(self._stack) < _MAX_DEPTH:
            self._stack.append(_Level(indent, key))
        self._value = None

    def _open_value(self, indent: int) -> None:
        """`Last State: Terminated` has a value and lines below it, too."""
        if self._value is not None and indent > self._value[0]:
            self._push(*self._value)
        self._value = None

    def _close(self, indent: int) -> None:
        """All that is at `indent` or deeper has ended."""
        while len(self._stack) > 1 and self._stack[-1].indent >= indent:
            level = self._stack.pop()
            above = self._stack[-1]
            for name in _LIFTED.get(level.key, ()):
                if name in level.values:
                    above.values[f"{level.key}.{name}"] = level.values[name]
            for status in level.found:
                status.levels.append((level.key, level.values))
            if "metadata.name" in level.values or "Id" in level.values or len(above.found) > _MAX_WAITING:
                self._emit_all(level.found)
            else:
                above.found += level.found

    def _end(self) -> None:
        """What follows is about something else."""
        self._close(0)
        root = self._stack[0]
        for status in root.found:
            status.levels.append(("", root.values))
        self._emit_all(root.found)
        self._stack = [_Level(-1, "")]
        self._value = None

    def _emit_all(self, found: list[_Status]) -> None:
        for status in found:
            self._emit(status.record, status.kind, status.levels)

    # -- a document on one line ----------------------------------------------------------------------------------

    def _whole(self, record: Record) -> bool:
        try:
            document = json.loads(record.text)
        except (ValueError, RecursionError):  # cut: then what is left of each status
            found = [("kubernetes_oomkilled", [("", values)]) for values in _statuses(record.text)]
        else:
            found = list(_walk(document, "", [], 0))
        for kind, levels in found:
            self._emit(record, kind, levels)
        return bool(found)

    def _emit(self, record: Record, kind: str, levels: Levels) -> None:
        make = _node_event if kind == "kubernetes_node_oom" else _container_event
        self._keep(make(BY_NAME[kind], record, self._source, levels))


def _statuses(text: str) -> Iterator[dict[str, str]]:
    """The whole ones in a document that is not."""
    for match in _STATUS.finditer(text):
        with suppress(ValueError):
            yield _plain(json.loads(match[0]))


def _plain(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)[:_MAX_VALUE]
        for name, value in values.items()
        if isinstance(value, (str, int, float))
    }


def _walk(node: object, key: str, above: Levels, depth: int) -> Iterator[tuple[str, Levels]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(node, list):
        for item in node:
            yield from _walk(item, "", above, depth + 1)
    elif isinstance(node, dict):
        values = _plain(node)
        for lifted, names in _LIFTED.items():
            inner = node.get(lifted)
            if isinstance(inner, dict):
                values |= {f"{lifted}.{name}": value for name, value in _plain(inner).items() if name in names}
        levels = [(key, values), *above]
        for name, value in values.items():
            if (kind := _STATUSES.get((name, value))) is not None:
                yield kind, levels
        for name, inner in node.items():
            yield from _walk(inner, str(name), levels, depth + 1)


def _node_event(witness: Witness, record: Record, source: str, levels: Levels) -> Event:
    """An event of a node, by its kubelet or the node problem detector. `levels`: from the inside out."""
    event = begin(witness, record, source, record.text.strip()[:_MAX_VALUE], None)
    values = levels[0][1]
    message = values.get("message") or values.get("note") or ""
    for pattern in _WHO:
        if found := pattern.search(message):
            event.pid, event.comm = int(found["pid"]), found["comm"]
            break
    about = next((about for about in ("involvedObject", "regarding") if values.get(f"{about}.kind") == "Node"), None)
    event.host = values.get("source.host") or (values.get(f"{about}.name") if about else None)
    count = values.get("count", "")
    said = {
        "reason": values.get("reason"),
        "message": message or None,
        "reported_by": values.get("source.component")
        or values.get("reportingComponent")
        or values.get("reportingController"),
        "count": int(count) if _COUNT.fullmatch(count) else None,
        "first": values.get("firstTimestamp") or values.get("deprecatedFirstTimestamp"),
    }
    event.detail = {key: value for key, value in said.items() if value}
    for name in ("lastTimestamp", "deprecatedLastTimestamp", "eventTime"):
        if name in values:
            set_time(event, values[name])
    return event


def _container_event(witness: Witness, record: Record, source: str, levels: Levels) -> Event:
    """`levels`: keys and values around the status, from the inside out."""
    event = begin(witness, record, source, record.text.strip()[:_MAX_VALUE], None)
    status = levels[0][1]

    def nearest(*names: str, start: int = 0) -> str | None:
        return next((values[name] for _, values in levels[start:] for name in names if name in values), None)

    state = next((key for key, _ in levels[:2] if key in ("state", "lastState", "Last State")), None)
    # Beside the last state stands the id of the container that runs now.
    container = (
        status.get("containerID")
        if state in ("lastState", "Last State")
        else nearest("containerID", "Container ID", "Id")
    )
    if container is not None:
        event.container_id = container.rpartition("://")[2][:128] or None
    event.pod_uid = nearest("metadata.uid")
    node = nearest("spec.nodeName", "Node")
    event.host = node.partition("/")[0] if node else None
    name = nearest("name", "Name", start=1)
    if "Exit Code" in status:  # `kubectl describe`: the container's name is the key of its block
        blocks = ("Containers", "Init Containers")
        name = next((inner[0] for inner, outer in pairwise(levels) if outer[0] in blocks), None)
    exit_code = nearest("exitCode", "Exit Code", "ExitCode")
    finished = status.get("finishedAt") or status.get("Finished") or status.get("FinishedAt")
    said = {
        "container": name.lstrip("/") if name else None,
        "pod": nearest("metadata.name") or (levels[-1][1].get("Name") if "Exit Code" in status else None),
        "namespace": nearest("metadata.namespace", "Namespace"),
        "exit_code": int(exit_code) if exit_code and _COUNT.fullmatch(exit_code) else None,
        "started": status.get("startedAt") or status.get("Started") or status.get("StartedAt"),
        "finished": finished,
        "state": state,
    }
    event.detail = {key: value for key, value in said.items() if value is not None}
    if finished:
        set_time(event, finished)
        with suppress(ValueError, TypeError, OverflowError, IndexError):  # all that it raises of odd text
            set_moment(event, parsedate_to_datetime(finished))
    return event
