"""The page size of the kernel that printed a report, from the report itself."""

from __future__ import annotations

import re

from oomforensics.parsers.facts import Incident

_SIZES = (4096, 8192, 16384, 65536)
_TOLERANCE = 0.02  # total_vm may change between the table and the kill line
_HUGE_PAGE = {2048: 4096, 524288: 65536, 32768: 16384}  # PMD-sized huge page in kB -> base page
_FOUR_KIB_ARCH = re.compile(r"x86_64|amd64|i[3-6]86|s390x|\bgeneric\b|\.el[6-8]\b(?!.*(?:ppc64|aarch64))")


def find_page_size(incident: Incident, release: str | None) -> tuple[int | None, str]:
    """The page size in bytes and the evidence for it; (None, why not) when nothing tells."""
    for finder in (_from_buddy, _from_kill, _from_totals, _from_hugepages):
        found = finder(incident)
        if found is not None:
            return found
    if release and _FOUR_KIB_ARCH.search(release):
        return 4096, f"kernel release {release}"
    return None, "nothing in the report tells"


def _from_buddy(incident: Incident) -> tuple[int, str] | None:
    for zone in incident.meminfo.zones if incident.meminfo else []:
        smallest = min(zone.buddy, default=0) * 1024 if zone.buddy else 0
        if smallest in _SIZES:
            return smallest, f"smallest buddy block of zone {zone.name}: {smallest // 1024} kB"
    return None


def _from_kill(incident: Incident) -> tuple[int, str] | None:
    rows = {row.pid: row for row in incident.table.rows} if incident.table else {}
    for kill in incident.kills:
        row = rows.get(kill.pid)
        if row is None or not kill.total_vm_kb or not row.total_vm_pages:
            continue
        ratio = kill.total_vm_kb * 1024 / row.total_vm_pages
        for size in _SIZES:
            if abs(ratio - size) <= size * _TOLERANCE:
                return size, f"total-vm of pid {kill.pid}: {kill.total_vm_kb} kB for {row.total_vm_pages} pages"
    return None


def _from_totals(incident: Incident) -> tuple[int, str] | None:
    info = incident.meminfo
    if info is None or not info.ram_pages:
        return None
    present = [zone.values.get("present") for zone in info.zones]
    total_kb = sum(value for value in present if isinstance(value, int))
    for size in _SIZES:
        if total_kb and abs(total_kb * 1024 / info.ram_pages - size) <= size * _TOLERANCE:
            return size, f"{total_kb} kB present for {info.ram_pages} pages RAM"
    return None


def _from_hugepages(incident: Incident) -> tuple[int, str] | None:
    for entry in incident.meminfo.hugepages if incident.meminfo else []:
        size = _HUGE_PAGE.get(entry["size_kb"])
        if size:
            return size, f"huge pages of {entry['size_kb']} kB"
    return None
