"""Kernel modules a guest needs, in the order in which they can be loaded."""

from __future__ import annotations

import lzma
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

_DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def _name(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")


def contents(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(raw)
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq"], input=raw, stdout=subprocess.PIPE, check=True).stdout
    return raw


def in_load_order(unpacked: Path, wanted: Iterable[str]) -> list[tuple[str, bytes]]:
    """Name and contents of the wanted modules with what they depend on; built-in ones are left out."""
    files = {_name(path): path for path in unpacked.rglob("*.ko*") if path.is_file()}
    order: dict[str, bytes] = {}

    def add(name: str) -> None:
        if name in order or name not in files:
            return
        code = contents(files[name])
        found = _DEPENDS.search(code)
        for dependency in found.group(1).decode().split(",") if found else ():
            add(dependency.replace("-", "_"))
        order[name] = code

    for name in wanted:
        add(name)
    return list(order.items())
