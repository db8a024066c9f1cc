"""What recordings of the time before the kill show: leak, burst, or a limit that the steady use fills."""

from __future__ import annotations

from oomforensics.analysis.findings import words
from oomforensics.analysis.findings.entry import Confidence, Entry, Fact, Found, Severity, entry
from oomforensics.analysis.findings.evidence import Evidence
from oomforensics.analysis.growth.culprit import Unknown
from oomforensics.analysis.growth.shape import Shape
from oomforensics.analysis.model import Scope
from oomforensics.analysis.scene import Grown

_RECORDING = "recording"
# Less than half a minute of calm may be a pause between two bursts.
_LONG_ENOUGH_S = 30.0
# Two reports of one storm differ by next to nothing; a twentieth of memory is growth.
_PART_OF_CAUSE = 0.05
_USED_BEFORE = (Unknown.USED_BEFORE, Unknown.NO_GROWTH)


def _of_shape(seen: Evidence, shape: Shape) -> Grown | None:
    grown = seen.scene.grown
    return grown if grown is not None and grown.seen_in == _RECORDING and grown.shape == shape else None


def _says(grown: Grown, *wanted: Unknown) -> bool:
    return any(word.partition(":")[0] in wanted for word in grown.not_known)


def _facts(grown: Grown) -> tuple[Fact, ...]:
    """Of the recording, which has no lines."""
    kb = (grown.grown_bytes or 0) // 1024
    return (
        Fact(f"{grown.culprit}: share of all growth", round(grown.share or 0.0, 3), None, None, grown.source),
        Fact("all growth", kb, "KiB", None, grown.source),
        Fact("time recorded", round((grown.until_s or 0.0) - (grown.from_s or 0.0), 1), "s", None, grown.source),
    )


@entry(
    Severity.CRITICAL,
    condition="a recording shows that whoever had half of all growth or more grew steadily over most of the time",
    advice=(
        "A larger limit only moves the next kill: divide the new room by the rate. Find what is kept: a heap profile of the "
        "process (pprof, jcmd GC.class_histogram, heaptrack, tracemalloc) early and late, and look at what grew. Until it is "
        "fixed restart it before it is full (RuntimeMaxSec=, the max-requests of a pre-forking server), and give it MemoryHigh= "
        "below MemoryMax=, which slows it down before it is killed. "
        "A cache that has not reached its bound yet grows the same way: check that."
    ),
)
def leak(seen: Evidence) -> Found | None:
    grown = _of_shape(seen, Shape.LEAK)
    if grown is None or not grown.text:
        return None
    sure = Confidence.POSSIBLE if _says(grown, Unknown.SHORT_WINDOW) else Confidence.LIKELY
    return Found(grown.text, _facts(grown), sure)


@entry(
    Severity.WARNING,
    condition="a recording shows that whoever had half of all growth or more took most of it at once, shortly before the kill",
    advice=(
        "Look for the one request, query or job that began then, and bound it: a limit on input, batch, query memory (work_mem, "
        "-Xmx, --memory of the job) or on how many run at once. A larger limit helps if the need of that one job is known and "
        "ends; swap absorbs a burst if its disk is fast enough."
    ),
)
def burst(seen: Evidence) -> Found | None:
    grown = _of_shape(seen, Shape.BURST)
    if grown is None or not grown.text:
        return None
    return Found(grown.text, _facts(grown), Confidence.LIKELY)


@entry(
    Severity.CRITICAL,
    condition=f"a process had half of all growth or more, {_PART_OF_CAUSE:.0%} of memory at least, and another one was killed",
    advice=(
        "The one that grew is still there, and the next kill comes at the same rate. Stop or restart it; look at the victim's "
        "oom_score_adj and size only to learn why it was taken in its place. A limit on the unit of the one that grows makes "
        "it the victim of its own growth."
    ),
)
def who_grew_lives(seen: Evidence) -> Found | None:
    scene, grown = seen.scene, seen.scene.grown
    if grown is None or grown.culprit_kind != "process" or grown.culprit_pid is None or not scene.kills:
        return None
    if not seen.matters((grown.grown_bytes or 0) // 1024 // seen.page_kb, _PART_OF_CAUSE):
        return None
    if grown.culprit_pid in {one.pid for one in scene.kills} or grown.shape not in (
        Shape.LEAK,
        Shape.BURST,
        Shape.INSUFFICIENT,
    ):
        return None
    text = (
        f"{grown.culprit} had {words.share(grown.share or 0.0)} of all growth before the kill and lives; "
        f"{words.name(scene.victim_comm, scene.victim_pid)} died."
    )
    sure = Confidence.LIKELY if grown.seen_in == _RECORDING else Confidence.POSSIBLE
    return Found(
        text, (*_facts(grown), Fact("pid killed", scene.victim_pid or 0, None, scene.kills[0].line, scene.source)), sure
    )


@entry(
    Severity.WARNING,
    condition=f"a recording of {_LONG_ENOUGH_S:.0f} s or more before a cgroup's kill shows growth of less than 5 % of its limit",
    advice=(
        "The limit leaves no room above what it needs all the time. Raise it: above the highest memory.peak (or "
        "max_usage_in_bytes) of a normal week, and a fifth more for what no week has shown; or make the steady use smaller (heap "
        "size, cache sizes, workers). What it would have taken beyond the limit is not known: look again after the change."
    ),
)
def limit_below_steady_use(seen: Evidence) -> Found | None:
    scene, grown = seen.scene, seen.scene.grown
    if scene.scope != Scope.MEMCG or grown is None or grown.seen_in != _RECORDING or not scene.memory_limit_kb:
        return None
    if grown.from_s is None or grown.until_s is None or grown.until_s - grown.from_s < _LONG_ENOUGH_S:
        return None
    if not _says(grown, *_USED_BEFORE) or _says(grown, Unknown.END_UNSEEN):
        return None
    kb = (grown.grown_bytes or 0) // 1024
    text = (
        f"In the {grown.until_s - grown.from_s:.0f} s recorded before the kill use grew by {words.size(max(kb, 0))} only: the "
        f"limit of {words.size(scene.memory_limit_kb)} was all but used up already."
    )
    facts = (
        Fact("all growth in that time", kb, "KiB", None, grown.source),
        words.kb(seen, "memory: limit", scene.memory_limit_kb),
        words.kb(seen, "memory: usage", scene.memory_usage_kb or 0),
    )
    return Found(text, facts, Confidence.LIKELY)


ENTRIES: tuple[Entry, ...] = (leak, burst, who_grew_lives, limit_below_steady_use)
