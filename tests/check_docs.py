"""Builds the documentation strictly: a warning fails, and so does a page that would load anything from elsewhere."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "site"
# Tag -> attribute that makes a browser load something. A link that is followed is none.
LOADS = {
    "script": "src",
    "link": "href",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
}


class Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(LOADS.get(tag, ""))
        if address is not None and ("//" in address or address.startswith("data:text")):
            self.found.append(f"<{tag}> {address}")


def main() -> None:
    zensical = Path(sys.executable).with_name("zensical")
    done = subprocess.run(
        [zensical, "build", "--strict", "--clean"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}")
    pages = sorted(SITE.glob("**/*.html"))
    for page in pages:
        seen = Loads()
        seen.feed(page.read_text("utf-8"))
        if seen.found:
            sys.exit(f"{page} loads from elsewhere: {'; '.join(seen.found)}")
    for style in SITE.glob("**/*.css"):
        if "url(http" in style.read_text("utf-8") or "url(//" in style.read_text("utf-8"):
            sys.exit(f"{style} loads from elsewhere")
    print(f"docs: {len(pages)} pages in {SITE.relative_to(ROOT)}, none loads anything from elsewhere")


if __name__ == "__main__":
    main()
