"""Names of people and things."""

from portal.domain.identity import Secret


def test_a_secret_shows_nowhere() -> None:
    secret = Secret("1234")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "1234"
    assert secret == Secret("1234")
