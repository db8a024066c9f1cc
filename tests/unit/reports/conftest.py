from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.unit.reports import report_samples as samples


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    history = samples.history()
    yield history
    history.close()
