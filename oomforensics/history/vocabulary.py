"""What is no secret: words that kernels and this program print whoever runs them, and names that every Linux has.

Redaction keeps these and nothing else, so a word that is missing here costs a reader a word and nobody a secret. Names of
applications are missing on purpose: what runs on a machine says whose it is.
"""

from __future__ import annotations

import re
from importlib import resources


def _lists() -> dict[str, frozenset[str]]:
    """vocabulary.txt: `[section]`, then words."""
    lists: dict[str, list[str]] = {}
    words: list[str] = []
    for line in resources.files("oomforensics.history").joinpath("vocabulary.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            words = lists.setdefault(line.strip("[]"), [])
        elif not line.startswith("#"):
            words += line.split()
    return {name: frozenset(found) for name, found in lists.items()}


_LISTS = _lists()
_SUFFIX = r"(?:service|scope|slice|socket|mount|swap|automount|timer|path|device|target)"

_WORDS = _LISTS["words"]

_NUMBERED = re.compile(r"(?:el|fc|deb|cpu|zone|kswapd|kcompactd|r|gpr)\d{1,3}")

_RELEASE_WORD = re.compile(
    rf"(?:(?:{'|'.join(sorted(_LISTS['releases']))})\d{{0,6}}){{1,2}}|[rv]\d{{1,5}}|\d{{3}}stab\d{{3}}"
)

_TASKS = _LISTS["tasks"]
_DISK = r"(?:(?:s|h|v|xv)d[a-z]{1,2}\d{0,3}|(?:dm-|md)\d{1,4}|nvme\d{1,3}n\d{1,3}(?:p\d{1,3})?)"
_TASK = re.compile(
    r"(?:ksoftirqd|migration|watchdog|watchdog/|cpuhp|idle_inject|rcuc|rcub|rcuop|rcuos|rcuob|swapper|kintegrityd|kblockd|events"
    r"|aio|crypto|ata|async|pm|cgroup|kstriped|khelper)/\d{1,5}"
    r"|(?:kswapd|kcompactd|scsi_eh_|scsi_tmf_|ata_sff|ksmd|kpsmoused|pdflush|kjournald|kauditd|khubd|md\d+_raid)\d{0,5}"
    r"|kworker/(?:u\d{1,4}|\d{1,4}):\d{1,4}[HI]?(?:[-+](?:events|events_unbound|events_highpri|events_freezable"
    r"|events_power_efficient|events_long|mm_percpu_wq|cgroup_destroy|cgwb_release|flush|writeback|kblockd|ipv6_addrconf"
    r"|rcu_gp|rcu_par_gp|inet_frag_wq|pm|ata_sff))?"
    r"|jbd2/" + _DISK + r"-\d{1,4}"
    r"|xfs(?:aild|-buf|-conv|-cil|-reclaim|-log|-data|-sync|-inodegc)/" + _DISK + r""
    r"|ext4-rsv-conver|xfsalloc|xfs_mru_cache|nvme-(?:wq|reset-wq|delete-wq)|ttm_swap|dm_bufio_cache|nfsiod"
)

_UNITS = _LISTS["units"]
_UNIT = re.compile(
    rf"(?:session-c?|run-r?u?|step_|payload|docker-)\d{{1,6}}(?:\.{_SUFFIX})?|serial-getty@tty\w{{1,5}}\.service"
    r"|(?:getty@tty\d{1,2}|autovt@tty\d)\.service|step_(?:batch|extern|interactive)|task_\d{1,6}"
)
UNIT_WORDS = _LISTS["unit-words"]
UNIT_SUFFIX = re.compile(rf"\.{_SUFFIX}$")

_FOLDERS = _LISTS["folders"]
_DATE = r"20\d\d(?:0[1-9]|1[0-2])[0-3]\d"  # no other eight digits: they are the number of somebody's case
_FOLDER = re.compile(
    r"(?:messages|syslog|kern\.log|kern|dmesg|dmesg\.txt|console\.log|console|warn|debug|journal)"
    rf"(?:[-.](?:\d{{1,3}}|{_DATE}))?(?:\.(?:gz|xz|bz2|zst|lz4|log|txt|old|json))*"
)
EXTENSION = re.compile(
    r"(?:\.(?:log|txt|out|err|json|jsonl|ndjson|export|journal|gz|xz|bz2|zst|lz4|tar|tgz|txz|tbz2|zip|7z|old|bak|1|2|3|4|5|6|7|8|9"
    r"|csv|html|md|spool|kmsg|syslog)|[-.]" + _DATE + r")+$"
)
TOP_FOLDERS = _LISTS["top-folders"]

KEPT_HOSTS = frozenset(("", "localhost", "localhost.localdomain", "(none)", "kernel", "-"))
KEPT_USERS = frozenset(("", "root", "nobody"))
COMMON_LABELS = _LISTS["labels"]
ROOT_AND_NOBODY = frozenset((0, 65534))


def is_word(text: str) -> bool:
    """A word with digits in it is another: `node7` is a name."""
    return text.lower() in _WORDS or _NUMBERED.fullmatch(text.lower()) is not None


def is_release_word(text: str) -> bool:
    """Of a kernel's release, `6.12.107+deb13-cloud-amd64`: figures, and what distributions add to them."""
    return text.isdecimal() or is_word(text) or _RELEASE_WORD.fullmatch(text.lower()) is not None


def is_kept_task(name: str) -> bool:
    return name in _TASKS or _TASK.fullmatch(name) is not None


def is_kept_unit(part: str) -> bool:
    return part in _UNITS or UNIT_SUFFIX.sub("", part) in _UNITS or _UNIT.fullmatch(part) is not None


def is_kept_folder(part: str) -> bool:
    return part in _FOLDERS or _FOLDER.fullmatch(part) is not None
