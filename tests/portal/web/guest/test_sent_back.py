"""Which devices were led to their access point just now."""

from datetime import timedelta

from portal.domain.identity import MacAddress
from portal.web.guest.sent_back import AT_ONCE, MOST_REMEMBERED, SentBack
from tests.portal.web.portal_under_test import NOW

MAC, OTHER = MacAddress("02:00:00:00:00:01"), MacAddress("02:00:00:00:00:02")


def test_only_that_device_and_only_for_a_moment() -> None:
    sent = SentBack()
    sent.note(MAC, NOW)
    assert sent.has(MAC, NOW + AT_ONCE - timedelta(seconds=1))
    assert not sent.has(MAC, NOW + AT_ONCE)
    assert not sent.has(OTHER, NOW)
    sent.forget(MAC)
    sent.forget(OTHER)
    assert not sent.has(MAC, NOW)


def test_a_clock_that_is_set_back_sends_nobody_round() -> None:
    sent = SentBack()
    sent.note(MAC, NOW)
    assert not sent.has(MAC, NOW - timedelta(hours=1))


def test_a_crowd_is_forgotten_from_its_beginning() -> None:
    sent = SentBack()
    sent.note(MAC, NOW)
    for number in range(MOST_REMEMBERED):
        sent.note(MacAddress(f"04:00:00:00:{number >> 8:02x}:{number & 255:02x}"), NOW)
    assert not sent.has(MAC, NOW)
    assert len(sent._last) == MOST_REMEMBERED
