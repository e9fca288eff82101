"""Messages: shown where and while they are meant, in the reader's language."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.identity import SiteId
from portal.domain.notice import MOST_SHOWN, Notice, plain, shown

CITY, BRANCH = SiteId("city"), SiteId("branch")
HOUR = timedelta(hours=1)


def notice(now: datetime, site_id: SiteId | None = None) -> Notice:
    return Notice(UUID(int=1), site_id, "svenska", "English", now, now + HOUR, now, "kim")


def test_it_is_shown_from_its_beginning_until_its_end(now: datetime) -> None:
    one = notice(now)
    for at, is_on in ((-1, False), (0, True), (3599, True), (3600, False)):
        moment = now + timedelta(seconds=at)
        assert list(shown([one], [CITY], moment)) == [one] * is_on


def test_it_is_shown_at_its_library_or_at_all(now: datetime) -> None:
    own, every = notice(now, CITY), notice(now)
    assert list(shown([own, every], [CITY], now)) == [own, every]
    assert list(shown([own, every], [BRANCH], now)) == [every]
    assert list(shown([own, every], [], now)) == [every]


def test_the_newest_come_first_and_no_page_is_filled(now: datetime) -> None:
    many = [replace(notice(now), from_at=now - n * HOUR / 9) for n in range(6)]
    assert list(shown(reversed(many), [CITY], now)) == many[:MOST_SHOWN]


def test_words_are_in_the_readers_language_or_in_english(now: datetime) -> None:
    assert notice(now).words("sv") == ("svenska", "sv")
    assert notice(now).words("en") == notice(now).words("fi") == ("English", "en")


def test_what_somebody_wrote_is_one_plain_line() -> None:
    assert plain(" ett\r\n  två\x00\u202etre ") == "ett två tre"
