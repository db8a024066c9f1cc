"""An era in words, for people: what its kernels compute and print, fact by fact."""

from __future__ import annotations

from oomforensics.kernel.eras import FINGERPRINT_WORDS, Era, prints


def described(era: Era) -> dict[str, str]:
    """What kernels of this era compute and print, by the heading of each fact. T is totalpages; sources: see eras.py."""
    return {
        "era": name(era),
        "score": era.score.value,
        "page tables": era.page_tables.value,
        "CAP_SYS_ADMIN": _root_bonus(era),
        "instead of the parent": era.child.value,
        "equals": era.tie.value,
        "/proc/PID/oom_score": era.oom_score.value,
        "T of a cgroup": era.memcg_total.value if era.memcg_total else "-",
        "T of nodes": era.node_pages.value if era.node_pages else "-",
        "RAM from Mem-Info": era.total_ram.value,
        "counters": era.rss.value,
        "what changed": _changed(era),
        "prints": _printed(era),
    }


def name(era: Era) -> str:
    return era.name if era.verified else f"{era.name} (unverified)"


def _root_bonus(era: Era) -> str:
    also = "".join(f", or {bonus.value} in late stable releases" for bonus in era.root_also)
    return era.root.value + also


def _changed(era: Era) -> str:
    return f"{era.what} ({era.commit})" if era.commit else era.what


def _printed(era: Era) -> str:
    return ", ".join(FINGERPRINT_WORDS[one] for one in sorted(prints(era)))
