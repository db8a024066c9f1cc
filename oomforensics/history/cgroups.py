"""Keeps who each control group is: a row for every path that an incident or an event names."""

from __future__ import annotations

from collections.abc import Iterable

from oomforensics.history.frames import NEW, Columns, columns, insert, run
from oomforensics.history.schema import Connection
from oomforensics.parsers.cgroup_identity import identify

CGROUPS: Columns = columns(
    text="path container_runtime container_id pod_uid pod_qos systemd_slice systemd_unit systemd_user_unit job_scheduler"
    " job_id job_step",
    int="login_uid",
)
_PATH: Columns = columns(text="path")


def keep(con: Connection, paths: Iterable[str]) -> None:
    """Those of `paths` that are not known yet."""
    sql = f"SELECT DISTINCT path FROM {NEW} WHERE path NOT IN (SELECT path FROM t_cgroups)"
    new = [path for (path,) in run(con, _PATH, ((path,) for path in paths), sql)]
    insert(con, "t_cgroups", CGROUPS, (_row(path) for path in new))


def fill(con: Connection) -> None:
    """All that the history names, after a migration."""
    found = con.execute(
        "SELECT oom_memcg FROM t_incidents UNION SELECT task_memcg FROM t_incidents UNION SELECT cgroup FROM t_memory_events"
    ).fetchall()
    keep(con, [path for (path,) in found if path is not None])


def _row(path: str) -> tuple[str | int | None, ...]:
    found = identify(path)
    return (path, *(getattr(found, column) for column in CGROUPS if column != "path"))
