"""What a spool holds and who writes to it: for `capture --status`. Reads the newest segment only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from oomforensics.capture.decode import samples
from oomforensics.capture.read import Losses, read
from oomforensics.capture.samples import Event, Header, KernelRecords, Note, ProcessSnapshot
from oomforensics.capture.spool import recorder_pid, segments


@dataclass(slots=True)
class Status:
    recorder_pid: int | None  # None: nobody records
    segments: int
    size_bytes: int
    header: Header | None
    last: ProcessSnapshot | None
    oom_events: int  # in the newest segment, as all other counts
    events: int
    kernel_records: int
    notes: list[str]
    losses: Losses


def status(directory: Path) -> Status:
    """Raises OSError."""
    names = segments(str(directory))
    losses = Losses()
    found = Status(
        recorder_pid(str(directory)),
        len(names),
        sum((directory / name).stat().st_size for name in names),
        None, None, 0, 0, 0, [], losses,
    )  # fmt: skip
    if not names:
        return found
    for sample in samples(read(directory / names[-1], losses), losses):
        match sample:
            case Header():
                found.header = sample
            case ProcessSnapshot():
                found.last = sample
            case Event():
                found.events += 1
                found.oom_events += sample.oom
            case KernelRecords():
                found.kernel_records += len(sample.records)
            case Note():
                found.notes.append(sample.text)
    return found
