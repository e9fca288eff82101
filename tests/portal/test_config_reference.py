"""The reference page says what the models say."""

from pathlib import Path

from portal.config_reference import render

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_in_docs_is_the_one_rendered_from_the_models() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), (
        "print it anew: kvar config reference > docs/configuration.md"
    )
