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
from benchmarks.measure import Cost, run
from oomforensics.analysis.judge import judge
from oomforensics.parsers.assemble import assemble
from tests.support.logs import parse
from tests.support.printer import stamped

TOOL = [sys.executable, "-m", "oomforensics"]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size-mib", type=int, default=1024, help="size of the syslog to search (default 1024)")
    options.add_argument("--incidents", type=int, default=10_000, help="incidents to store (default 10000)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="oomforensics-bench-") as folder:
        start_up()
        one_report()
        big_log(Path(folder), chosen.size_mib, reports=0)
        big_log(Path(folder), chosen.size_mib, reports=1_000)
        packed(Path(folder), chosen.size_mib // 2)
        flat_memory(Path(folder), 4 * chosen.size_mib)
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
    grep = run(["grep", "-c", "oom-killer", str(log)])
    scan = run([sys.executable, "-c", _SCAN_ONLY, str(log)])
    ingest = run([*TOOL, "ingest", str(log), "--db", str(database)], 1)
    bare = run([*TOOL, "ingest", "/dev/null", "--db", str(folder / "bare.duckdb")], 1)
    print(
        f"{size_mib} MiB of syslog with {reports} reports, CPU as ratios to `grep -c oom-killer` ({grep.cpu_s:.2f} s):"
    )
    print(f"  finding them {scan.cpu_s / grep.cpu_s:.2f}, whole ingest {ingest.cpu_s / grep.cpu_s:.2f} ({_text(ingest)}; "
          f"an empty ingest takes {_text(bare)})")  # fmt: skip
    log.unlink()
    database.unlink(missing_ok=True)


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


def packed(folder: Path, size_mib: int) -> None:
    """Against the fastest command that unpacks and is there, piped to grep."""
    log = folder / "syslog"
    logs.syslog(log, size_mib << 20, size_mib)
    for suffix, pack, unpackers in (
        (".gz", ["gzip", "-6"], ("zcat", "pigz -dc", "igzip -dc")),
        (".zst", ["zstd", "-q"], ("zstdcat",)),
    ):
        name = f"{log}{suffix}"
        with Path(name).open("wb") as out:
            subprocess.run([*pack, "-c", str(log)], stdout=out, check=True)
        tools = [tool for tool in unpackers if shutil.which(tool.split()[0])]
        costs = {tool: run(["sh", "-c", f"{tool} {name} | grep -c oom-killer"]) for tool in tools}
        best = min(costs, key=lambda tool: costs[tool].cpu_s)
        scan = run([sys.executable, "-c", _SCAN_ONLY, name])
        print(
            f"{size_mib} MiB of syslog as {suffix}: finding {scan.cpu_s / costs[best].cpu_s:.2f} x"
            f" `{best} | grep -c` ({costs[best].cpu_s:.2f} s of CPU)"
        )
        Path(name).unlink()
    log.unlink()


def flat_memory(folder: Path, size_mib: int) -> None:
    log, database = folder / "syslog", folder / "flat.duckdb"
    bare = run([*TOOL, "ingest", "/dev/null", "--db", str(folder / "bare.duckdb")], 1)
    logs.syslog(log, size_mib << 20, 200)
    cost = run([*TOOL, "ingest", str(log), "--db", str(database)], 1)
    print(
        f"{size_mib} MiB of syslog: {cost.max_rss_mb - bare.max_rss_mb:.0f} MiB above an empty ingest ({_text(cost)})"
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
