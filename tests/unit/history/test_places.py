"""incidents.place: the name that stays where a control group's path is another each time."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from oomforensics.analysis.model import Judged
from oomforensics.history.save import save
from oomforensics.history.schema import Connection, migrate
from tests.support.logs import judged
from tests.support.printer import KERNELS, Report, Task, stamped

UID, ID = "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0", "9a" * 32
PLACES = {
    f"/docker/{ID}": "/docker/*",
    f"/system.slice/docker-{ID}.scope": "docker-*.scope",
    f"/kubepods/burstable/pod{UID}/{ID}": "/kubepods/burstable/*/*",
    f"/kubepods.slice/kubepods-pod{UID.replace('-', '_')}.slice/crio-{ID}.scope": "crio-*.scope",
    "/system.slice/nginx.service": "nginx.service",
    "/system.slice/system-getty.slice/getty@tty1.service": "getty@tty1.service",
    "/user.slice/user-1000.slice/session-31.scope": "session-*.scope",
    "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-firefox-4711.scope": "app-gnome-firefox-*.scope",
    f"/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-{UID}.scope": "vte-spawn-*.scope",
    "/system.slice/run-u4711.service": "run-u*.service",
    "/system.slice/run-p4711-i4712.scope": "run-p*.scope",
    "/system.slice/run-r0123456789abcdef0123456789abcdef.service": "run-r*.service",
    "/slurm/uid_1000/job_77/step_0/task_0": "/slurm/uid_1000/job_*/step_0/task_0",
    "/yarn/container_e17_1600000000000_0001_01_000002": "/yarn/container_e17_*",
    "/yarn/container_1600000000000_0001_01_000002": "/yarn/container_*",
    "/lxc/web1": "/lxc/web1",
    "/box": "/box",
}


def incident(memcg: str | None) -> Judged:
    victim = Task(700, "leaker")
    (one,) = judged(stamped(Report(KERNELS["6.12"], [victim], victim, memcg=memcg).lines()))
    return one


@pytest.fixture
def con() -> Iterator[Connection]:
    with duckdb.connect() as made:
        migrate(made)
        yield made


@pytest.mark.parametrize("path", PLACES)
def test_place_of_a_control_group(con: Connection, path: str) -> None:
    save(con, [incident(path)], [])
    assert con.execute("SELECT place FROM incidents").fetchall() == [(PLACES[path],)]


def test_the_machine_is_no_place(con: Connection) -> None:
    save(con, [incident(None)], [])
    assert con.execute("SELECT place, scope FROM incidents").fetchall() == [(None, "global")]
