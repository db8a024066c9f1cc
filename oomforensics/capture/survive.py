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


def go_first() -> str | None:
    """Before others where the CPUs are short: why not, or None. A step's share of a CPU is bounded by its pace."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, min(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    except OSError as error:
        return f"no higher priority: {error.strerror}"
    return None


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
