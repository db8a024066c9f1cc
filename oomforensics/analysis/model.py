"""The answer of the analysis: every candidate as the kernel would have scored it, and why the victim was chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from oomforensics.analysis.candidates import Candidates
from oomforensics.parsers.facts import Incident


class Scope(StrEnum):
    GLOBAL = "global"
    MEMCG = "memcg"
    CPUSET = "cpuset"
    MEMPOLICY = "mempolicy"
    SYSRQ = "sysrq"
    UNKNOWN = "unknown"


class VerdictWord(StrEnum):
    HIGHEST_BADNESS = "highest_badness"
    TIE = "tie"
    CHILD_SACRIFICED = "child_sacrificed"
    ALLOCATING_TASK = "allocating_task"
    OOM_GROUP = "oom_group"
    OOM_ORIGIN = "oom_origin"
    NONE_KILLABLE = "none_killable"
    WITHIN_NOISE = "within_noise"
    INSUFFICIENT_DATA = "insufficient_data"
    NOT_EXPLAINED = "not_explained"


@dataclass(frozen=True, slots=True)
class TotalPages:
    """The pages that badness is a share of. `pages` is None when the report does not say enough."""

    pages: int | None
    source: str  # a sentence: which printed figures it is made of, and what was assumed
    exact: bool  # False: something was assumed or is approximate on this kernel
    min_pages: int | None = None
    max_pages: int | None = None  # None: unbounded or unknown
    arithmetic: str = ""  # "524288 pages RAM - 16538 reserved + 131071 swap = …"
    evidence_lines: tuple[int, ...] = ()


@dataclass(slots=True)
class Verdict:
    word: VerdictWord
    text: str  # one or two sentences for a person on call
    proof: list[str] = field(default_factory=list)  # the arithmetic, line by line
    evidence_lines: list[int] = field(default_factory=list)  # line numbers in the incident's source
    caveats: list[str] = field(default_factory=list)  # what was assumed, what would change the answer
    runner_up_pid: int | None = None
    margin_pages: int | None = None  # victim's badness minus the runner-up's
    era_agreement: str = ""  # "the same victim under every era tried: …"


@dataclass(slots=True)
class EraChoice:
    name: str | None  # name in the table of eras; None = could not be told
    evidence: list[str]  # what in the text says so
    alternatives: list[str]  # other eras that the text allows
    certain: bool


@dataclass(slots=True)
class Judged:
    """An incident and all that the analysis says of it: one row of `incidents` with its children."""

    incident: Incident
    incident_id: str
    scope: Scope
    scope_inferred: bool
    constraint_raw: str | None
    kernel_release: str | None
    era: EraChoice
    page_size: int | None
    page_size_source: str
    totalpages: TotalPages
    oom_memcg: str | None
    task_memcg: str | None
    selected_pid: int | None  # chosen by the kernel, whether or not its kill line survived
    selected_comm: str | None
    victim_pid: int | None  # killed: its kill line is there
    victim_comm: str | None
    victim_uid: int | None
    printed_score: int | None
    recomputed_score: int | None
    score_note: str  # how the two compare, or why there is no second
    candidates: Candidates
    verdict: Verdict
    complete: bool
    kill_keys: list[str] = field(
        default_factory=list
    )  # content hashes: the same event from any source has one in common
