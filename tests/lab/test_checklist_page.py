"""docs/checklist.md names every item; like its sisters it names only tests that there are."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DOCS = TESTS.parent / "docs"
PAGE = DOCS / "checklist.md"


def test_every_item_stands_on_the_page_once() -> None:
    items = re.findall(r"^\| (C\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert items == [f"C{number}" for number in range(1, 54)]


@pytest.mark.parametrize("name", ["checklist.md", "threats.md", "faults.md"])
def test_every_test_on_the_page_is_there(name: str) -> None:
    page = (DOCS / name).read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", page)
    assert named
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(
            rf"^(async )?def {name}\(", (TESTS / file).read_text("utf-8"), re.MULTILINE
        )
    ]
    assert missing == []


def test_every_acceptance_test_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    missing = [
        name
        for file in TESTS.glob("lab/test_checklist_*.py")
        for name in re.findall(r"^def (test_\w+)\(", file.read_text("utf-8"), re.MULTILINE)
        if f"{file.name}::{name}`" not in page and file != Path(__file__)
    ]
    assert missing == []
