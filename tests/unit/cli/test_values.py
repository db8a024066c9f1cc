"""Results of SQL, exact in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb

from oomforensics.cli import values

SQL = """
    SELECT 9007199254740993::BIGINT AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
           12345678901234567.89::DECIMAL(20, 2) AS exact, NULL::INTEGER AS nothing, true AS yes, 0.1::DOUBLE AS tenth,
           'NaN'::DOUBLE AS nan, TIMESTAMPTZ '2026-05-01 10:00:00.000001+02' AS moment, [1, NULL, 3] AS list,
           {'a': 1, 'b': 'x'} AS struct, 'a,"b"' || chr(10) || chr(27) || '[2J' AS text, '{"k": [1]}'::JSON AS doc
"""


def query(sql: str = SQL) -> values.Result:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    return values.query(con, sql)


def test_json() -> None:
    text = "".join(values.json_lines(query()))
    assert "\x1b" not in text
    assert json.loads(text) == [
        {
            "big": 9007199254740993,
            "huge": 170141183460469231731687303715884105727,
            "exact": "12345678901234567.89",
            "nothing": None,
            "yes": True,
            "tenth": 0.1,
            "nan": None,
            "moment": "2026-05-01T08:00:00.000001+00:00",
            "list": [1, None, 3],
            "struct": {"a": 1, "b": "x"},
            "text": 'a,"b"\n\x1b[2J',
            "doc": {"k": [1]},
        }
    ]


def test_csv() -> None:
    (row,) = csv.DictReader(io.StringIO("".join(values.csv_lines(query()))))
    assert row["big"] == "9007199254740993"
    assert row["huge"] == "170141183460469231731687303715884105727"
    assert row["exact"] == "12345678901234567.89"
    assert row["nothing"] == ""
    assert row["yes"] == "true"
    assert row["moment"] == "2026-05-01T08:00:00.000001+00:00"
    assert row["list"] == "[1, null, 3]"
    assert row["text"] == 'a,"b"\n\x1b[2J'


def test_parquet(tmp_path: Path) -> None:
    target = tmp_path / "it's.parquet"
    values.write_parquet(query(SQL.replace("170141183460469231731687303715884105727::HUGEINT", "1")), target)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        back = con.execute("SELECT * FROM read_parquet(?)", [str(target)])
        assert [str(column[1]) for column in back.description or []][:3] == ["BIGINT", "INTEGER", "DECIMAL(20,2)"]
        row = back.fetchall()[0]
    assert row[0] == 9007199254740993
    assert row[3] is None
    assert row[8] == [1, None, 3]


def test_no_row() -> None:
    assert json.loads("".join(values.json_lines(query("SELECT 1 AS a WHERE false")))) == []
    assert "".join(values.csv_lines(query("SELECT 1 AS a WHERE false"))) == "a\n"


def test_two_columns_of_one_name_stay_two() -> None:
    assert json.loads("".join(values.json_lines(query("SELECT 1 AS a, 2 AS a")))) == [{"a": 1, "a_2": 2}]
