"""Kernels from Debian's suites: resolved from the package index, fetched by apt, unpacked only."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kernels import stage
from tests.kernels.scenario import Need

_IMAGE = re.compile(r"^linux-(?:image|binary)-(\d+\.\d+\S*)$")
_DEFAULT_MIRROR = "http://deb.debian.org/debian"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True)
class Machine:
    """How a Debian architecture is emulated, and how its stage is compiled."""

    architecture: str
    flavour: str
    qemu: tuple[str, ...]
    console: str
    compiler: str
    extra_mib: int = 0  # of memory, for a kernel that itself takes more
    node_mib: int = 1  # a node's memory is a multiple of this
    lacks: frozenset[Need] = frozenset({Need.HIGHMEM})


# cx16=off: QEMU 7.2 leaves a wrong EFLAGS behind cmpxchg16b, and one boot in three dies of it in SLUB.
MACHINES = {
    "cloud-amd64": Machine(
        "amd64",
        "cloud-amd64",
        ("qemu-system-x86_64", "-machine", "pc", "-cpu", "max,cx16=off"),
        "ttyS0",
        "gcc",
    ),
    "cloud-arm64": Machine(
        "arm64",
        "cloud-arm64",
        ("qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"),
        "ttyAMA0",
        "aarch64-linux-gnu-gcc",
    ),
    "arm64-16k": Machine(
        "arm64",
        "arm64-16k",
        ("qemu-system-aarch64", "-machine", "virt", "-cpu", "max,pauth-impdef=on"),
        "ttyAMA0",
        "aarch64-linux-gnu-gcc",
        extra_mib=64,
        lacks=frozenset({Need.HIGHMEM, Need.SMALL_PAGES}),
    ),
    "powerpc64le-64k": Machine(
        "ppc64el",
        "powerpc64le-64k",
        (
            "qemu-system-ppc64",
            *("-machine", "pseries,cap-cfpc=broken,cap-sbbc=broken,cap-ibs=broken", "-cpu", "power9"),
        ),
        "hvc0",
        "powerpc64le-linux-gnu-gcc",
        node_mib=256,
        lacks=frozenset({Need.HIGHMEM, Need.SMALL_PAGES}),
    ),
    "686-pae": Machine(
        "i386",
        "686-pae",
        ("qemu-system-i386", "-machine", "pc", "-cpu", "max"),
        "ttyS0",
        "i686-linux-gnu-gcc",
        lacks=frozenset({Need.NUMA, Need.ADDRESS_SPACE}),
    ),
}


@dataclass(frozen=True)
class Kernel:
    """An unpacked kernel: where its image and modules are, and what it runs on."""

    release: str
    machine: Machine
    folder: Path

    @property
    def version(self) -> tuple[int, int]:
        major, minor = re.match(r"(\d+)\.(\d+)", self.release).groups()  # type: ignore[union-attr]
        return int(major), int(minor)

    @property
    def image(self) -> Path:
        return next(path for path in self.folder.rglob("vmlinuz*") if path.is_file())


def _mirror() -> str:
    """The Debian archive this machine's own apt uses."""
    sources = Path("/etc/apt")
    for path in (sources / "sources.list", *sorted((sources / "sources.list.d").glob("*"))):
        text = path.read_text() if path.is_file() else ""
        found = re.search(r"^(?:URIs:|deb(?: \[.*?\])?) +(\S+/debian)/?(?: |$)", text, re.MULTILINE)
        if found:
            return found.group(1)
    return _DEFAULT_MIRROR


def _apt(suite: str, architecture: str) -> list[str]:
    """Options that give apt lists and a state of its own for one suite; updates them once."""
    home = stage.cache() / "apt" / f"{suite}-{architecture}"
    for folder in ("lists/partial", "cache/archives/partial"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    signed = f" [signed-by={_KEYRING}]" if _KEYRING.exists() else ""
    (home / "sources.list").write_text(f"deb{signed} {_mirror()} {suite} main\n")
    options = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Dir::State": home,
        "Dir::State::status": home / "status",
        "Dir::State::lists": home / "lists",
        "Dir::Cache": home / "cache",
        "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
    }
    arguments = [part for key, value in options.items() for part in ("-o", f"{key}={value}")]
    if not any((home / "lists").glob("*_Packages*")):
        _update(arguments)
    return arguments


def _update(options: list[str]) -> None:
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)


def _version_key(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))


def _newest(names: list[str], flavour: str) -> str:
    releases = set()
    for name in names:
        found = _IMAGE.match(name.removesuffix("-unsigned"))
        if found and found.group(1).endswith(f"-{flavour}") and "rt" not in found.group(1).split("-"):
            releases.add(found.group(1))
    if not releases:
        raise LookupError(f"no kernel of flavour {flavour} in this suite")
    return max(releases, key=_version_key)


def _packages(release: str, names: list[str]) -> list[str]:
    split = [f"linux-{part}-{release}" for part in ("binary", "modules")]
    if all(name in names for name in split):
        return split
    unsigned = f"linux-image-{release}-unsigned"
    return [unsigned if unsigned in names else f"linux-image-{release}"]


def machine(spec: str) -> Machine:
    return MACHINES[spec.partition(":")[2] or "cloud-amd64"]


def fetch(spec: str) -> Kernel:
    """The newest kernel of `SUITE[:FLAVOUR]`, unpacked in the cache.

    Raises LookupError for a suite that has none, CalledProcessError where apt fails.
    """
    emulated = machine(spec)
    suite = spec.partition(":")[0]
    options = _apt(suite, emulated.architecture)
    try:
        return _unpacked(suite, emulated, options)
    except subprocess.CalledProcessError:  # a list from an earlier day names packages that the archive has replaced
        _update(options)
        return _unpacked(suite, emulated, options)


def _unpacked(suite: str, emulated: Machine, options: list[str]) -> Kernel:
    listed = subprocess.run(
        ["apt-cache", *options, "pkgnames", "linux-"], stdout=subprocess.PIPE, text=True, check=True
    )
    names = listed.stdout.split()
    release = _newest(names, emulated.flavour)
    folder = stage.cache() / "unpacked" / f"{suite}-{release}"
    if not (folder / "complete").exists():
        _unpack(options, _packages(release, names), folder)
        (folder / "complete").touch()
    return Kernel(release, emulated, folder)


def unpack_programs(suite: str, architecture: str, packages: Sequence[str], folder: Path) -> None:
    """The newest packages of a suite with these names, in `folder`. Raises CalledProcessError where apt fails."""
    options = _apt(suite, architecture)
    try:
        _unpack(options, packages, folder)
    except subprocess.CalledProcessError:
        _update(options)
        _unpack(options, packages, folder)


def _unpack(options: list[str], packages: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", *options, "-qq", "download", *packages], cwd=folder, check=True)
    for package in sorted(folder.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(folder)], check=True)
        package.unlink()
