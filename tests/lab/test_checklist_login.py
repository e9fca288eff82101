"""Logging in through the real gateway, in the order that phones rely on."""

import pytest

from tests.lab.guest import Guest

pytestmark = pytest.mark.root


def test_every_site_reaches_the_portal_by_its_one_name(limited_guest: Guest) -> None:
    """The name gives the first network's address; the second site's guests get in there too."""
    assert limited_guest.is_captive()
    assert limited_guest.sign_in().status == 303
    assert not limited_guest.is_captive()
