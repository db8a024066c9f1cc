"""Makes the input of fixtures/journal: `python -m tests.support.journals > sample.export`.

What a kernel printed in two of fixtures/kernels, as journald stores it, between messages of programs: some are about memory,
some are not. systemd-journal-remote then writes the journals; fixtures/README.md says how.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from oomforensics.parsers.framings import Reader
from oomforensics.parsers.framings.base import Context
from oomforensics.parsers.lines import lines

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
KERNEL = "6.12.107+deb13-cloud-amd64"
RECORDINGS = ("memcg-v2-weird-names", "random-40")
STARTED_US = 1_777_622_400_000_000  # 2026-05-01T08:00:00Z
BOOTS = ("2c5eb3a8a5f04f5c8b6c7e6e0f7a4d11", "9f1d0c56f7cd4c2a9b3f7f0f6a0b5c22")
COMMON = {"_HOSTNAME": "web1", "_MACHINE_ID": "5d3f1a2b4c6d47e8a9b0c1d2e3f40516", "_RUNTIME_SCOPE": "system"}
RANKING = (
    "Considered 2 cgroups for killing, top candidates were:",
    "\tPath: /user.slice/user-1000.slice/user@1000.service/app.slice/app-code-892075.scope",
    "\t\tMemory Pressure Limit: 0.00%",
    "\t\tPressure: Avg10: 84.56 Avg60: 33.68 Avg300: 8.29 Total: 32s",
    "\t\tCurrent Memory Usage: 24.8G",
    "\tPath: /user.slice/user-1000.slice/user@1000.service/session.slice/org.gnome.Shell@wayland.service",
    "\t\tPgscan: 13035",
    "Killed /user.slice/user-1000.slice/user@1000.service/app.slice/app-code-892075.scope due to memory pressure for"
    " /user.slice/user-1000.slice/user@1000.service being 59.83% > 50.00% for > 20s with reclaim activity",
)
LONG = "x-image=registry.example.org/" + "shop/" * 200 + "cart:1.2"
DOCKER = f"container oom {'29d72966e0beb17d' * 4} (image=web:1, {LONG}, name=web)"
Entry = dict[str, bytes]


def made() -> Iterator[Entry]:
    """The entries, in order."""
    for boot, name in enumerate(RECORDINGS):
        said = list(kernel(name))
        yield from (_stamped(entry, boot, uptime_us) for entry, uptime_us in _between(said, boot))


def kernel(recording: str) -> Iterator[tuple[Entry, int]]:
    """What journald makes of a recording of /dev/kmsg: the fields, and the uptime in microseconds."""
    path = FIXTURES / "kernels" / KERNEL / recording / "kmsg"
    context = Context("kmsg", UTC, datetime(2026, 5, 1, tzinfo=UTC))
    for record in Reader(context, []).records(lines([path.read_bytes()], [], "kmsg")):
        assert record.uptime_us is not None
        uptime_us = record.uptime_us
        yield {
            "_SOURCE_MONOTONIC_TIMESTAMP": b"%d" % uptime_us, "_TRANSPORT": b"kernel", "PRIORITY": b"%d" % (record.level or 0),
            "SYSLOG_FACILITY": b"0", "SYSLOG_IDENTIFIER": b"kernel", "MESSAGE": record.text.encode(),
        }, uptime_us + 1_500  # fmt: skip


def program(name: str, pid: int, message: str, transport: str = "journal") -> Entry:
    return {
        "_TRANSPORT": transport.encode(), "PRIORITY": b"6", "SYSLOG_IDENTIFIER": name.encode(), "_PID": b"%d" % pid,
        "_COMM": name[:15].encode(), "_SYSTEMD_UNIT": f"{name}.service".encode(), "MESSAGE": message.encode(),
    }  # fmt: skip


def _between(said: list[tuple[Entry, int]], boot: int) -> Iterator[tuple[Entry, int]]:
    for index, (entry, uptime_us) in enumerate(said):
        yield entry, uptime_us
        at = uptime_us + 10
        if index % 7 == 3:
            yield (
                program("cron", 700 + index, f"pam_unix(cron:session): session opened for user u{index}(uid={index})"),
                at,
            )
            yield program("nginx", 800, '10.0.0.7 "GET /list HTTP/1.1" 200 ' + "a long address " * (index % 3) * 20), at
    at = said[-1][1] + 1_000_000
    for message in RANKING:
        yield program("systemd-oomd", 1027, message), at
        yield program("cron", 701, "pam_unix(cron:session): session closed for user root"), at
    yield program("systemd", 1, "web.service: Failed with result 'oom-kill'."), at + 5
    yield program("dockerd", 930, DOCKER, "stdout"), at + 6
    forged = program("logger", 4711, "Out of memory: Killed process 1 (init) total-vm:1kB, anon-rss:1kB, file-rss:0kB")
    yield {**forged, "SYSLOG_IDENTIFIER": b"kernel"}, at + 7
    yield program("shop", 5000, f"boot {boot}\n\nwas killed: OOM\xff \x00 \x1b[0m", "syslog"), at + 8


def _stamped(entry: Entry, boot: int, uptime_us: int) -> Entry:
    times = {
        "__REALTIME_TIMESTAMP": b"%d" % (STARTED_US + boot * 3_600_000_000 + uptime_us),
        "__MONOTONIC_TIMESTAMP": b"%d" % uptime_us,
        "_BOOT_ID": BOOTS[boot].encode(),
    }
    return {**times, **{name: value.encode() for name, value in COMMON.items()}, **entry}


def export(entries: Iterator[Entry]) -> bytes:
    """As `journalctl -o export` writes them (systemd.io/JOURNAL_EXPORT_FORMATS)."""
    parts = []
    for number, entry in enumerate(entries, start=1):
        parts.append(b"__CURSOR=s=%032x;i=%x\n" % (1, number))
        for name, value in entry.items():
            if all((byte >= 32 and byte != 127) or byte == 9 for byte in value):
                parts.append(name.encode() + b"=" + value + b"\n")
            else:
                parts.append(name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
        parts.append(b"\n")
    return b"".join(parts)


if __name__ == "__main__":
    sys.stdout.buffer.write(export(made()))
