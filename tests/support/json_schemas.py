"""Writes the JSON Schemas of `report --format json` from the code, and their page: `python -m tests.support.json_schemas`."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from oomforensics.history.schema import migrate
from oomforensics.reports import findings, growth, jsonreport, load, overview

PAGE = Path(__file__).resolve().parents[2] / "docs" / "json-reports.md"
FOLDER = Path(str(files("oomforensics.reports"))) / "schemas"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OF_VIEWS: dict[type, str] = {
    load.BalanceRow: "memory_balance",
    load.ZoneRow: "allocation_zones",
    load.AllocationRow: "allocations",
    growth.Series: "growth",
    growth.Grown: "growth_verdicts",
    findings.FindingRow: "findings",
    load.IncidentPage: "incidents",
    load.CandidateRow: "candidates",
    load.KillRow: "kills",
    load.RawLine: "report_lines",
}
_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, float: {"type": "number"}, bool: {"type": "boolean"},
    type(None): {"type": "null"}, Any: {},
}  # fmt: skip

# What no view's comment says: class and field, or the field of the document.
_MEANINGS = {
    "schema_version": "Of this document; a new one where a field goes or changes its meaning, not where one comes",
    "oomforensics": "Version of the program that wrote it",
    "redacted": "True: names are pseudonyms",
    "incidents": "In the order that was asked for",
    "headline": "The sentence that every report begins with",
    "ts": "Wall-clock time of the first line, RFC 3339 in UTC",
    "verdict_meaning": "verdict in plain language",
    "limits": "What this analysis cannot know",
    "badness_unit": "Of badness_*, adj_pages, root_bonus_pages and margin_pages",
    "IncidentPage.recorded": "What a recorder saw of the last minutes; null: there was none",
    "IncidentPage.timeline": "What happened around it, by all who tell of it",
    "IncidentPage.cgroups": "Root of the tree of control groups; null: nothing is known of any",
    "IncidentPage.candidates": "The kernel's task table, in its order of preference",
    "IncidentPage.kills": "Who was killed",
    "IncidentPage.report_lines": "The raw lines, without their framing",
    "IncidentPage.sources": "Every source that shows it",
    "IncidentPage.balance": "Where the memory was: a tree, parents before their children, which add up to them",
    "IncidentPage.allocation": "Why the allocation failed; null: a history that no ingest has brought up to date",
    "IncidentPage.growth": "Who grew before; null: a history that no ingest has brought up to date",
    "IncidentPage.findings": "What is worth knowing beyond the verdict, the gravest first",
    "AllocationRow.zones": "Each zone of memory against the request",
    "Grown.series": "Those that grew most first, of each kind",
    "Fact.what": "What the figure is of",
    "Fact.value": "The figure, or words",
    "Fact.unit": "Its unit; null: none",
    "Fact.line": "Line in source; null: a sum over many lines",
    "Fact.source": "Source that shows it",
    "Overview.findings": "Findings, and in how many incidents each was made",
    "SourceRow.source": "Name of the source",
    "SourceRow.line_start": "First line of the report in it, from 1",
    "SourceRow.line_end": "Last line of the report in it",
    "SourceRow.framing": "How its lines are framed",
    "SourceRow.size_bytes": "Size read, decompressed, bytes",
    "SourceRow.sha256": "Hash of what was read",
    "SourceRow.problems": "What could not be read in it",
    "SourceProblem.line": "Line; null: it is about the whole",
    "SourceProblem.severity": "info, data_loss or error",
    "SourceProblem.reason": "What is wrong",
    "Recorded.curves": "Of those killed first, then of who asked for memory, of the largest others, of limits",
    "Recorded.pressure": "Pairs: seconds from the report, per cent of 10 s in which some task waited for memory",
    "Recorded.mono_s": "When the report began by the recorder's clock, seconds",
    "Recorded.spread_s": "How well that is known, seconds",
    "Curve.role": "killed, trigger, large; usage and limit of the control group; available of the machine",
    "Curve.label": "Name and pid, or what it is",
    "Curve.pid": "Process; null: no process",
    "Curve.points": "Pairs: seconds from the report, KiB",
    "Curve.cmdline": "Command line",
    "Curve.seen_s": "When it was last looked at, seconds from the report",
    "Curve.used_kb": "Resident and swapped out then, KiB",
    "Curve.grown_kb": "Growth until then, KiB",
    "Curve.grown_over_s": "Over so many seconds",
    "Curve.oom_score": "As /proc/PID/oom_score showed it",
    "Timeline.moments": "In order of time, those without one last",
    "Timeline.left_out": "Moments that were farther from the report, count",
    "Moment.at_s": "Seconds from the report's first line; null: no clock has both",
    "Moment.who": "kernel, recorder, or the program that wrote it",
    "Moment.says": "report, kill, claim, warning or pressure",
    "Moment.text": "What it says",
    "Moment.own": "True: of this incident; false: only near it",
    "Moment.source": "Source that shows it",
    "Moment.line": "Line in source",
    "Group.path": "Control group",
    "Group.told_by": "report, recording or bundle; null: only its place is known",
    "Group.at_s": "When it was recorded, seconds from the report",
    "Group.usage_bytes": "Usage, bytes",
    "Group.limit_bytes": "Limit, bytes; null: none, or not told",
    "Group.swap_bytes": "Swap used, bytes; version 2",
    "Group.swap_limit_bytes": "Limit of it, bytes",
    "Group.anon_bytes": "Anonymous memory, bytes",
    "Group.file_bytes": "Page cache with shared memory, bytes",
    "Group.shmem_bytes": "Shared memory and tmpfs, bytes",
    "Group.kernel_bytes": "Kernel memory, bytes",
    "Group.processes": "Processes that the recorder saw in it, count",
    "Group.oom_kills": "OOM kills counted when a bundle was collected",
    "Group.hit_limit": "True: this limit was hit",
    "Group.of_victim": "True: the victim was in it",
    "Group.children": "Groups below it, the largest first",
    "Group.hidden": "Smaller groups below it that are left out, count",
    "sentence": "The sentence that the dashboard begins with",
    "Overview.incidents": "Incidents, count",
    "Overview.kills": "Kills by all mechanisms, count",
    "Overview.hosts": "Hosts that are named, count",
    "Overview.unnamed": "Incidents of hosts that no log names, count",
    "Overview.first_ts_us": "First incident, microseconds since 1970 UTC",
    "Overview.last_ts_us": "Last incident, microseconds since 1970 UTC",
    "Overview.untimed": "Kills without a wall-clock time, count",
    "Overview.bucket": "hour, day, week or month: what the series count over",
    "Overview.by_host": "Kills over time by host",
    "Overview.by_unit": "Kills over time by unit, container or control group",
    "Overview.by_mechanism": "Kills over time by who killed",
    "Overview.players": "Who was killed against who was largest, by name",
    "Overview.victims": "Names of those killed",
    "Overview.largest": "Names of those with most memory and swap in each report",
    "Overview.other_than_victim": "Reports in which the largest was another than the victim, count",
    "Overview.verdicts": "Verdicts",
    "Overview.kernels": "Kernel releases",
    "Overview.groups": "What happens again: one place, limit and victim's name",
    "Overview.shown": "The newest incidents",
    "Series.name": "Host, unit or mechanism",
    "Series.begins": "When each stretch with a kill begins, RFC 3339",
    "Series.kills": "Kills in it, count",
    "Count.name": "What is counted",
    "Count.number": "How often",
    "Count.share_of": "Of how many",
    "Player.name": "Name of a process",
    "Player.killed": "How often it was killed",
    "Player.largest": "Reports in which it was the largest",
    "Player.spared": "Of these, those in which another was killed",
    "Player.grew": "Incidents before which half of all growth or more was its own, where that is known",
    "Group_.host": "Host, or the log of a host that is not named",
    "Group_.place": "Unit, container, pod or control group; or the machine",
    "Group_.victim": "Name of the victim",
    "Group_.limit_kb": "Limit, KiB",
    "Group_.incidents": "How often it happened",
    "Group_.first_ts_us": "First, microseconds since 1970 UTC",
    "Group_.last_ts_us": "Last, microseconds since 1970 UTC",
    "Group_.mean_between_s": "Mean time between, seconds",
    "Group_.latest_id": "The latest incident",
    "Brief.incident_id": "Incident",
    "Brief.sentence": "Its headline",
    "Brief.verdict": "Its verdict",
    "Brief.verdict_text": "The same in a sentence",
    "Brief.proof": "The arithmetic",
    "Brief.margin": "Runner-up and distance",
}  # fmt: skip
_NAMES: dict[type, str] = {overview.Group: "Group_"}  # two classes have one name


class _Maker:
    """Turns dataclasses into definitions; each class once."""

    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self._comments = _comments()

    def of(self, kind: Any) -> dict[str, Any]:
        if is_dataclass(kind) and isinstance(kind, type):
            return self._reference(kind)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return _either([self.of(one) for one in arguments])
        if origin is list or (origin is tuple and arguments[-1] is Ellipsis):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is tuple:
            items = [self.of(one) for one in arguments]
            return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
        if origin is dict:
            return {"type": "object"}
        return dict(_SIMPLE[kind])

    def _reference(self, kind: type) -> dict[str, Any]:
        name = _NAMES.get(kind, kind.__name__)
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self.object(self.properties(kind))
        return {"$ref": f"#/$defs/{name}"}

    def properties(self, kind: type, without: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
        hints = typing.get_type_hints(kind)
        name = _NAMES.get(kind, kind.__name__)
        kept = [one.name for one in fields(kind) if one.name not in without]
        return {one: self.described(hints[one], f"{name}.{one}", kind) for one in kept}

    def described(self, kind: Any, meaning: str, owner: type | None = None) -> dict[str, Any]:
        column = (_OF_VIEWS.get(owner, "") if owner else "", meaning.rsplit(".", 1)[-1])
        return {**self.of(kind), "description": self._comments.get(column) or _MEANINGS[meaning]}

    @staticmethod
    def object(properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
        return {"type": "object", "properties": properties, "required": list(properties)}

    def document(self, name: str, version: int, title: str, properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
        head = {
            "schema_version": {"const": version, "description": _MEANINGS["schema_version"]},
            "oomforensics": self.described(str, "oomforensics"),
            "redacted": self.described(bool, "redacted"),
        }
        return {
            "$schema": _DIALECT,
            "$id": f"urn:oomforensics:{name}:{version}",
            "title": title,
            **self.object({**head, **properties}),
            "$defs": dict(sorted(self.definitions.items())),
        }


def _either(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    if all(set(kind) == {"type"} for kind in kinds):
        return {"type": [kind["type"] for kind in kinds]}
    return {"anyOf": kinds} if {} not in kinds else {}


def _comments() -> dict[tuple[str, str], str]:
    import duckdb

    with duckdb.connect() as con:
        migrate(con)
        rows = con.execute(
            "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL"
        ).fetchall()
    return {(table, column): comment for table, column, comment in rows}


def report() -> dict[str, Any]:
    """Of `report --format json`."""
    make = _Maker()
    found = make.properties(load.IncidentPage, without=("ts_us", "lines"))
    found["report_lines"] = make.described(list[load.RawLine], "IncidentPage.report_lines")
    found["headline"] = make.described(str, "headline")
    found["ts"] = {"type": ["string", "null"], "format": "date-time", "description": _MEANINGS["ts"]}
    found["verdict_meaning"] = make.described(str, "verdict_meaning")
    found["badness_unit"] = {"enum": ["pages", "permille"], "description": _MEANINGS["badness_unit"]}
    found["limits"] = make.described(list[str], "limits")
    make.definitions["Incident"] = make.object(found)
    incidents = {"type": "array", "items": {"$ref": "#/$defs/Incident"}, "description": _MEANINGS["incidents"]}
    return make.document(
        "report", jsonreport.SCHEMA_VERSION, "oomforensics report --format json", {"incidents": incidents}
    )


def history() -> dict[str, Any]:
    """Of `report --history --format json`."""
    make = _Maker()
    found = {"sentence": make.described(str, "sentence"), **make.properties(overview.Overview)}
    return make.document("history", overview.SCHEMA_VERSION, "oomforensics report --history --format json", found)


def shipped() -> Iterator[tuple[Path, str]]:
    """Every schema with where it lies."""
    for schema in (report(), history()):
        _, _, name, version = schema["$id"].split(":")
        yield FOLDER / f"{name}-{version}.json", json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    text = _INTRO
    for title, schema in (("report", report()), ("report --history", history())):
        text += f"\n# {title} --format json, version {schema['properties']['schema_version']['const']}\n"
        text += _rows(schema)
        for name, definition in schema["$defs"].items():
            text += f"\n## {name.rstrip('_')}\n{_rows(definition)}"
    return text


def _rows(schema: dict[str, Any]) -> str:
    rows = [f"| `{name}` | {_kind(one)} | {one['description']} |" for name, one in schema["properties"].items()]
    return "\n".join(["", "| field | type | meaning |", "|---|---|---|", *rows, ""])


def _kind(one: dict[str, Any]) -> str:
    if "$ref" in one:
        return str(one["$ref"].rsplit("/", 1)[-1]).rstrip("_")
    if "anyOf" in one:
        return " or ".join(_kind(each) for each in one["anyOf"])
    if "prefixItems" in one:
        return f"[{', '.join(_kind(each) for each in one['prefixItems'])}]"
    if one.get("type") == "array":
        return f"list of {_kind(one['items'])}"
    if "enum" in one or "const" in one:
        return " or ".join(f"`{value}`" for value in one.get("enum", [one.get("const")]))
    kinds = one.get("type", "any")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


_INTRO = """# JSON reports

Made from the code by `python -m tests.support.json_schemas`; do not edit by hand. The same as JSON Schema (2020-12) lies in
`oomforensics/reports/schemas/`, one file a version.

Every field is always there. null: not printed, lost or not known; 0: the kernel said zero. Units are in the names. Text is as
the log has it; everything outside printable ASCII is a JSON escape. Under the same version fields may be added, never taken
away: a reader passes over those that it does not know.
"""


if __name__ == "__main__":
    for where, text in shipped():
        where.write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
