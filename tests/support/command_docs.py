"""Writes docs/commands.md from the program's own help: `python -m tests.support.command_docs`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from oomforensics.cli.main import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
_INTRO = """# Commands

Made from the program by `python -m tests.support.command_docs`; do not edit by hand. `oomforensics COMMAND --help` says the
same.

Data goes to stdout, messages to stderr; `--json` wherever output is data.

| exit code | means |
|---|---|
| 0 | done; finding no OOM kill is 0 too, and is said |
| 1 | done, but some input was unreadable: named on stderr, the rest is stored |
| 2 | wrong usage |
| 3 | the database cannot be used: locked, of a newer version, not ours |

"""


def page() -> str:
    group: Any = typer.main.get_command(app)
    commands = group.commands.values()
    text = _INTRO + "| command | does |\n|---|---|\n"
    text += "".join(f"| [`{one.name}`](#{one.name}) | {_cell(_paragraphs(one)[0])} |\n" for one in commands)
    return text + "".join("".join(_section(one)) for one in commands)


def _section(command: Any) -> Iterator[str]:
    yield f"\n## {command.name}\n"
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    named = "".join(f" {one.metavar or one.name.upper()}" for one in arguments)
    yield f"\n    oomforensics {command.name}{named} [OPTIONS]\n"
    for paragraph in _paragraphs(command):
        yield f"\n{paragraph}\n"
    rows = [(one.metavar or one.name.upper(), one) for one in arguments] + [(_called(one), one) for one in options]
    yield "\n| argument or option | meaning |\n|---|---|\n"
    for name, one in rows:
        yield f"| `{_cell(name)}` | {_cell(one.help or '')}{_default(one)} |\n"


def _paragraphs(command: Any) -> list[str]:
    """Of its help; an example stays as it is."""
    text = inspect.cleandoc(command.help or "").replace("\f", "")
    found = []
    for part in re.split(r"\n\n+", text):
        if part.startswith("\b\n"):
            lines = part.removeprefix("\b\n").splitlines()
            found.append("\n".join([lines[0], "", *(f"    {line.strip()}" for line in lines[1:])]))
        else:
            found.append(" ".join(part.split()))
    return found


def _called(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or _kind(option)}"
    return f"{', '.join([*option.opts, *option.secondary_opts])}{value}"


def _kind(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    if choices is not None:
        return "|".join(str(getattr(one, "value", one)) for one in choices)
    return str(option.type.name).upper()


def _default(option: Any) -> str:
    value = option.default
    if value is None or isinstance(value, bool) or callable(value) or value == () or value == []:
        return ""
    return f" Default: `{_cell(str(getattr(value, 'value', value)))}`."


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
