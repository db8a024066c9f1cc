"""The plotly.js in the pages is what js/ says it is."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.resources import files

import pytest

from tests.browser.conftest import JS, absent

pytestmark = pytest.mark.browser


def test_it_is_built_from_the_pinned_release() -> None:
    if shutil.which("node") is None or not (JS / "node_modules").exists():
        absent("what builds plotly.js (make js)")
    done = subprocess.run(["node", "bundle.mjs", "--check"], cwd=JS, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_name_says_its_release_and_it_carries_its_licence() -> None:
    release = json.loads((JS / "package.json").read_text())["devDependencies"]["plotly.js"]
    bundle = (files("oomforensics.reports") / "assets" / f"plotly-oom-{release}.min.js").read_text(encoding="utf-8")
    assert f"plotly.js {release}\nMIT License" in bundle and "Michael Bostock" in bundle
    assert "</script" not in bundle.lower()
