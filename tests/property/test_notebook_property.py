"""Whatever a log calls its processes, hosts and files, a notebook shows it as text."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from oomforensics.history.lookup import IncidentLine
from oomforensics.library import notebook
from oomforensics.reports.escape import visible

OURS = {"p", "table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in OURS and not attrs

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


hostile = st.text() | st.sampled_from(
    ["<img src=x onerror=alert(1)>", "</td><script>", "&lt;b&gt;", "\x1b[2J", "\u202e", "<!--", "<?x"]
)


@given(path=hostile, host=hostile, comm=hostile)
def test_names_are_text(path: str, host: str, comm: str) -> None:
    one = IncidentLine("1f09ebe7ff206f36", None, 1.0, host, "global", None, 7, comm, "tie", True, 1, True)
    page = Page()
    page.feed(notebook.history(path, 1, [one]))
    page.close()
    shown = "".join(page.text)
    for name in (path, host, comm):
        assert visible(name) in shown
    assert visible(shown) == shown
