"""The text files of a supportconfig: one section after the other, each the output of a command or a copy of a file.

#==[ Command ]======================================#
# /usr/bin/uname -a
#==[ Configuration File ]===========================#
# /proc/meminfo
#==[ Log File ]=====================================#
# /var/log/messages - Last 500 Lines
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"#==\[ ([^\]\n]{1,60}?) \]=*#?\r?\n#[ \t]?([^\n]*)\n?")
_MAX_TITLE = 4096  # characters looked at
_CUT = re.compile(r" - (?:Last \d+ Lines|File not found)$")
_FOLDER = re.compile(r"/(?:[\w.-]+/)*(?=[\w.-]+(?: |$))")
_FILES = ("Configuration File", "Log File", "System Configuration File", "File")


@dataclass(frozen=True, slots=True)
class Section:
    """`command` without its folder, or `path` without the leading slash; neither, of what is no copy."""

    command: str | None
    path: str | None
    line: int  # of the file, before the text's first
    text: str


def split(text: str) -> Iterator[Section]:
    line, counted = 0, 0
    found = _HEAD.search(text)
    while found is not None:
        following = _HEAD.search(text, found.end())
        line += text.count("\n", counted, found.end())
        counted = found.end()
        kind, title = found[1].strip(), found[2][:_MAX_TITLE].strip()
        command = path = None
        if kind == "Command":
            folder = _FOLDER.match(title)
            command = title[folder.end() :] if folder else title
        elif kind in _FILES and title.startswith("/"):
            path = _CUT.sub("", title).lstrip("/")
        yield Section(command, path, line, text[found.end() : following.start() if following else len(text)].rstrip())
        found = following
