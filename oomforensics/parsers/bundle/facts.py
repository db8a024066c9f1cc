"""What the other files of a bundle say: of the host, its processes and its containers. Values as text, units in the names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement, such as ("sysctl", "vm.swappiness", "60")."""

    kind: str
    name: str
    value: str
    line: int | None = None
    uncertainty_us: int | None = None  # of a time


@dataclass(frozen=True, slots=True)
class Process:
    """A line of `ps`, or a copy of /proc/PID."""

    pid: int
    ppid: int | None
    uid: int | None
    user: str | None
    comm: str | None
    cmdline: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container as its runtime or Kubernetes lists it."""

    container_id: str
    runtime: str | None = None
    name: str | None = None
    pod_uid: str | None = None
    pod: str | None = None
    namespace: str | None = None
    image: str | None = None
    line: int | None = None
    host: str | None = None  # that it runs on, where the list is of many


Item = Fact | Process | Container
