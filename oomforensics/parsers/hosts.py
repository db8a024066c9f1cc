"""Names of hosts, which logs write with and without their domain."""

from __future__ import annotations


def same_host(a: str | None, b: str | None) -> bool:
    """Equal, or one is the other's first label: journald writes `web-1` where syslog writes `web-1.example.org`."""
    if a is None or b is None or a == b:
        return True
    a, b = sorted((a.lower(), b.lower()), key=len)
    return a == b or b.startswith(f"{a}.")
