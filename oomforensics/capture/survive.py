"""What keeps the recorder alive and quick when nothing else is: each measure says what it could not do."""

from __future__ import annotations

import ctypes
import gc
import os

_MCL_CURRENT, _MCL_FUTURE = 1, 2
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_RESERVE = 2 << 20  # bytes of heap that are had before the start: zlib's working memory and the buffers of a step
_KEEP = 32 << 20  # bytes: glibc's greatest threshold
_LOWEST = -1000
_NICE = -10
_RUNAWAY_US = 1_000_000  # of CPU without a pause: far more than any look takes


def keep_heap() -> None:
    """Take memory from the kernel now, and never give it back: no allocation has to wait for it in an OOM."""
    libc = ctypes.CDLL(None)
    mallopt = getattr(libc, "mallopt", None)
    if mallopt is None:  # musl
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, _KEEP)
    mallopt(_M_TRIM_THRESHOLD, 2 * _KEEP)
    reserve = bytearray(_RESERVE)
    del reserve


def lock_memory() -> str | None:
    """Why not, or None."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE) == 0:
        return None
    return f"memory is not locked: {os.strerror(ctypes.get_errno())}"


def spare(proc: str = "/proc") -> tuple[int, str | None]:
    """Make oom_score_adj as low as we may: what it is now, and what was not allowed."""
    path = f"{proc}/self/oom_score_adj"
    try:
        present = int(_read(path))
    except (OSError, ValueError) as error:
        return 0, f"oom_score_adj is not known: {error}"
    if _set(path, _LOWEST):
        return _LOWEST, None
    low, high = _LOWEST, present  # low is refused, high is allowed
    while high - low > 1:
        middle = (low + high) // 2
        if _set(path, middle):
            high = middle
        else:
            low = middle
    return high, f"oom_score_adj is {high}: lower needs CAP_SYS_RESOURCE"


def go_first(proc: str = "/proc") -> str | None:
    """Before everybody else where the CPUs are short: what was not allowed, or None. Looks are bounded by their pace.

    Where memory is short, too: a real-time task may have pages of the kernel's reserve (gfp_to_alloc_flags in
    mm/page_alloc.c), so that it need not wait for the kill when it opens a file.
    """
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_RTTIME, (_RUNAWAY_US, resource.RLIM_INFINITY))
        _schedule(os.SCHED_RR, 1, proc)
    except (OSError, ValueError) as error:
        refused = getattr(error, "strerror", None) or str(error)
        try:
            os.setpriority(os.PRIO_PROCESS, 0, min(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
        except OSError:
            return f"no higher priority: {refused}"
        return f"no real-time priority: {refused}"
    return None


def step_back(proc: str = "/proc") -> None:
    """What the kernel asks of a real-time task that never pauses, by SIGXCPU."""
    _schedule(os.SCHED_OTHER, 0, proc)


def more_files() -> int:
    """File descriptors that we may have open."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return soft
    return hard


def freeze() -> None:
    """What exists now stays: no collection looks at it again, and nothing here makes cycles."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _schedule(policy: int, priority: int, proc: str) -> None:
    """All our threads: whoever waits for Python's lock waits for the one that holds it."""
    for tid in os.listdir(f"{proc}/self/task"):
        os.sched_setscheduler(int(tid), policy, os.sched_param(priority))


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 32)
    finally:
        os.close(fd)


def _set(path: str, value: int) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, b"%d" % value)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
