"""`python -m oomforensics` and the `oomforensics` command."""

from __future__ import annotations

from oomforensics.cli.main import run

if __name__ == "__main__":
    run()
