"""python -m benchmarks [--size-mib N] [--incidents N]: every figure that the project states, as ratios in one run."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import logs
from benchmarks.measure import Cost, race, run
from oomforensics.analysis.judge import judge
from oomforensics.parsers.assemble import assemble
from tests.support.logs import parse
from tests.support.printer import stamped

TOOL = [sys.executable, "-m", "oomforensics"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size-mib", type=int, default=1024, help="size of the syslog to search (default 1024)")
    options.add_argument(
        "--large-mib", type=int, default=4096, help="size of the syslog to ingest for its memory (4096)"
    )
    options.add_argument("--incidents", type=int, default=10_000, help="incidents to store (default 10000)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="oomforensics-bench-") as folder:
        start_up()
        one_report()
        big_log(Path(folder), chosen.size_mib, reports=0)
        big_log(Path(folder), chosen.size_mib, reports=1_000)
        flat_memory(Path(folder), chosen.large_mib)
        two_cores(Path(folder), 2_000)
        many_incidents(Path(folder), chosen.incidents)


def start_up() -> None:
    bare, shown = run([sys.executable, "-c", "pass"], 5), run([*TOOL, "--help"], 5)
    print(
        f"--help: {shown.wall_s:.3f} s wall, {shown.wall_s / bare.wall_s:.1f} x `python -c pass` ({bare.wall_s:.3f} s)"
    )


def one_report(tasks: int = 500) -> None:
    lines = stamped(logs.report_lines(1, tasks))
    best = [9.0, 9.0, 9.0]
    for _ in range(20):
        started = time.process_time()
        records = parse(lines)
        parsed = time.process_time()
        incidents = list(assemble(records, "bench"))
        assembled = time.process_time()
        judge(incidents)
        judged = time.process_time()
        spent = (parsed - started, assembled - parsed, judged - assembled)
        best = [min(pair) for pair in zip(best, spent, strict=True)]
    framing, assembling, judging = (part * 1000 for part in best)
    print(
        f"one report of {tasks} tasks: framing {framing:.2f} ms + assembling {assembling:.2f} ms + verdict {judging:.2f} ms"
        f" = {framing + assembling + judging:.2f} ms of CPU"
    )


def big_log(folder: Path, size_mib: int, reports: int) -> None:
    log, database = folder / "syslog", folder / "big.duckdb"
    logs.syslog(log, size_mib << 20, reports)
    costs = race({"grep": ["grep", "-c", "oom-killer", str(log)], "finding": _finding(log)}, 5)
    grep, finding = costs["grep"].cpu_s, costs["finding"].cpu_s
    print(f"{size_mib} MiB of syslog with {reports} reports, CPU as ratios to `grep -c oom-killer` ({grep:.2f} s):")
    print(f"  finding and cutting them out {finding / grep:.2f}")
    if reports:
        whole = race({"grep": ["grep", "-c", "oom-killer", str(log)], "ingest": _ingest(log, database),
                      "empty": _ingest(Path("/dev/null"), folder / "empty.duckdb")}, 2)  # fmt: skip
        ingest, empty = whole["ingest"].cpu_s, whole["empty"].cpu_s
        print(
            f"  whole ingest {ingest / whole['grep'].cpu_s:.1f} ({_text(whole['ingest'])}; one of nothing:"
            f" {_text(whole['empty'])}): {(ingest - empty - finding) / reports * 1000:.1f} ms a report after it is found"
        )
        packed_log(log)
    log.unlink()
    database.unlink(missing_ok=True)


def packed_log(log: Path) -> None:
    """The same log packed, against what a person would type."""
    for suffix, packer, unpackers in _PACKED:
        if shutil.which(packer[0]) is None:
            print(f"  .{suffix}: {packer[0]} is not installed")
            continue
        packed = log.with_name(f"{log.name}.{suffix}")
        with packed.open("wb") as out:
            subprocess.run([*packer, str(log)], stdout=out, check=True)
        pipes = {
            unpacker: ["sh", "-c", f'{unpacker} "$1" | grep -c oom-killer', "sh", str(packed)]
            for unpacker in unpackers
            if shutil.which(unpacker.split()[0])
        }
        costs = race({**pipes, "finding": _finding(packed)})
        finding = costs.pop("finding").cpu_s
        ratios = ", ".join(f"{finding / cost.cpu_s:.2f} x `{name} | grep`" for name, cost in costs.items())
        print(f"  finding them in .{suffix}: {finding:.2f} s CPU = {ratios}")
        packed.unlink()


_PACKED = (
    ("gz", ("gzip", "-c"), ("zcat", "pigz -dc", "igzip -dc")),
    ("zst", ("zstd", "-qc"), ("zstdcat",)),
    ("lz4", ("lz4", "-qc"), ("lz4cat",)),
)


def _ingest(log: Path, database: Path) -> list[str]:
    """Into a new history each time: the second time all would be known."""
    command = 'rm -f "$1" && shift && exec "$@"'
    return ["sh", "-c", command, "sh", str(database), *TOOL, "ingest", str(log), "--db", str(database), "--jobs", "1"]


def _finding(log: Path) -> list[str]:
    return [sys.executable, "-c", _SCAN_ONLY, str(log)]


# As `ingest` reads: unpacked, hashed by samples, searched.
_SCAN_ONLY = """
import sys
from oomforensics.parsers import scan
from oomforensics.parsers.containers.limits import Limits
from oomforensics.parsers.opened import expand
from oomforensics.parsers.sources import iter_sources
for source in iter_sources([sys.argv[1]]):
    for opened in expand(source, Limits()):
        for window in scan.windows(opened.stream, []):
            pass
"""


def flat_memory(folder: Path, size_mib: int) -> None:
    log, database = folder / "large", folder / "large.duckdb"
    bare = run(_ingest(Path("/dev/null"), database), 1).max_rss_mb
    logs.syslog(log, size_mib << 20, 1_000)
    cost = run(_ingest(log, database), 1)
    print(
        f"{size_mib} MiB of syslog with 1000 reports: {cost.max_rss_mb:.0f} MB at most, {cost.max_rss_mb - bare:.0f} MB"
        f" above an ingest of nothing"
    )
    log.unlink()


def two_cores(folder: Path, files: int) -> None:
    """A bundle of many files, with a report in one of ten."""
    bundle = folder / "bundle"
    bundle.mkdir()
    for number in range(files):
        logs.syslog(bundle / f"{number}.log", 300_000, 1 if number % 10 == 0 else 0, first=number)
    costs = [
        run([*TOOL, "ingest", str(bundle), "--jobs", jobs, "--db", str(folder / f"jobs{jobs}.duckdb")], 1)
        for jobs in ("1", "2")
    ]
    print(f"{files} files on two cores {costs[0].wall_s / costs[1].wall_s:.2f} x as fast as on one ({_text(costs[1])})")
    shutil.rmtree(bundle)


def many_incidents(folder: Path, count: int, tasks: int = 100) -> None:
    log, database = folder / "incidents.log", folder / "many.duckdb"
    logs.incidents_log(log, count, tasks)
    cost = run([*TOOL, "ingest", str(log), "--db", str(database), "--jobs", "1"], 1)
    size_mb = database.stat().st_size / 1e6
    print(f"{count} incidents of {tasks} candidates: {count / cost.cpu_s:.0f} a second of one core ({_text(cost)}), "
          f"{size_mb:.0f} MB on disk")  # fmt: skip


def _text(cost: Cost) -> str:
    return f"{cost.cpu_s:.2f} s CPU, {cost.max_rss_mb:.0f} MB"


if __name__ == "__main__":
    main()
