"""Logs to measure on: reports printed with the kernels' own format strings, among the noise of a busy server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from tests.support.printer import KERNELS, Report, Task

_NOISE = (
    "sshd[{n}]: Accepted publickey for deploy from 192.0.2.{b} port {n} ssh2: ED25519 SHA256:{n}{n}",
    "kernel: [{u:.6f}] [UFW BLOCK] IN=eth0 OUT= MAC=f2:3c:91:e2:47:cc SRC=198.51.100.{b} DST=203.0.113.7 LEN=40 ID={n}",
    "systemd[1]: Started Session {n} of user room-{b}.",
    "nginx[{n}]: 192.0.2.{b} - - \"GET /room/{n} HTTP/1.1\" 200 {n} \"-\" \"curl/8.5\"",
    "CRON[{n}]: (root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.daily {n})",
)  # fmt: skip


def report_lines(number: int, tasks: int, kernel: str = "6.12") -> list[str]:
    """One report with `tasks` rows whose victim is the biggest; `number` makes it unlike every other."""
    chance = random.Random(number)
    population = [
        Task(
            1000 + place,
            f"worker-{place % 40}",
            rss_anon=chance.randrange(100, 20_000),
            rss_file=chance.randrange(0, 2_000),
            nr_ptes=chance.randrange(5, 90),
            oom_score_adj=chance.choice((0, 0, 0, -500, 200)),
        )
        for place in range(tasks - 1)
    ]
    victim = Task(50_000 + number, "postgres", rss_anon=300_000 + number % 5_000, total_vm=900_000 + number)
    return list(Report(KERNELS[kernel], [*population, victim], victim, trigger=population[0]).lines())


def syslog(path: Path, size_bytes: int, reports: int, tasks: int = 100, first: int = 0) -> None:
    """A syslog of about `size_bytes` with `reports` reports, numbered from `first`, spread evenly through it."""
    chance = random.Random(1)
    block = [_noise(chance) for _ in range(2_000)]
    with path.open("w", encoding="utf-8") as out:
        share = size_bytes // max(reports, 1)
        uptime = 1000.0
        for number in range(first, first + max(reports, 1)):
            goal = share * (number - first + 1)
            lines = report_lines(number, tasks) if reports else []
            report = "".join(f"{_stamp(number)} server kernel: [{uptime + k / 1e4:12.6f}] {line}\n"
                             for k, line in enumerate(lines))  # fmt: skip
            while out.tell() + len(report) < goal:
                out.write("".join(f"{_stamp(number)} server {line}\n" for line in block))
            out.write(report)
            uptime += 60


def incidents_log(path: Path, reports: int, tasks: int) -> None:
    """dmesg text of `reports` reports back to back."""
    with path.open("w", encoding="utf-8") as out:
        for number in range(reports):
            out.writelines(_dmesg(number, report_lines(number, tasks)))


def _dmesg(number: int, lines: list[str]) -> Iterator[str]:
    return (f"[{1000 + number * 10 + place / 1e4:12.6f}] {line}\n" for place, line in enumerate(lines))


def _noise(chance: random.Random) -> str:
    return chance.choice(_NOISE).format(n=chance.randrange(1000, 99_999), b=chance.randrange(1, 255), u=1000.5)


def _stamp(number: int) -> str:
    minutes = number % (28 * 24 * 60)
    return f"Oct {1 + minutes // 1440:2d} {minutes // 60 % 24:02d}:{minutes % 60:02d}:07"
