"""What the record of look-ups is given: whole and readable, or nothing at all."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import pytest

from portal.domain.audit_chain import BEFORE_ALL, LONGEST_ABOUT, Act, AuditRow, Deed, Reason
from portal.services.console.look_ups import Auditing, Why

WHY = Why("kim", Reason.ABUSE, "2026-1")


class Written:
    """A record in memory; it checks nothing."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []

    async def write(self, deed: Deed) -> AuditRow:
        self.deeds.append(deed)
        return AuditRow(
            number=len(self.deeds),
            at=deed.at,
            by=deed.by,
            act=deed.act,
            reason=deed.reason,
            case_number=deed.case_number,
            about=deed.about,
            found=deed.found,
            previous=BEFORE_ALL,
            hash=BEFORE_ALL,
        )

    async def page(
        self, before: int | None, most: int, by: str | None = None
    ) -> Sequence[AuditRow]:
        raise NotImplementedError

    async def all(self) -> AsyncIterator[AuditRow]:
        raise NotImplementedError
        yield


async def test_what_fits_is_written_as_it_is(now: datetime) -> None:
    record, about = Written(), "x" * LONGEST_ABOUT
    await Auditing(record).write(WHY, Act.EXPORT, about, 3, now)
    assert record.deeds == [Deed(now, "kim", Act.EXPORT, Reason.ABUSE, "2026-1", about, 3)]


@pytest.mark.parametrize("about", ["x" * (LONGEST_ABOUT + 1), "a\0b", "a\nb", "a\u202eb"])
async def test_what_cannot_stand_there_whole_is_refused_not_cut(now: datetime, about: str) -> None:
    record = Written()
    with pytest.raises(ValueError, match="no text for the record"):
        await Auditing(record).write(WHY, Act.COMPLAINT, about, 3, now)
    assert record.deeds == []
