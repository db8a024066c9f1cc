"""What the JSON reports hold is what their schemas say, no more and no less, by an independent validator."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import duckdb
import pytest
from jsonschema import Draft202012Validator

from oomforensics.history.lookup import all_ids
from oomforensics.ingest import ingest
from oomforensics.reports import dashboard, jsonreport
from tests.support import json_schemas
from tests.support.samples import FIXTURES
from tests.unit.reports import report_samples as samples

SAMPLES = (
    samples.add_global, samples.add_memcg_group, samples.add_bare_kill, samples.add_no_victim, samples.add_permille,
    samples.add_hostile,
)  # fmt: skip


def validator(name: str, version: int) -> Draft202012Validator:
    """The shipped schema, to which a field that it does not name is an error."""
    schema = json.loads((json_schemas.FOLDER / f"{name}-{version}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    closed = copy.deepcopy(schema)
    for one in (closed, *closed["$defs"].values()):
        one["additionalProperties"] = False
    return Draft202012Validator(closed)


def errors(checker: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in checker.iter_errors(document)]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path_factory.mktemp("real") / "h.duckdb"
    names = (
        "recordings/memcg-v1-6.18",
        "witnesses",
        "kernels/5.10.0-32-cloud-amd64/global-swap",
        "kernels/7.2.13+deb14-cloud-amd64/memcg-v2-nested",
    )
    ingest([str(FIXTURES / name) for name in names], db=path, timezone=UTC)
    with duckdb.connect(str(path), read_only=True) as con:
        yield con


def test_the_shipped_schemas_are_those_of_the_code() -> None:
    made = dict(json_schemas.shipped())
    newest = {path: path.read_text(encoding="utf-8") for path in made}
    assert newest == made, "run: python -m tests.support.json_schemas"
    assert json_schemas.PAGE.read_text(encoding="utf-8") == json_schemas.page(), (
        "run: python -m tests.support.json_schemas"
    )


def test_every_sample_is_as_its_schema_says(con: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(jsonreport.render(con, [add(con) for add in SAMPLES]))
    assert errors(validator("report", document["schema_version"]), document) == []


def test_real_incidents_are_as_their_schema_says(real: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(jsonreport.render(real, all_ids(real)))
    assert errors(validator("report", document["schema_version"]), document) == []
    filled = {name for one in document["incidents"] for name, value in one.items() if value}
    assert {"recorded", "timeline", "cgroups", "candidates", "kills", "sources"} <= filled


def test_the_dashboard_is_as_its_schema_says(real: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(dashboard.as_json(real))
    assert errors(validator("history", document["schema_version"]), document) == []
    assert document["groups"] or document["players"]


def test_what_is_wrong_is_found(con: duckdb.DuckDBPyConnection) -> None:
    document = json.loads(jsonreport.render(con, [samples.add_global(con)]))
    checker = validator("report", document["schema_version"])
    document["incidents"][0]["candidates"][0]["pid"] = "517"
    document["incidents"][0]["new"] = 1
    del document["incidents"][0]["verdict"]
    assert len(errors(checker, document)) == 3
