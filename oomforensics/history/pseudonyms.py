"""Pseudonyms for names: `web-1` -> `host-3f9a2c81d0`, always the same under one key and not to be guessed without it.

The digits are an HMAC of the name, so guessing a name proves nothing to whoever lacks the key. They do not depend on what
the name is used for: where `shop` is a unit, a process and a folder, all three show the same digits. Ids keep their
length and shape, so that a control group's path can still be read for its pod and its container.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator

from oomforensics.history import vocabulary as kept

_DIGITS = 10  # 40 bits: two of 10,000 names meet once in 20,000 histories. With `proc-` it fits in a kernel's 15 bytes
_SHORT_IDS = (12, 13, 20)  # characters of a container id, as docker, crictl and conmon show it
_NUMBERS = 2**31  # where pseudonyms of numbers begin: no system of ours gives such uids away

UUID = re.compile(
    r"(?:(?<=pod)|(?<![0-9A-Za-z]))[0-9a-fA-F]{8}([-_])[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}(?![0-9A-Za-z])"
)
HEX = re.compile(
    r"(?:(?<=pod)|(?<![0-9A-Za-z]))(?=[0-9]{0,31}[a-fA-F]|[0-9]{32})[0-9a-fA-F]{12,128}(?![0-9A-Za-z])", re.ASCII
)
# Also with dashes, as clouds name hosts.
IPV4 = re.compile(r"(?<![\w.])\d{1,3}([.-])\d{1,3}\1\d{1,3}\1\d{1,3}(?![\w.]*\w)", re.ASCII)
_IPV6 = re.compile(
    r"(?<![\w:.])(?=[0-9a-fA-F:]*[0-9a-fA-F])(?:(?=[0-9a-fA-F:]*::)|(?=(?:[0-9a-fA-F]{1,4}:){7}))[0-9a-fA-F:]{3,39}(?:%\w+)?(?![\w:])",
    re.ASCII,
)
_MAC = re.compile(r"(?<![\w:-])[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4,}(?![\w:-])", re.ASCII)
_MAIL = re.compile(r"[\w.+%-]{1,128}@[\w-]{1,128}(?:\.(?!(?:service|slice|scope)\b)[\w-]{1,128})+")
_USER = re.compile(r"(?P<head>user@|user-|uid_|user-runtime-dir@)(?P<uid>\d{1,10})(?P<tail>\.\w+)?")
_JOB = re.compile(r"(?P<head>job_)(?P<job>\d{1,20})(?P<tail>.*)", re.DOTALL)
_PIECE = re.compile(r"\\x[0-9a-fA-F]{2}|[-_.:@*]")
_SERIAL = re.compile(r"(?<![\w.])(?!0x)(?=(?:\w*\d){2})(?=\w*[A-Za-z])\w{7,}(?![\w.])|(?<!\w)\d{6,}(?!\w)", re.ASCII)


Span = tuple[int, int, str]  # from, to, what to put there


def apart(text: str, spans: Iterable[Span]) -> list[Span]:
    """The spans in order; of two that meet, the one named first."""
    chosen, taken = [], bytearray(len(text))
    for span in spans:
        start, end, _ = span
        if not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            chosen.append(span)
    return sorted(chosen)


def apply(text: str, spans: Iterable[Span]) -> str:
    out, end = [], 0
    for start, stop, hidden in sorted(spans):
        out += [text[end:start], hidden]
        end = stop
    return "".join([*out, text[end:]])


class Pseudonyms:
    """One key's pseudonyms. Each method takes a value as a column holds it."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._made: dict[tuple[str, str], str] = {}

    # -- names -----------------------------------------------------------------------------------------------------------

    def name(self, prefix: str, name: str) -> str:
        return f"{prefix}-{self._digest('name', name)[:_DIGITS]}"

    def comm(self, name: str) -> str:
        return name if not name or kept.is_kept_task(name) else self._once("proc", name)

    def command(self, line: str) -> str:
        """A command line as a whole: any word and any figure in it may be a secret. `[kthreadd]` is none."""
        if line.startswith("[") and line.endswith("]") and kept.is_kept_task(line[1:-1]):
            return line
        return self.name("cmd", line) if line else line

    def user(self, name: str) -> str:
        return name if name in kept.KEPT_USERS else self.name("user", name)

    def host(self, name: str) -> str:
        if name in kept.KEPT_HOSTS:
            return name
        if IPV4.fullmatch(name) or _IPV6.fullmatch(name):
            return self.name("ip", name)
        label, dot, domain = name.lower().partition(".")
        return self.name("host", label) + (f".{self.name('dom', domain)}" if dot else "")

    def cgroup(self, path: str) -> str:
        """Part by part, so that the path of a parent stays the beginning of its children's."""
        return "/".join(self._cached("part", part, self._part) for part in path.split("/"))

    def path(self, path: str) -> str:
        return "/".join(self._cached("folder", part, self._folder) for part in path.split("/"))

    def _part(self, part: str) -> str:
        if not part or kept.is_kept_unit(part):
            return part
        if user := _USER.fullmatch(part):
            return f"{user['head']}{self.uid(int(user['uid']))}{user['tail'] or ''}"
        if job := _JOB.fullmatch(part):
            return f"{job['head']}{self.number(job['job'])}{self._part(job['tail']) if job['tail'] else ''}"
        if part.isdecimal():
            return self.number(part)
        suffix = found[0] if (found := kept.UNIT_SUFFIX.search(part)) else ""
        stem = part[: len(part) - len(suffix)]
        out, end = [], 0
        for match in sorted((*UUID.finditer(stem), *HEX.finditer(stem)), key=lambda match: match.start()):
            if match.start() >= end:
                out += [self._named(stem[end : match.start()], suffix), self.ident(match[0])]
                end = match.end()
        return "".join([*out, self._named(stem[end:], suffix), suffix])

    def _named(self, text: str, suffix: str) -> str:
        """`text` without its names: from the first piece that is one to the last. In a slice every piece is a slice.

        A number behind a name is part of it.
        """
        pieces = [piece for piece in _split(text) if piece]
        first = next((at for at, piece in enumerate(pieces) if not _is_plain(piece)), None)
        if first is None:
            return text
        secret = [at for at, piece in enumerate(pieces) if at >= first and (piece.isdecimal() or not _is_plain(piece))]
        if suffix == ".slice":
            return "".join(self.name("cg", piece) if at in secret else piece for at, piece in enumerate(pieces))
        last = secret[-1] + 1
        name = "".join(pieces[first:last])
        return "".join([*pieces[:first], self.name("cg", _unescaped(name)), *pieces[last:]])

    def _folder(self, part: str) -> str:
        if not part or kept.is_kept_folder(part):
            return part
        extension = found[0] if (found := kept.EXTENSION.search(part)) else ""
        stem = part[: len(part) - len(extension)]
        return (self.name("file", stem) if stem else "") + extension

    # -- ids and numbers -------------------------------------------------------------------------------------------------

    def ident(self, value: str) -> str:
        """A UUID, a hash, a job: of the same shape. A short container id is the beginning of the long one's pseudonym."""
        if uuid := UUID.fullmatch(value):
            plain = value.replace(uuid[1], "").lower()
            digits = self._digest("uuid", plain)
            return uuid[1].join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
        if re.fullmatch(r"[0-9a-fA-F]{12,}", value):
            low = value.lower()
            digits = ""
            for length in (*_SHORT_IDS, len(low)):
                if len(digits) < len(low):
                    digits += self._digest("hex", low[:length])[: length - len(digits)]
            while len(digits) < len(low):
                digits += self._digest("hex", f"{len(digits)} {low}")
            return digits[: len(low)]
        return self.number(value) if value.isdecimal() else self._part(value)

    def step(self, value: str) -> str:
        return value if value.isdecimal() and len(value) < 4 else self._part(value)

    def number(self, digits: str) -> str:
        return str(_NUMBERS + int(self._digest("number", digits)[:12], 16) % (_NUMBERS - 2))

    def uid(self, uid: int) -> int:
        """Also as kernels print it that take it for a signed number."""
        return uid if uid in kept.ROOT_AND_NOBODY else int(self.number(str(uid % 2**32)))

    # -- in text ---------------------------------------------------------------------------------------------------------

    def patterns(self, text: str, *, addresses: bool = True) -> Iterator[Span]:
        """What is a secret by its form alone; of two that meet, the first counts."""
        forms: list[tuple[re.Pattern[str], Callable[[str], str]]] = [
            (_MAIL, lambda found: self.name("mail", found)),
            (UUID, self.ident),
        ]
        if addresses:
            forms += [(IPV4, lambda found: self.name("ip", found)), (_MAC, lambda found: self.name("mac", found))]
            forms.append((_IPV6, lambda found: self.name("ip", found)))
        forms.append((HEX, self.ident))
        for pattern, replace in forms:
            for match in pattern.finditer(text):
                yield match.start(), match.end(), replace(match[0])

    def serials(self, text: str) -> Iterator[Span]:
        """What in a machine's name is of this machine alone, not of its model."""
        for match in _SERIAL.finditer(text):
            yield match.start(), match.end(), self.name("serial", match[0])

    def _once(self, prefix: str, name: str) -> str:
        return self._cached(prefix, name, lambda one: self.name(prefix, one))

    def _cached(self, kind: str, value: str, make: Callable[[str], str]) -> str:
        key = (kind, value)
        found = self._made.get(key)
        if found is None:
            found = self._made[key] = make(value)
        return found

    def _digest(self, kind: str, value: str) -> str:
        data = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, hashlib.sha256).hexdigest()


def _split(text: str) -> list[str]:
    """Pieces and what stands between them."""
    out, end = [], 0
    for match in _PIECE.finditer(text):
        out += [text[end : match.start()], match[0]]
        end = match.end()
    return [*out, text[end:]]


def _is_plain(piece: str) -> bool:
    return piece in kept.UNIT_WORDS or (piece.isdecimal() and len(piece) < 4) or _PIECE.fullmatch(piece) is not None


def _unescaped(text: str) -> str:
    """As systemd reads it: the same name has the same pseudonym, escaped or not."""
    return re.sub(r"\\x([0-7][0-9a-fA-F])", lambda match: chr(int(match[1], 16)), text)
