"""Pages whose commands and code are run, and whose output is what they gave: `python -m tests.support.executed_docs`.

A page names the files it needs: <!-- executed with NAME = PATH --> copies PATH of the repository as NAME into the folder in
which it runs. In a ```console block each line `$ command` is run by bash and what follows is its output. A ```python block
is run in one namespace with those before it; a ```text block behind it holds what it printed and the value of its last line.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs").glob("*.md") if "<!-- executed with " in path.read_text("utf-8"))
_FILE = re.compile(r"<!-- executed with (\S+) = (\S+) -->")
_BLOCK = re.compile(
    r"^```(?P<kind>console|python)\n(?P<body>.*?)^```\n(?:\n```text\n.*?^```\n)?", re.DOTALL | re.MULTILINE
)
_COLUMNS = "100"
_TIMEOUT_S = 120


def executed(text: str) -> str:
    """The page as it should be: run in an empty folder, with a history of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for target, source in _FILE.findall(text):
            shutil.copyfile(ROOT / source, folder / target)
        namespace: dict[str, Any] = {}
        return _BLOCK.sub(lambda block: _run(block, folder, namespace), text)


def _run(block: re.Match[str], folder: Path, namespace: dict[str, Any]) -> str:
    if block["kind"] == "console":
        commands = [line for line in block["body"].splitlines() if line.startswith("$ ")]
        shown = "".join(f"{command}\n{_output(command[2:], folder)}" for command in commands)
        return f"```console\n{shown}```\n"
    given = _value(block["body"], folder, namespace)
    return f"```python\n{block['body']}```\n" + (f"\n```text\n{given}```\n" if given else "")


def _output(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "COLUMNS": _COLUMNS,
        "PATH": path,
        "OOMFORENSICS_DB": "history.duckdb",
    }
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=known, text=True, timeout=_TIMEOUT_S, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def _value(code: str, folder: Path, namespace: dict[str, Any]) -> str:
    """What a notebook would show below the cell."""
    tree = ast.parse(code)
    last = tree.body[-1] if tree.body else None
    shown = ast.Expression(last.value) if isinstance(last, ast.Expr) else None
    if shown is not None:
        tree.body.pop()
    out = io.StringIO()
    wide = pd.option_context("display.width", int(_COLUMNS), "display.max_columns", None)
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), wide:
        exec(compile(tree, "page", "exec"), namespace)
        value = None if shown is None else eval(compile(shown, "page", "eval"), namespace)
        if value is not None:
            print(value if hasattr(value, "to_string") else repr(value))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(executed(page.read_text("utf-8")), encoding="utf-8")
