"""Names of people and things."""

import pytest

from portal.domain.identity import Secret, parse_mac_address


@pytest.mark.parametrize(
    "text",
    ["02:00:00:00:00:AB", "02-00-00-00-00-ab", "0200.0000.00AB", " 0200000000ab "],
)
def test_every_notation_of_a_mac_address(text: str) -> None:
    assert parse_mac_address(text) == "02:00:00:00:00:ab"


@pytest.mark.parametrize(
    "text", ["", "02:00:00:00:00", "02:00:00:00:00:0g", "０２００００００００ab"]
)
def test_what_is_no_mac_address(text: str) -> None:
    with pytest.raises(ValueError, match="not a MAC address"):
        parse_mac_address(text)


def test_a_secret_shows_nowhere() -> None:
    secret = Secret("1234")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "1234"
    assert secret == Secret("1234")
