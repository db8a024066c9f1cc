"""Containers as their runtimes and Kubernetes list them, in JSON: which pod and container a control group is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from oomforensics.parsers.bundle.facts import Container

MAX_CONTAINERS = 100_000
_ID = re.compile(r"(?:([a-z-]{2,20})://)?([0-9a-f]{12,64})")
_LABELS = "io.kubernetes."


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


def pods(text: str, of: str) -> Iterator[Container]:
    """`kubectl get pods -o json`, and `kubectl cluster-info dump`."""
    for pod in _list(_get(_parsed(text), "items")):
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
                        )


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
