"""Builds sdist and wheel, installs the wheel in an empty environment and runs it from an empty folder.

Fails if installing adds any name but `oomforensics` (and its own metadata) to site-packages, or a data file is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def names_in(python: Path) -> set[str]:
    out = run(python, "-c", "import os, json, sysconfig; print(json.dumps(os.listdir(sysconfig.get_path('purelib'))))")
    return set(json.loads(out))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "build", "--outdir", place / "dist", ROOT)
        (wheel,) = (place / "dist").glob("*.whl")
        venv.create(place / "env", with_pip=True)
        python = place / "env" / "bin" / "python"
        before = names_in(python)
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
        added = {name for name in names_in(python) - before if not name.endswith(".dist-info")}
        if added != {"oomforensics"}:
            sys.exit(f"the wheel adds {sorted(added)} to site-packages")
        run(python, "-m", "pip", "install", "--quiet", wheel)
        empty = place / "empty"
        empty.mkdir()
        print(run(place / "env" / "bin" / "oomforensics", "--version", cwd=empty).strip())
        run(place / "env" / "bin" / "oomforensics", "demo", "--output", place / "demo", cwd=empty)
    print("wheel: one name in site-packages, demo runs from an empty folder")


if __name__ == "__main__":
    main()
