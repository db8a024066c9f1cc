"""The layers import downwards only, and starting the program loads nothing heavy."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import oomforensics

PACKAGE = Path(oomforensics.__file__).parent
# layer -> layers of ours that it may import
MAY_IMPORT = {
    "amounts": set(),
    "parsers": set(),
    "kernel": set(),
    "capture": set(),
    "live": {"capture", "kernel"},
    "analysis": {"kernel", "parsers", "amounts"},
    "history": {"analysis", "kernel", "parsers", "errors"},
    "reports": {"errors", "history", "amounts"},
    "pipeline": {"analysis", "capture", "parsers"},
    "ingest": {"pipeline", "analysis", "parsers", "history", "errors"},
    "library": {"errors", "history", "ingest", "reports"},
    "cli": {"analysis", "parsers", "history", "reports", "ingest", "errors", "kernel", "capture", "live"},
}
# Of the heart, what reads or adds up whole tables of numbers, which numpy does for less than a third of the time.
BY_COLUMN = {
    "parsers/runs.py", "parsers/task_rows.py", "analysis/candidates.py", "analysis/scoring.py", "analysis/task_table.py"
}  # fmt: skip


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in {path}"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if layer not in MAY_IMPORT:
        return
    ours = {name.split(".")[1] for name in imported(path) if name.startswith("oomforensics.")}
    assert ours <= MAY_IMPORT[layer] | {layer}


@pytest.mark.parametrize("layer", ["parsers", "kernel", "analysis"])
def test_the_heart_needs_no_library(layer: str) -> None:
    allowed = set(sys.stdlib_module_names) | {
        "oomforensics",
        "stringzilla",
        "backports",
        "compression",
        "isal",
        "ahocorasick_rs",
    }
    statistics = {"numpy", "pandas", "scipy"}  # loaded when there is a recording to look at
    for path in (PACKAGE / layer).rglob("*.py"):
        more = statistics if path.parent == PACKAGE / "analysis" / "growth" else set()
        more = more | ({"numpy"} if str(path.relative_to(PACKAGE)) in BY_COLUMN else set())
        outside = {name.split(".")[0] for name in imported(path)} - allowed - more
        assert not outside, f"{path}: {outside}"


def test_the_recorder_needs_no_library() -> None:
    for path in (PACKAGE / "capture").rglob("*.py"):
        outside = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"oomforensics"}
        assert not outside, f"{path}: {outside}"


def test_the_recorder_loads_little() -> None:
    """What it loads it keeps locked in memory. `enum` comes with `signal`, `ctypes` with mlockall."""
    code = (
        f"import sys; sys.path.append({str(PACKAGE.parent)!r})\n"
        "import oomforensics.capture.__main__\n"
        "heavy = 'typing dataclasses re json argparse logging pathlib inspect datetime tempfile'.split()\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_package_loads_nothing() -> None:
    """Each of its names is loaded when it is first asked for."""
    code = (
        "import sys; before = set(sys.modules); import oomforensics; dir(oomforensics)\n"
        "print(sorted(set(sys.modules) - before))\n"
        "oomforensics.History; print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['oomforensics']", "True"]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['oomforensics', '--help']\n"
        "from oomforensics.__main__ import run\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('duckdb', 'pandas', 'numpy', 'plotly', 'jinja2') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="numpy starts a thread for each further core")
def test_numpy_starts_no_threads_in_the_program() -> None:
    """A program of others that imports this keeps them: it may multiply matrices."""
    begin = (
        "import sys; sys.argv = ['oomforensics', '--version']\n"
        "from oomforensics.__main__ import run\n"
        "try:\n    run()\nexcept SystemExit:\n    pass\n"
    )
    assert _threads_with_numpy(begin) == 1
    assert _threads_with_numpy("") > 1


def _threads_with_numpy(begin: str) -> int:
    code = f"{begin}import os, sys, oomforensics.ingest\nprint(len(os.listdir('/proc/self/task')), file=sys.stderr)"
    told = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
    env = {name: value for name, value in os.environ.items() if name not in told}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return int(done.stderr)


def test_reading_a_log_loads_nothing_of_recordings_and_processes(tmp_path: Path) -> None:
    """scipy.stats takes a second, and the others longer than a log does; only a recording and --jobs need them."""
    log = tmp_path / "log"
    log.write_text("[    1.0] nothing of interest\n")
    code = (
        "import sys; from pathlib import Path; from oomforensics.ingest import ingest\n"
        f"ingest([{str(log)!r}], db=Path({str(tmp_path / 'h.duckdb')!r}))\n"
        "print([name for name in ('scipy', 'oomforensics.pipeline.spool', 'multiprocessing') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
