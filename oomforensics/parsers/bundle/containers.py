"""Containers as their runtimes and Kubernetes list them: which pod and container a control group is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from oomforensics.parsers.bundle import blocks
from oomforensics.parsers.bundle.facts import Container, Fact

MAX_CONTAINERS = 100_000
MAX_LINES = 1_000_000
_ID = re.compile(r"(?:([a-z-]{2,20})://)?([0-9a-f]{12,64})")
_BLOCK = re.compile(r"^ID: [0-9a-f]{12,64}$", re.MULTILINE)
_LABELS = "io.kubernetes."
_MAX_COLUMNS = 20  # docker prints 7, crictl 9
_COLUMN = re.compile(r"\S+(?: \S+)*")  # a head: two blanks are between columns
_KIB = re.compile(r"(\d{1,15})Ki")


def crictl(text: str, of: str) -> Iterator[Container]:
    """`crictl ps -o json`."""
    for one in _list(_get(_parsed(text), "containers")):
        found = _identified(_get(one, "id"))
        if found is not None:
            labels = _get(one, "labels")
            yield Container(
                found[1],
                None,
                _text(_get(_get(one, "metadata"), "name")),
                _text(_get(labels, _LABELS + "pod.uid")),
                _text(_get(labels, _LABELS + "pod.name")),
                _text(_get(labels, _LABELS + "pod.namespace")),
                _text(_get(_get(one, "image"), "image")) or _text(_get(one, "imageRef")),
            )


def docker(text: str, of: str) -> Iterator[Container]:
    """`docker inspect`, `podman inspect` and `podman ps --format json`; `docker ps --format json`: an object a line."""
    document = _parsed(text)
    for one in _list(document) or [_parsed(line) for line in text.splitlines()[:MAX_CONTAINERS]]:
        found = _identified(_get(one, "Id") or _get(one, "ID"))
        if found is not None:
            config = _get(one, "Config")
            labels = _get(config, "Labels") or _get(one, "Labels")
            names = _get(one, "Names")
            name = _text(_get(one, "Name")) or _text(names[0] if isinstance(names, list) and names else names)
            yield Container(
                found[1],
                None,
                name.lstrip("/") if name else None,
                _text(_get(labels, _LABELS + "pod.uid")),
                _text(_get(labels, _LABELS + "pod.name")),
                _text(_get(labels, _LABELS + "pod.namespace")),
                _text(_get(config, "Image")) or _text(_get(one, "Image")),
            )


def crictl_inspect(text: str, of: str) -> Iterator[Container]:
    """`crictl inspect`: one container."""
    status = _get(_parsed(text), "status")
    if isinstance(status, dict):
        yield from crictl(json.dumps({"containers": [status]}), of)


def table(text: str, of: str) -> Iterator[Container]:
    """What `ps` of docker, podman, nerdctl and crictl prints: ids cut to 12 or 13 digits, columns below their heads."""
    starts: dict[str, tuple[int, int | None]] = {}
    for number, line in enumerate(text.splitlines()[:MAX_CONTAINERS], start=1):
        if line.startswith("CONTAINER"):
            heads = list(islice(_COLUMN.finditer(line), _MAX_COLUMNS))
            ends = [head.start() for head in heads[1:]]
            starts = {head[0]: (head.start(), end) for head, end in zip(heads, [*ends, None], strict=True)}
            continue
        row = {name: line[start:end].strip() for name, (start, end) in starts.items()}
        found = _identified(row.get("CONTAINER ID") or row.get("CONTAINER"))
        if found is not None:
            name = row.get("NAMES") or row.get("NAME")
            pod, namespace = row.get("POD") or None, row.get("NAMESPACE") or None
            yield Container(found[1], None, name or None, None, pod, namespace, row.get("IMAGE") or None, number)


def listed(text: str, of: str) -> Iterator[Container]:
    """`ps` of a runtime: a table, or with `crictl ps -v` a block a container."""
    yield from _blocks(text) if _BLOCK.search(text) else table(text, of)


def _blocks(text: str) -> Iterator[Container]:
    """What `crictl ps -v` prints: `Name: value`, then labels, each behind a tab as `name -> value`."""
    values: dict[str, str] = {}
    begins = 0
    for number, line in enumerate([*text.splitlines()[:MAX_LINES], "ID: "], start=1):
        if line.startswith("ID: "):
            if found := _identified(values.get("ID")):
                pod, namespace, uid = (values.get(f"{_LABELS}pod.{name}") for name in ("name", "namespace", "uid"))
                yield Container(found[1], None, values.get("Name"), uid, pod, namespace, values.get("Image"), begins)
            values, begins = {}, number
        name, _, value = line.partition(" -> ") if line.startswith("\t") else line.partition(": ")
        if value:
            values.setdefault(name.strip(), value[:512])


def pods(text: str, of: str) -> Iterator[Container]:
    """`kubectl get pods -o json` or `-o yaml`, `kubectl cluster-info dump`, `oc adm inspect`."""
    for pod in _objects(text, "Pod"):
        about = _get(pod, "metadata")
        status = _get(pod, "status")
        for key in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
            for one in _list(_get(status, key)):
                past = _get(_get(_get(one, "lastState"), "terminated"), "containerID")
                for identity in dict.fromkeys((_text(_get(one, "containerID")), _text(past))):
                    found = _identified(identity)
                    if found is not None:
                        yield Container(
                            found[1],
                            found[0],
                            _text(_get(one, "name")),
                            _text(_get(about, "uid")),
                            _text(_get(about, "name")),
                            _text(_get(about, "namespace")),
                            _text(_get(one, "image")),
                            host=_text(_get(_get(pod, "spec"), "nodeName")),
                        )


def nodes(text: str, of: str) -> Iterator[Fact]:
    """`kubectl get nodes`, in the same forms: of each host in the cluster."""
    for node in _objects(text, "Node"):
        name = _text(_get(_get(node, "metadata"), "name"))
        if name is None:
            continue
        status = _get(node, "status")
        info = _get(status, "nodeInfo")
        memory = _KIB.fullmatch(_text(_get(_get(status, "capacity"), "memory")) or "")
        said = {
            "node_boot_id": (_text(_get(info, "bootID")) or "").replace("-", ""),
            "node_kernel_release": _text(_get(info, "kernelVersion")),
            "node_memory_kb": memory[1] if memory else None,
        }
        for kind, value in said.items():
            if value:
                yield Fact(kind, name, value)


def _objects(text: str, kind: str) -> Iterator[Any]:
    """Of one object or a list of them; kubectl leaves out their kind in a list of one kind."""
    for document in blocks.documents(text):
        items = _get(document, "items")
        for one in _list(items) if items is not None else [document]:
            if _get(one, "kind") == kind or (items is not None and _get(one, "kind") is None):
                yield one


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value[:MAX_CONTAINERS] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value[:512] if isinstance(value, str) and value else None


def _identified(value: Any) -> tuple[str | None, str] | None:
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    return (found[1], found[2]) if found else None
