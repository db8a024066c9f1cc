"""Real reports in every form that they come in, with the kills that the kernel made: nothing here is read off by our parsers.

A recording of fixtures/kernels is written again in each framing, cut, mixed and disturbed.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
_KERNEL = FIXTURES / "kernels" / "6.12.107+deb13-cloud-amd64"
_OLDER = FIXTURES / "kernels" / "5.10.0-32-cloud-amd64"
_BEGAN = datetime(2026, 3, 9, 12, tzinfo=UTC)
_STAMPED = re.compile(r"\[ *(\d+\.\d{6})\] (.*)")
_BOOT_ID = "2c5eb3a8a5f04f5c8b6c7e6e0f7a4d11"


class Line(NamedTuple):
    """What the kernel said, and when: seconds since boot."""

    uptime_s: float
    text: str

    @property
    def moment(self) -> datetime:
        return _BEGAN + timedelta(seconds=self.uptime_s)

    @property
    def unix_us(self) -> int:
        return round(self.moment.timestamp() * 1_000_000)


class Variant(NamedTuple):
    data: bytes
    killed: tuple[int, ...]  # pids that the kernel killed, as seen from outside the log
    events: int = 0  # kills that other killers report


def lines(folder: Path) -> list[Line]:
    text = (folder / "dmesg.log").read_text("utf-8")
    return [Line(float(found[1]), found[2]) for line in text.splitlines() if (found := _STAMPED.fullmatch(line))]


def killed(folder: Path) -> tuple[int, ...]:
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    return tuple(victim["pid"] for victim in truth["killed"])


def written(said: Iterable[Line], form: Callable[[Line], str], end: str = "\n") -> bytes:
    return "".join(form(line) + end for line in said).encode()


def _syslog(host: str) -> Callable[[Line], str]:
    return lambda line: f"{line.moment:%b %e %H:%M:%S} {host} kernel: [{line.uptime_s:12.6f}] {line.text}"


FRAMINGS: dict[str, Callable[[Line], str]] = {
    "dmesg": lambda line: f"[{line.uptime_s:12.6f}] {line.text}",
    "dmesg -T": lambda line: f"[{line.moment:%a %b %e %H:%M:%S %Y}] {line.text}",
    "dmesg --time-format iso": lambda line: f"{line.moment:%Y-%m-%dT%H:%M:%S,%f}+00:00 {line.text}",
    "dmesg -x": lambda line: f"kern  :warn  : [{line.uptime_s:12.6f}] {line.text}",
    "console with levels": lambda line: f"<4>[{line.uptime_s:12.6f}] {line.text}",
    "console with callers": lambda line: f"[{line.uptime_s:12.6f}][  T142] {line.text}",
    "console of Android with CPUs": lambda line: f"<4>[{line.uptime_s:12.6f}][ T142@C3] {line.text}",
    "console of Xiaomi": lambda line: f"<4>[{line.uptime_s:12.6f}][T,T142,C3] {line.text}",
    "console of Samsung": lambda line: f"<4>[{line.uptime_s:12.6f}]  [3:        kswapd0:   61] {line.text}",
    "console of MediaTek": lambda line: f"<4>[{line.uptime_s:12.6f}] -(3)[61:kswapd0]{line.text}",
    "console of Amlogic": lambda line: f"[{line.uptime_s:12.6f}@3] {line.text}",
    "console of Unisoc": lambda line: f"<4>[{line.uptime_s:12.6f}] c3 61 (kswapd0) {line.text}",
    "syslog": _syslog("web1"),
    "syslog without uptime": lambda line: f"{line.moment:%b %e %H:%M:%S} web1 kernel: {line.text}",
    "syslog iso": lambda line: (
        f"{line.moment:%Y-%m-%dT%H:%M:%S.%f}+00:00 web1 kernel: [{line.uptime_s:12.6f}] {line.text}"
    ),
    "syslog rfc 5424": lambda line: (
        f"<4>1 {line.moment:%Y-%m-%dT%H:%M:%S.%f}Z web1 kernel - - - [{line.uptime_s:12.6f}] {line.text}"
    ),
    "syslog tag alone": lambda line: f"kernel: [{line.uptime_s:12.6f}] {line.text}",
    "console without stamps": lambda line: f"<4>{line.text}",
    "quoted in a mail": lambda line: f"> [{line.uptime_s:12.6f}] {line.text}",
    "journal short-precise": lambda line: f"{line.moment:%b %d %H:%M:%S.%f} web1 kernel: {line.text}",
    "journal short-iso": lambda line: f"{line.moment:%Y-%m-%dT%H:%M:%S}+0000 web1 kernel: {line.text}",
    "journal short-iso-precise": lambda line: f"{line.moment:%Y-%m-%dT%H:%M:%S.%f}+00:00 web1 kernel: {line.text}",
    "journal short-full": lambda line: f"{line.moment:%a %Y-%m-%d %H:%M:%S} UTC web1 kernel: {line.text}",
    "journal short-monotonic": lambda line: f"[{line.uptime_s:12.6f}] web1 kernel: {line.text}",
    "journal short-unix": lambda line: f"{line.unix_us / 1e6:.6f} web1 kernel: {line.text}",
    "journal json": lambda line: json.dumps(
        {
            "MESSAGE": line.text,
            "_TRANSPORT": "kernel",
            "_HOSTNAME": "web1",
            "_BOOT_ID": _BOOT_ID,
            "__REALTIME_TIMESTAMP": str(line.unix_us),
            "_SOURCE_MONOTONIC_TIMESTAMP": str(round(line.uptime_s * 1e6)),
        }
    ),
    "journal json-sse": lambda line: f"data: {FRAMINGS['journal json'](line)}\n",
    "journal export": lambda line: (
        f"__CURSOR=s=1\n__REALTIME_TIMESTAMP={line.unix_us}\n_BOOT_ID={_BOOT_ID}\n_TRANSPORT=kernel\n"
        f"_SOURCE_MONOTONIC_TIMESTAMP={round(line.uptime_s * 1e6)}\n_HOSTNAME=web1\nMESSAGE={line.text}\n"
    ),
    "journal verbose": lambda line: (
        f"{line.moment:%a %Y-%m-%d %H:%M:%S.%f} UTC [s={_BOOT_ID};i=1;b={_BOOT_ID};m={round(line.uptime_s * 1e6):x};"
        f"t={line.unix_us:x};x=1f]\n    _TRANSPORT=kernel\n    _HOSTNAME=web1\n    MESSAGE={line.text}"
    ),
    "talosctl": lambda line: f"10.0.0.7: kern: warning: [{line.moment:%Y-%m-%dT%H:%M:%S.%f}000Z]: {line.text}",
    "vmware.log": lambda line: (
        f"{line.moment:%Y-%m-%dT%H:%M:%S.%f}Z In(05) vcpu-5 - Guest: <4>[{line.uptime_s:12.6f}] {line.text}"
    ),
    "router with levels": lambda line: f"[W] {line.moment:%b %e %H:%M:%S} kernel: {line.text}",
    "console of GitHub Actions": lambda line: f"2026-05-01T10:00:00.1234567Z [{line.uptime_s:12.6f}] {line.text}",
    "console of GitHub Actions, dmesg -T": lambda line: (
        f"2026-05-01T10:00:00.1234567Z [{line.moment:%a %b %e %H:%M:%S %Y}] {line.text}"
    ),
    "console of GitHub Actions, dmesg -t": lambda line: f"2026-05-01T10:00:00.1234567Z {line.text}",
    "console of GitLab, syslog": lambda line: f"2026-05-01T10:00:00.123456Z 01O {_syslog('web1')(line)}",
    "dmesg --human": lambda line: f"[{line.moment:%b%e %H:%M}] {line.text}",
    "dmesg --reltime": lambda line: f"[  +0.000123] {line.text}",
    "dmesg --time-format delta": lambda line: f"[<    0.000123>] {line.text}",
    "serial console, LF CR": lambda line: f"\r[{line.uptime_s:12.6f}] {line.text}",
    "host and tag, the date cut away": lambda line: f"web1 kernel: {line.text}",
    "log store, a date alone": lambda line: f"{line.moment:%Y-%m-%dT%H:%M:%S.%f}Z {line.text}",
    "console of a log store, a date alone": lambda line: f"A {line.moment:%Y-%m-%dT%H:%M:%S.%f}Z {line.text}",
    "console of Jenkins, dmesg -t": lambda line: f"[{line.moment:%Y-%m-%dT%H:%M:%S.123}Z] {line.text}",
    "a service of compose": lambda line: f"web_1  | [{line.uptime_s:12.6f}] {line.text}",
    "a date of another order": lambda line: f"{line.moment:%m/%d/%Y %H:%M:%S} web1 kernel: {line.text}",
    "syslog with weekday and year": lambda line: f"{line.moment:%a %b %e %H:%M:%S %Y} web1 kernel: {line.text}",
    "syslog with another date": lambda line: f"{line.moment:%Y/%m/%d %H:%M:%S} web1 kernel: {line.text}",
    "syslog, a date alone": lambda line: f"{line.moment:%b %e %H:%M:%S} {line.text}",
    "a page, with its line ends": lambda line: f"[{line.uptime_s:12.6f}] {line.text}<br>",
    "logread": lambda line: f"{line.moment:%a %b %e %H:%M:%S %Y} kern.warn kernel: [{line.uptime_s:12.6f}] {line.text}",
}


def _between(said: Sequence[Line], noise: str) -> bytes:
    form = _syslog("web1")
    return "".join(f"{form(line)}\n{line.moment:%b %e %H:%M:%S} web1 {noise}\n" for line in said).encode()


def _interleaved(one: Sequence[Line], other: Sequence[Line]) -> bytes:
    by_host = [(line.uptime_s - one[0].uptime_s, _syslog("web1")(line)) for line in one]
    by_host += [(line.uptime_s - other[0].uptime_s, _syslog("db2")(line)) for line in other]
    return "".join(f"{text}\n" for _, text in sorted(by_host)).encode()


def variants() -> dict[str, Variant]:
    """Name -> log."""
    plain, kills = lines(_KERNEL / "global-no-swap"), killed(_KERNEL / "global-no-swap")
    older, older_kills = lines(_OLDER / "global-no-swap"), killed(_OLDER / "global-no-swap")
    dmesg, syslog = FRAMINGS["dmesg"], FRAMINGS["syslog"]
    found = {name: Variant(written(plain, form), kills) for name, form in FRAMINGS.items()}
    at = next(number for number, line in enumerate(plain) if "Mem-Info" in line.text)
    last = next(number for number, line in enumerate(plain) if "Killed process" in line.text)
    for name, scenario in (
        ("no task dump", "no-table"), ("storm", "memcg-v2-storm"), ("oom.group", "memcg-v2-oom-group"), ("cascade", "cascade"),
        ("weird names", "memcg-v2-weird-names"), ("weird victims", "memcg-v2-weird-victims-1"),
        ("more weird victims", "memcg-v2-weird-victims-2"), ("nested groups", "memcg-v2-nested"), ("sysrq", "sysrq-f"),
    ):  # fmt: skip
        folder = _KERNEL / scenario
        found[name] = Variant((folder / "dmesg.log").read_bytes(), killed(folder))
        found[f"{name}, kmsg"] = Variant((folder / "kmsg").read_bytes(), killed(folder))
    found |= {
        "head cut": Variant(written(plain[at + 7 :], dmesg), kills),
        "tail cut": Variant(written(plain[: last + 1], dmesg)[:-60], kills),
        "no context line": Variant(written([line for line in plain if "oom-kill:" not in line.text], syslog), kills),
        "noise inside": Variant(_between(plain, "sshd[812]: Accepted publickey for root"), kills),
        "noise of brackets": Variant(_between(plain, "kernel: [UFW BLOCK] IN=eth0 OUT= MAC=00:11"), kills),
        "UTF-16": Variant(written(plain, syslog).decode().encode("utf-16"), kills),
        "preallocated": Variant(bytes(5000) + written(plain, syslog) + bytes(5000), kills),
        "serial console": Variant(written(plain, dmesg, "\r\n"), kills),
        "two hosts": Variant(_interleaved(plain, older), kills + older_kills),
        "reboot in between": Variant(written(plain, dmesg) + written(older, dmesg), kills + older_kills),
        "binary journal": Variant(
            lzma.decompress((FIXTURES / "journal" / "compact-zstd.journal.xz").read_bytes()),
            killed(_KERNEL / "memcg-v2-weird-names") + killed(_KERNEL / "random-40"),
            2,  # systemd-oomd's, one in each of two boots: see tests/support/journals.py
        ),
        "RHEL 7": Variant((FIXTURES / "handmade" / "3.16-memcg.log").read_bytes(), (1204,)),
        "systemd-oomd": Variant((FIXTURES / "witnesses" / "systemd-oomd.log").read_bytes(), (), 2),
        "earlyoom": Variant((FIXTURES / "witnesses" / "earlyoom.log").read_bytes(), (), 3),
        "earlyoom in a container": Variant(
            b"2026-05-01T10:00:00.123456789Z stderr F "
            b'sending SIGTERM to process 4107 uid 1000 "java": badness 733, VmRSS 3 MiB\n',
            (),
            1,
        ),
        "lmkd": Variant((FIXTURES / "witnesses" / "android-logcat.log").read_bytes(), (), 3),
    }
    return found
