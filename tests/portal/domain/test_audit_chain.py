"""The chain of the record: what breaks it, and where."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.audit_chain import (
    BEFORE_ALL,
    AuditRow,
    Broken,
    Fault,
    Whole,
    examine,
    hash_of,
)

NOON = datetime(2026, 11, 26, 11, tzinfo=UTC)


def chain(count: int, first: int = 1, before: bytes = BEFORE_ALL) -> list[AuditRow]:
    rows: list[AuditRow] = []
    for number in range(first, first + count):
        row = AuditRow(
            *(
                number,
                NOON + timedelta(seconds=number),
                "kim",
                "look_up",
                "abuse",
                f"2026-{number}",
            ),
            *(f"guest P-0000000{number}", number, before, b""),
        )
        row = replace(row, hash=hash_of(row))
        rows.append(row)
        before = row.hash
    return rows


def test_a_whole_chain() -> None:
    rows = chain(5)
    assert examine(rows) == Whole(5, 5, rows[-1].hash, rows[0])
    assert examine([]) == Whole(0, 0, BEFORE_ALL)


def test_the_oldest_may_follow_one_that_was_deleted_when_due() -> None:
    rows = chain(3, first=7, before=b"x" * 32)
    assert examine(rows) == Whole(3, 9, rows[-1].hash, rows[0])
    assert examine(chain(3, before=b"x" * 32)) == Broken(1, Fault.UNLINKED)


@pytest.mark.parametrize(
    "change",
    [
        {"at": NOON},
        {"by": "robin"},
        {"act": "export"},
        {"reason": "fault"},
        {"case_number": "0"},
        {"about": ""},
        {"found": 0},
        {"hash": b"y" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_one_changed_field_is_found(change: dict[str, object]) -> None:
    rows = chain(5)
    rows[2] = replace(rows[2], **change)  # type: ignore[arg-type]
    assert examine(rows) == Broken(3, Fault.CHANGED)


def test_a_row_that_was_taken_away_added_or_moved_is_found() -> None:
    rows = chain(5)
    assert examine(rows[:2] + rows[3:]) == Broken(4, Fault.UNLINKED)
    assert examine([*rows[:2], rows[1], *rows[2:]]) == Broken(2, Fault.UNLINKED)
    assert examine([rows[0], rows[2], rows[1], *rows[3:]]) == Broken(3, Fault.UNLINKED)


def test_a_row_whose_hash_was_computed_anew_breaks_the_link_after_it() -> None:
    rows = chain(5)
    changed = replace(rows[2], by="robin")
    rows[2] = replace(changed, hash=hash_of(changed))
    assert examine(rows) == Broken(4, Fault.UNLINKED)


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_no_two_rows_read_alike(by: str, case: str, other_by: str, other_case: str) -> None:
    row = chain(1)[0]
    one = replace(row, by=by, case_number=case)
    other = replace(row, by=other_by, case_number=other_case)
    same = (by, case) == (other_by, other_case)
    assert (hash_of(one) == hash_of(other)) == same
