"""The recorder's own process: `python -I -S …/capture/__main__.py`, as `oomforensics capture` starts it.

Isolated and without site, so that it loads nothing but what it needs: 14 MB resident with everything locked in memory.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

if not __package__:  # run as a file
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from oomforensics.capture import options, survive, targets
from oomforensics.capture.recorder import Recorder
from oomforensics.capture.spool import Busy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_USAGE = 2  # exit code


def main(argv: list[str]) -> int:
    try:
        chosen = options.from_argv(argv)
    except ValueError:
        _say("this is the inside of `oomforensics capture`; start that")
        return _USAGE
    survive.keep_heap()
    try:
        recorder = Recorder(chosen)
    except Busy as busy:
        _say(f"{chosen.spool}: another recorder writes to it (pid {busy})")
        return _USAGE
    except targets.NotFound as error:
        _say(str(error))
        return _USAGE
    except OSError as error:
        _say(f"{chosen.spool}: {error.strerror}")
        return _USAGE
    _end_on_signals(recorder)
    for _ in range(2):  # what a step needs is loaded and had before the worst minute, not in it
        recorder.step(None)
    survive.freeze()
    lacking = [*recorder.missing]
    for problem in (survive.go_first(), survive.lock_memory(), survive.spare()[1]):
        if problem is not None:
            lacking.append(problem)
            recorder.note(problem)
    _say(f"recording {chosen.kind} {chosen.name}".rstrip() + f" into {chosen.spool} (pid {os.getpid()})")
    _say("told of OOMs by: " + (", ".join(recorder.sources) or "counters alone"))
    for problem in lacking:
        _say(f"not here: {problem}")
    why = recorder.run()
    recorder.close()
    lost = recorder.spool.lost_frames + recorder.spool.failures
    _say(
        f"stopped: {why}; {recorder.ooms} OOM events"
        + (f"; {lost} frames could not be written or brought to the disk" if lost else "")
    )
    return 1 if lost else 0


def _end_on_signals(recorder: Recorder) -> None:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    recorder.wake_by(reading)
    for number, name in ((signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C"), (signal.SIGHUP, "SIGHUP")):
        signal.signal(number, _stopper(recorder, name))
    signal.signal(signal.SIGXCPU, _stepper_back(recorder))


def _stopper(recorder: Recorder, name: str) -> Callable[[int, object], None]:
    return lambda number, frame: recorder.stop(name)


def _stepper_back(recorder: Recorder) -> Callable[[int, object], None]:
    def step_back(number: int, frame: object) -> None:
        survive.step_back()
        recorder.remark("no real-time priority any more: a second of CPU without a pause")

    return step_back


def _say(text: str) -> None:
    """One line on stderr; what a name holds is not obeyed by a terminal. Nobody there to read it is no reason to end."""
    plain = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
    with suppress(OSError):
        os.write(2, f"oomforensics: {plain}\n".encode("utf-8", "backslashreplace"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
