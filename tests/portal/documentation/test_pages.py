"""Every page is in the index, and every link between pages leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.portal.documentation.documented_commands import PAGES, ROOT, name_of

DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)#\s]+)?(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return what a forge calls the headings of a page."""
    plain = (re.sub(r"[^\w\- ]", "", title.lower()) for title in HEADING.findall(page.read_text()))
    return {title.strip().replace(" ", "-") for title in plain}


def test_every_page_is_in_the_index() -> None:
    told = (DOCS / "README.md").read_text("utf-8")
    missing = [
        name_of(page) for page in DOCS.rglob("*.md") if f"]({page.relative_to(DOCS)})" not in told
    ]
    assert missing == ["docs/README.md"]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARCHITECTURE.md"], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists():
            broken.append(target)
        elif anchor and there.suffix == ".md" and anchor not in anchors(there):
            broken.append(f"{target}#{anchor}")
    assert broken == []
