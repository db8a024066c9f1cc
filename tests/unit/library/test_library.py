"""`import oomforensics`: what programs and notebooks get, held against the history behind it and a report worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from plotly import graph_objects

import oomforensics
from oomforensics import History, HistoryError, Incident, UsageError
from tests.support.printer import KERNELS, Report, Task, stamped

NAME = "<script>"  # of a process: whoever runs it chooses it
WHEN = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def log(folder: Path, host: str = "node1", pid: int = 101) -> Path:
    """big (25,600 + 10 pages, adj 0) dies beside small (1,000 + 10 pages, adj 0) and shield (adj -1000)."""
    big, small = Task(pid, NAME, rss_anon=25_600), Task(50, "small", rss_anon=1_000)
    shield = Task(51, "shield", rss_anon=9_000, oom_score_adj=-1000)
    made = Report(
        KERNELS["6.12"], [small, big, shield], big, memcg="/system.slice/shop.service", memcg_limit_kb=131_072
    )
    path = folder / f"{host}.log"
    lines = stamped(list(made.lines()), start_s=WHEN.timestamp() % 1e6)
    path.write_text("".join(f"{WHEN.isoformat()} {host} kernel: {line}\n" for line in lines))
    return path


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with oomforensics.read_logs(log(tmp_path_factory.mktemp("logs"))) as read:
        yield read


@pytest.fixture
def incident(history: History) -> Incident:
    return history.incident("latest")


# -- a history ---------------------------------------------------------------------------------------------------------


def test_one_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "h.duckdb"
    with pytest.raises(HistoryError, match="no history"):
        oomforensics.open_history(path)
    with oomforensics.open_history(path, create=True) as made:
        assert (len(made), list(made), len(made.incidents())) == (0, [], 0)
    assert path.exists()
    (tmp_path / "empty").touch()
    with oomforensics.open_history(tmp_path / "empty", create=True) as made:
        assert len(made) == 0


def test_the_default_is_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOMFORENSICS_DB", str(tmp_path / "mine.duckdb"))
    with oomforensics.open_history(create=True) as made:
        assert made.path == tmp_path / "mine.duckdb"


def test_it_grows_while_it_is_open_and_reading_twice_changes_nothing(tmp_path: Path) -> None:
    with oomforensics.open_history(tmp_path / "h.duckdb", create=True) as history:
        assert len(history) == 0
        first = history.ingest(log(tmp_path))
        assert (first.new, first.kills, first.damaged, len(history)) == (1, 1, False, 1)
        known = history.incident()
        again = history.ingest(log(tmp_path), log(tmp_path, "node2", 102))
        assert (again.new, again.known, len(history)) == (1, 1, 2)
        assert known.verdict == "highest_badness"
        assert list(history.incidents(host="node2").victim_pid) == [102]


def test_what_it_counts_as_known_is_what_it_knew_before_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little is stored at once: the second log of one event comes when the first is in the history."""
    monkeypatch.setattr("oomforensics.ingest.BATCH", 1)
    copy = tmp_path / "copy.log"
    copy.write_bytes(log(tmp_path).read_bytes())
    with oomforensics.open_history(tmp_path / "h.duckdb", create=True) as history:
        first = history.ingest(log(tmp_path), copy)
        assert (first.new, first.known, first.kills, len(history)) == (1, 0, 1, 1)
        again = history.ingest(copy, log(tmp_path), log(tmp_path, "node2", 102), log(tmp_path, "node2", 102))
        assert (again.new, again.known, again.kills, len(history)) == (1, 1, 1, 2)


def test_what_read_logs_made_is_gone_when_it_is_closed(tmp_path: Path) -> None:
    with oomforensics.read_logs(log(tmp_path)) as read:
        assert read.path.exists()
    assert not read.path.parent.exists()
    for use in (lambda: len(read), lambda: read.ingest(log(tmp_path)), lambda: list(read)):
        with pytest.raises(HistoryError, match="closed"):
            use()
    assert "closed" in repr(read) and "closed" in read._repr_html_()


def test_incidents_are_filtered_by_moments_in_any_zone(history: History) -> None:
    assert len(history.incidents(since="2026-05-04T12:00:00+02:00", until="2026-05-04T10:00:00.5")) == 1
    assert len(history.incidents(since=datetime(2026, 5, 4, 10, 0, 1))) == 0
    assert len(history.incidents(victim=101, cgroup="shop", scope="memcg", host="node1")) == 1
    with pytest.raises(UsageError, match="no moment"):
        history.incidents(since="yesterday")


def test_unknown_is_na_and_whole_numbers_stay_whole(history: History) -> None:
    frame = history.sql("SELECT 9007199254740993::BIGINT AS big UNION ALL SELECT NULL ORDER BY big NULLS LAST")
    assert frame.big.dtype == "Int64" and frame.big[0] == 9007199254740993 and frame.big[1] is pd.NA
    wide = history.sql(
        "SELECT 18446744073709551615::HUGEINT AS wide, 1.10::DECIMAL(5, 2) AS money, [1, NULL] AS list, '[{}]'::JSON AS it"
    )
    assert wide.iloc[0].tolist()[0] == 18446744073709551615
    assert (str(wide.money[0]), wide["list"][0], wide["it"][0]) == ("1.10", [1, None], [{}])
    twice = history.sql("SELECT 1 AS a, 2 AS a, TIMESTAMPTZ '2026-05-04 12:00:00+02' AS ts, true AS yes")
    assert list(twice.columns) == ["a", "a_2", "ts", "yes"]
    assert twice.ts[0] == pd.Timestamp(WHEN) and twice.yes.dtype == "boolean"
    assert history.view("incidents").oom_group_path.isna().all()


