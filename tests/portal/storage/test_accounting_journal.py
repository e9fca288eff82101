"""Records on disk: whole, closed to others, bounded, and read again as they were."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.accounting import Octets, Use, UseStatus
from portal.domain.identity import MacAddress, SiteId
from portal.services.ports.accounting import JournalError, Restart, UseRecord
from portal.storage import accounting_journal
from portal.storage.accounting_journal import DiskJournal
from portal.storage.accounting_records import LineError, decode, encode

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)

moments = st.integers(0, 10**6).map(lambda s: NOON + timedelta(milliseconds=s))
sizes = st.integers(0, 2**64 - 1)
uses = st.builds(
    Use,
    st.sampled_from(UseStatus),
    moments,
    moments,
    st.none() | st.builds(Octets, sizes, sizes),
    st.none() | st.integers(0, 2**32 - 1).map(lambda s: timedelta(seconds=s)),
    st.none() | st.uuids(),
    st.none() | st.integers(1, 255),
)
records = st.lists(
    st.builds(
        UseRecord,
        st.binary(min_size=32, max_size=32),
        st.just(MacAddress("02:00:5e:00:00:2a")),
        uses,
        st.just("ap"),
        st.just(SiteId("village")),
        st.binary(max_size=253),
        st.binary(max_size=253),
        st.booleans(),
    )
    | st.builds(Restart, st.just("ap"), st.binary(max_size=253), st.binary(max_size=9), moments),
    max_size=5,
)


@given(records)
def test_what_was_written_is_read(written: list[UseRecord | Restart]) -> None:
    assert decode(encode(written)) == written


@given(st.binary(max_size=200))
def test_anything_else_is_told_as_such(data: bytes) -> None:
    try:
        decode(data)
    except LineError:
        return
    assert not data.strip()


RECORD = UseRecord(
    b"n" * 32,
    MacAddress("02:00:5e:00:00:2a"),
    Use(UseStatus.STOP, NOON, NOON, Octets(1, 2), timedelta(seconds=7), UUID(int=5), 1),
    "ap",
    SiteId("village"),
    b"ap-hall",
)


async def test_batches_come_back_in_their_order(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path / "accounting")
    assert await journal.waiting() == []
    batches = [[RECORD], [RECORD, RECORD], []]
    for batch in batches:
        await journal.keep(batch)
    names = await journal.waiting()
    assert [await journal.read(name) for name in names] == batches
    for name in names:
        await journal.remove(name)
        await journal.remove(name)
        assert await journal.read(name) is None
    assert await journal.waiting() == []


async def test_nobody_else_reads_them(tmp_path: Path) -> None:
    directory = tmp_path / "accounting"
    await DiskJournal(directory).keep([RECORD])
    assert directory.stat().st_mode & 0o777 == 0o700
    [file] = directory.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


async def test_what_cannot_be_read_is_set_aside(tmp_path: Path) -> None:
    journal = DiskJournal(tmp_path)
    await journal.keep([RECORD])
    [name] = await journal.waiting()
    (tmp_path / name).write_bytes(b"{")
    assert await journal.read(name) is None
    assert await journal.waiting() == []
    assert (tmp_path / "bad" / name).exists()


async def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting_journal, "MOST_OCTETS", 1000)
    journal = DiskJournal(tmp_path)
    await journal.keep([RECORD])
    with pytest.raises(JournalError, match="too many"):
        await journal.keep([RECORD] * 3)
    assert len(await journal.waiting()) == 1


async def test_a_place_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError):
        await DiskJournal(tmp_path / "file").keep([RECORD])
