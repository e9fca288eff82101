"""Keys: made once, kept closed, one a year and one a week; nothing links without them."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.domain.identity import MacAddress, Secret, SiteId, Subject
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing, live_key_id, log_key_id

MAC = MacAddress("02:00:00:00:00:01")
CARD = Secret("20000000000001")


def test_equal_cards_have_equal_subjects_over_restarts(tmp_path: Path, now: datetime) -> None:
    first = KeyRing(tmp_path / "keys").card(CARD, now)
    assert KeyRing(tmp_path / "keys").card(CARD, now) == first
    assert KeyRing(tmp_path / "keys").card(Secret("20000000000002"), now) != first
    assert KeyRing(tmp_path / "other").card(CARD, now) != first
    assert len(first) == 32


def test_kinds_are_told_apart(tmp_path: Path, now: datetime) -> None:
    ring = KeyRing(tmp_path)
    assert ring.card(Secret(MAC), now) != ring.device(MAC, now)


def test_the_form_key_outlives_a_restart(tmp_path: Path) -> None:
    assert KeyRing(tmp_path).form_key() == KeyRing(tmp_path).form_key()
    assert len(KeyRing(tmp_path).form_key()) == 32


def test_the_bridge_has_a_key_for_each_purpose(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    assert ring.radius_key("visit") == KeyRing(tmp_path).radius_key("visit")
    assert len({ring.radius_key("visit"), ring.radius_key("login"), ring.form_key()}) == 3


def test_the_files_are_closed_to_others(tmp_path: Path, now: datetime) -> None:
    KeyRing(tmp_path / "keys").trace(MAC, None, now)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    [file] = (tmp_path / "keys").iterdir()
    assert file.name == "log-2026-w48.key"
    assert file.stat().st_mode & 0o777 == 0o600


def test_one_key_a_week_by_the_iso_calendar() -> None:
    monday = datetime(2027, 1, 4, tzinfo=UTC)
    assert log_key_id(monday - timedelta(microseconds=1)) == "log-2026-w53"
    assert log_key_id(monday) == "log-2027-w01"
    assert live_key_id(monday) == "live-2027"


def test_two_weeks_cannot_be_linked_without_the_older_key(tmp_path: Path, now: datetime) -> None:
    ring, later = KeyRing(tmp_path), now + timedelta(days=7)
    subject = ring.card(CARD, now)
    this, next_ = ring.trace(MAC, subject, now), ring.trace(MAC, subject, later)
    assert this.key_id != next_.key_id
    assert len({this.device, next_.device, this.subject, next_.subject}) == 4
    assert ring.recent_traces(MAC, later) == [next_.device, this.device]
    assert ring.trace(MAC, None, now).subject is None
    (tmp_path / f"{this.key_id}.key").unlink()
    assert KeyRing(tmp_path).trace(MAC, subject, now).device != this.device


def test_processes_that_start_together_get_one_key(tmp_path: Path, now: datetime) -> None:
    with ThreadPoolExecutor(16) as pool:
        subjects = set(pool.map(lambda _: KeyRing(tmp_path).card(CARD, now), range(64)))
    assert len(subjects) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["live-2026.key"]


def test_what_cannot_be_used_is_said(tmp_path: Path, now: datetime) -> None:
    KeyRing(tmp_path).card(CARD, now)
    file = tmp_path / "live-2026.key"
    file.chmod(0o604)
    with pytest.raises(KeyRingError, match="chmod 600"):
        KeyRing(tmp_path).card(CARD, now)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(KeyRingError, match="32 bytes"):
        KeyRing(tmp_path).card(CARD, now)
    with pytest.raises(KeyRingError, match="needs this directory"):
        KeyRing(file / "below").card(CARD, now)


def test_the_hash_is_hmac_sha256(tmp_path: Path, now: datetime) -> None:
    """Computed apart with OpenSSL for a key of 32 zero bytes."""
    descriptor = os.open(tmp_path / "live-2026.key", os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, bytes(32))
    os.close(descriptor)
    expected = "427834ed782fc3db78c510ae5847a28c4289f5e5dd137e74ea0cb80cbd9203e5"
    assert KeyRing(tmp_path).card(CARD, now) == Subject(bytes.fromhex(expected))


def test_keys_of_times_past_are_destroyed(tmp_path: Path, now: datetime) -> None:
    ring = KeyRing(tmp_path)
    form = ring.form_key()
    card = ring.card(CARD, now)
    first = ring.trace(MAC, None, now)
    ring.trace(MAC, None, now + timedelta(days=7))
    assert ring.destroy_before(now, now, now) == []
    monday = datetime(2026, 11, 30, tzinfo=UTC)
    assert ring.destroy_before(*[monday - timedelta(seconds=1)] * 2, now) == []
    assert ring.destroy_before(monday, monday, now) == ["log-2026-w48"]
    assert ring.destroy_before(monday, monday, now) == []
    assert ring.trace(MAC, None, now) != first
    assert ring.card(CARD, now) == card
    new_year = datetime(2027, 1, 1, tzinfo=UTC)
    assert "live-2026" not in ring.destroy_before(new_year, new_year - timedelta(seconds=1), now)
    assert "live-2026" in ring.destroy_before(new_year, new_year, now)
    assert ring.card(CARD, now) != card
    assert ring.form_key() == form
    assert [path.stem for path in tmp_path.glob("form*")] == ["form"]


def test_a_key_that_cannot_be_destroyed_is_told(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "log-2020-w01.key").mkdir()
    with pytest.raises(KeyRingError, match="must be removed"):
        KeyRing(tmp_path).destroy_before(now, now, now)


def test_last_years_names_are_known_until_that_key_is_destroyed(
    tmp_path: Path, now: datetime
) -> None:
    ring, new_year = KeyRing(tmp_path), datetime(2027, 1, 1, tzinfo=UTC)
    device, card = ring.device(MAC, now), ring.card(CARD, now)
    assert ring.devices(MAC, now) == (device,)
    assert ring.devices(MAC, new_year) == (ring.device(MAC, new_year), device)
    assert ring.cards(CARD, new_year) == [ring.card(CARD, new_year), card]
    ring.destroy_before(new_year, new_year, now)
    assert ring.devices(MAC, new_year) == (ring.device(MAC, new_year),)
    assert KeyRing(tmp_path).cards(CARD, new_year) == [ring.card(CARD, new_year)]
    assert not (tmp_path / "live-2026.key").exists()


def test_each_site_has_a_secret_of_its_own_that_outlives_restarts(
    tmp_path: Path, now: datetime
) -> None:
    ring = KeyRing(tmp_path)
    secret = ring.day_secret(SiteId("city"))
    assert len(secret) == 32
    assert secret != ring.day_secret(SiteId("town"))
    later = now + timedelta(days=4000)
    ring.destroy_before(later, later, later)
    assert KeyRing(tmp_path).day_secret(SiteId("city")) == secret


def test_history_is_searched_under_every_key_that_is_left(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    card, mac = Secret("20000000000001"), MacAddress("02:00:00:00:00:af")
    monday = datetime(2026, 12, 28, tzinfo=UTC)  # the week in which the year ends
    weeks = [monday - timedelta(days=7), monday, monday + timedelta(days=7)]
    traces = {}
    for moment in (monday + timedelta(days=1), monday + timedelta(days=5)):
        traces[moment] = ring.trace(mac, ring.card(card, moment), moment)
    assert ring.kept_weeks(weeks) == [monday]
    assert {trace.device for trace in traces.values()} == {ring.device_in(mac, monday)}
    assert {trace.subject for trace in traces.values()} == set(ring.guests_in(card, monday))
    assert len(ring.guests_in(card, monday)) == 2
    ring.destroy_before(monday, monday + timedelta(days=100), monday)
    assert len(ring.guests_in(card, monday)) == 1
    ring.destroy_before(monday + timedelta(days=14), monday, monday)
    assert ring.kept_weeks(weeks) == []
    assert sorted(path.stem for path in tmp_path.glob("log-*.key")) == []