def test_sql_takes_parameters_and_fails_in_one_line(history: History) -> None:
    assert history.sql("SELECT $a + 1 AS b", a=1).b.tolist() == [2]
    with pytest.raises(UsageError) as failed:
        history.sql("SELECT nothing FROM nowhere")
    assert "\n" not in str(failed.value)
    for reaching in ("SELECT * FROM read_text('/etc/passwd')", "ATTACH 'x'", "DELETE FROM t_incidents", "FROM pd"):
        with pytest.raises(UsageError):
            history.sql(reaching)


def test_shipped_queries_and_views_by_name(history: History) -> None:
    assert history.run("time-of-week", timezone="Europe/Berlin").iloc[0].to_list() == [1, 12, 1, 1]
    assert set(history.queries()) >= {"recurrences", "kill-loops"}
    assert history.view("kills").pid.tolist() == [101]
    assert "task table" in history.views()["candidates"]
    with pytest.raises(UsageError, match="there are"):
        history.run("none")
    for no_view in ("t_kills", 'x"; DROP'):
        with pytest.raises(UsageError, match="there are"):
            history.view(no_view)


def test_figures_of_a_history(history: History) -> None:
    drawn = history.figures()
    assert {"hosts", "mechanisms"} <= set(drawn)
    assert all(isinstance(figure, graph_objects.Figure) for figure in drawn.values())
    assert list(drawn["hosts"].data[0].y) == [1] and drawn["hosts"].data[0].name == "node1"


# -- an incident -------------------------------------------------------------------------------------------------------


def test_what_an_incident_is(history: History, incident: Incident) -> None:
    assert (incident.verdict, incident.facts.victim_pid, incident.facts.place) == (
        "highest_badness",
        101,
        "shop.service",
    )
    assert incident.sentence.startswith("<script> (pid 101) was killed on 2026-05-04 10:00:00")
    assert [one.id for one in history] == [incident.id] == [history.incident(incident.id[:6]).id]
    with pytest.raises(UsageError, match="no incident"):
        history.incident("zz")


def test_its_tables(incident: Incident) -> None:
    rows = incident.candidates()
    # resident 25,600 + 10, page tables 20 + 3; the least of adj is not eligible
    assert rows.badness_pages.to_list() == [1_033, 25_633, pd.NA]
    assert rows["rank"].to_list() == [2, 1, pd.NA]
    assert incident.kills().comm.tolist() == [NAME]
    assert incident.lines().text[0].startswith("<script> invoked oom-killer")
    assert len(incident.events()) == 0
    assert incident.view("incident_sources").line_start.tolist() == [1]
    for no_table in ("sources", "nothing", "t_kills"):
        with pytest.raises(UsageError, match="incident_id"):
            incident.view(no_table)


def test_what_if_other_values(incident: Incident) -> None:
    spared = incident.what_if(oom_score_adj={NAME: -1000})
    assert (spared.chosen_before, spared.chosen) == (
        oomforensics.library.incident.Process(101, NAME, 0), oomforensics.library.incident.Process(50, "small", 0),
    )  # fmt: skip
    assert spared.order.pid.tolist() == [50] and spared.order.badness.tolist() == [1_033]
    assert incident.what_if(gone=[101, "small"]).chosen is None
    # totalpages 32,768: 32 pages for each 1 of adj. 24,600 pages less are 769 of it.
    assert incident.what_if().saving(101)["needed_oom_score_adj"] == -769
    assert incident.what_if(memory_limit_bytes=2**30).totalpages == 2**30 // 4096
    assert incident.what_if(kernel="5.4.0").era == "5.4-5.8"
    for wrong in ({"gone": ["nobody"]}, {"oom_score_adj": {101: 1001}}, {"kernel": "none"}):
        with pytest.raises(UsageError):
            incident.what_if(**wrong)


def test_what_the_allocation_needed(incident: Incident) -> None:
    assert [(one["what"], one["at_least_bytes"]) for one in incident.needed()] == [("the memory limit", 131_076 * 1024)]


def test_reports(incident: Incident) -> None:
    assert "highest badness" in incident.explain()
    assert (
        incident.to_html().startswith("<!doctype html>")
        and NAME not in incident.to_html().split("<body>")[1].split("<main")[0]
    )
    assert incident.id in incident.to_json() and incident.to_markdown().startswith("#")


def test_figures_of_an_incident(incident: Incident) -> None:
    drawn = incident.figures()
    assert set(drawn) == {"ranking", "balance"} and isinstance(drawn["ranking"], graph_objects.Figure)
    assert "<script>" not in drawn["ranking"].to_json()


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        assert not attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_notebook_shows_names_as_text(history: History, incident: Incident) -> None:
    for shown in (history, incident, incident.what_if(oom_score_adj={50: 1000})):
        tags = Tags()
        tags.feed(shown._repr_html_())
        assert tags.seen <= {"p", "strong", "ol", "li", "table", "thead", "tbody", "tr", "th", "td"}
        assert "<script>" in tags.text


def test_the_types_go_with_the_package() -> None:
    assert Path(oomforensics.__file__).with_name("py.typed").exists()


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        oomforensics.nothing  # noqa: B018
