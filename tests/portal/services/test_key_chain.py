"""Keys that several nodes make alike, each for itself; and that nobody can make backwards."""

import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copytree

import pytest

from portal.domain.identity import MacAddress, Secret
from portal.services.key_chain import follow, following, kind_of
from portal.services.key_ring import KeyRing

MAC = MacAddress("02:00:00:00:00:01")
CARD = Secret("20000000000001")
NOW = datetime(2026, 12, 30, 10, tzinfo=UTC)


def two_nodes(tmp_path: Path, *, shared: bool) -> tuple[KeyRing, KeyRing]:
    """Make two nodes: the second has a copy of the first one's keys, as they are at NOW."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    if shared:
        (here / "shared.key").write_bytes(secrets.token_bytes(32))
        (here / "shared.key").chmod(0o600)
    first = KeyRing(here)
    first.make_ahead(NOW)
    first.trace(MAC, first.card(CARD, NOW), NOW)
    first.counted(MAC, NOW.date())
    copytree(here, there)
    return first, KeyRing(there)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("days", [0, 7, 14, 70, 400])
def test_nodes_name_a_guest_alike_in_every_later_period(
    tmp_path: Path, *, shared: bool, days: int
) -> None:
    one, other = two_nodes(tmp_path, shared=shared)
    later = NOW + timedelta(days=days)
    alike = shared or not days
    assert (one.trace(MAC, None, later) == other.trace(MAC, None, later)) is alike
    day = later.date()
    assert (one.counted(MAC, day) == other.counted(MAC, day)) is alike
    if days > 2:
        assert (one.card(CARD, later) == other.card(CARD, later)) is alike
        assert (one.voucher_key_ids(later) == other.voucher_key_ids(later)) is True


def test_a_node_that_slept_has_the_others_keys_when_they_had_made_them_day_by_day(
    tmp_path: Path,
) -> None:
    one, other = two_nodes(tmp_path, shared=True)
    for days in range(1, 30):
        later = NOW + timedelta(days=days)
        one.destroy_counted_before(later.date())
        one.make_ahead(later)
        one.destroy_before(*[later - timedelta(days=14)] * 3)
    later = NOW + timedelta(days=30)
    assert one.counted(MAC, later.date()) == other.counted(MAC, later.date())
    assert one.trace(MAC, None, later) == other.trace(MAC, None, later)


def test_a_destroyed_key_is_gone_from_every_process_and_does_not_come_back(tmp_path: Path) -> None:
    keeper, staff = (KeyRing(tmp_path / "keys") for _ in range(2))
    staff.trace(MAC, None, NOW)
    later = NOW + timedelta(days=60)
    keeper.make_ahead(later)
    keeper.destroy_before(later, NOW, NOW)
    assert staff.kept_weeks([NOW]) == []
    assert staff.identity_seal("log-2026-w53") is None


def test_names_of_periods() -> None:
    assert following("log-2026-w53") == "log-2027-w01"
    assert following("log-2027-w52") == "log-2028-w01"
    assert following("count-2028-02-28") == "count-2028-02-29"
    assert following("live-2026") == "live-2027"
    assert following("voucher-2026") == "voucher-2027"
    for odd in (
        "form",
        "shared",
        "log-2026-w99",
        "count-2026-13-40",
        "log-old",
        "count-9999-12-31",
    ):
        assert following(odd) is None
    assert kind_of("log-old") is None


def test_a_key_follows_forwards_only() -> None:
    shared, key = b"s" * 32, b"k" * 32
    next_ = follow(shared, "log-2026-w48", key, "log-2026-w49")
    assert next_ is not None
    assert follow(shared, "log-2026-w49", next_, "log-2026-w50") == follow(
        shared, "log-2026-w48", key, "log-2026-w50"
    )
    assert follow(shared, "log-2026-w49", next_, "log-2026-w48") is None
    assert follow(shared, "log-2026-w99", key, "log-2027-w01") is None
    assert follow(b"t" * 32, "log-2026-w48", key, "log-2026-w49") != next_
    assert date(2026, 11, 26).isocalendar().week == 48
