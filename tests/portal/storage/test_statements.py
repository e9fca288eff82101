"""Named SQL."""

import pytest

from portal.storage.statements import load_statements, parse_statements


def test_blocks_by_name() -> None:
    text = "-- about the file\n\n-- name: one\nSELECT 1\n\n-- name: two\n-- why\nSELECT 2\n"
    assert parse_statements(text) == {"one": "SELECT 1", "two": "-- why\nSELECT 2"}


def test_what_has_no_name_or_the_same_one() -> None:
    with pytest.raises(ValueError, match="before the first name"):
        parse_statements("SELECT 0\n-- name: one\nSELECT 1")
    with pytest.raises(ValueError, match="occurs twice"):
        parse_statements("-- name: one\nSELECT 1\n-- name: one\nSELECT 2")


@pytest.mark.parametrize("name", ["sessions", "arrivals", "events", "sign_in_attempts", "upkeep"])
def test_every_repository_has_its_file(name: str) -> None:
    assert load_statements(name)
