"""What contrib/ starts is a command that exists, with options that it has."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oomforensics.cli.main import app
from tests.support.samples import ROOT

CONTRIB = ROOT / "contrib"
UNIT = CONTRIB / "oomforensics-capture.service"
_STARTS = {
    "oomforensics-capture.service": r"^ExecStart=(.*)$",
    "Dockerfile": r"^(?:ENTRYPOINT|CMD) (.*)$",
    "daemonset.yaml": r"^ +args: (.*)$",
}


def started(name: str) -> str:
    found = re.findall(_STARTS[name], (CONTRIB / name).read_text(), re.MULTILINE)
    assert found
    return " ".join(found)


@pytest.mark.parametrize("name", _STARTS)
def test_its_options_are_those_of_the_command(name: str) -> None:
    shown = CliRunner().invoke(app, ["capture", "--help"], env={"COLUMNS": "200"}).stdout
    has = set(re.findall(r"--[a-z][a-z-]+", shown))
    uses = set(re.findall(r"--[a-z][a-z-]+", started(name)))
    assert uses and uses <= has


def test_all_write_to_the_place_where_the_command_would() -> None:
    for name in ("oomforensics-capture.service", "Dockerfile"):
        assert "/var/lib/oomforensics/spool" in started(name)
    assert "mountPath: /var/lib/oomforensics}" in (CONTRIB / "daemonset.yaml").read_text()


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not installed")
    copy = tmp_path / UNIT.name
    text = UNIT.read_text()
    copy.write_text(text.replace("/usr/local/bin/oomforensics", "/bin/true"))
    told = subprocess.run([analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    copy.write_text(text.replace("OOMScoreAdjust=-1000", "OOMScoreAdjust=low"))
    told = subprocess.run([analyze, "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False)
    assert "OOM score adjust" in told.stderr
