from pathlib import Path
from typing import Any

import pytest

from portal.domain.identity import Secret
from portal.library.sip2.settings import Sip2Settings, Sip2SettingsError, TlsMode, TlsSettings
from portal.library.sip2.verdict import ExpiryCheck, Policy
from portal.library.sip2.wire import Dialect, PatronMessage

PLAIN = TlsSettings(TlsMode.OFF)


def make(**changes: Any) -> Sip2Settings:
    good: dict[str, Any] = {"host": "ils.example.org", "port": 6001, "tls": PLAIN}
    return Sip2Settings(**good | changes)


def test_settings_say_how_the_server_writes_and_who_is_refused() -> None:
    settings = make(encoding="cp850", delimiter="^", deny_positions=frozenset({0, 4}))
    assert settings.dialect == Dialect("cp850", "^")
    assert settings.policy == Policy(frozenset({0, 4}), ExpiryCheck.OFF)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"host": ""}, "host"),
        ({"host": "ils example"}, "host"),
        ({"host": "x" * 300}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"tls": TlsSettings(TlsMode.PIN)}, "ca_file"),
        ({"tls": TlsSettings(TlsMode.CA, client_key_file=Path("k.pem"))}, "client_key_file"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": "A"}, "delimiter"),
        ({"delimiter": "§"}, "delimiter"),
        ({"delimiter": "||"}, "delimiter"),
        ({"encoding": "klingon"}, "encoding"),
        ({"encoding": "utf-16"}, "encoding"),
        ({"encoding": "cp037"}, "encoding"),
        ({"encoding": "rot13"}, "encoding"),
        ({"language": "sv"}, "language"),
        ({"login_user": "a|b"}, "login_user"),
        ({"login_password": Secret("a\rb")}, "login_password"),
        ({"location_code": "x" * 65}, "location_code"),
        ({"institution_id": "a|COx"}, "institution_id"),
        ({"institution_id": "Ö", "encoding": "ascii"}, "institution_id"),
        ({"terminal_password": Secret("\0")}, "terminal_password"),
        ({"deny_positions": frozenset({14})}, "deny_positions"),
        ({"check_expiry": ExpiryCheck.PA}, "check_expiry"),
        ({"answer_timeout_s": 0.0}, "answer_timeout_s"),
        ({"answer_timeout_s": 9.0}, "answer_timeout_s"),
        ({"maximum_connections": 0}, "maximum_connections"),
        ({"maximum_waiting": -1}, "maximum_connections"),
    ],
)
def test_impossible_settings_are_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(Sip2SettingsError) as caught:
        make(**changes)
    assert str(caught.value).startswith(problem)


def test_all_problems_are_told_at_once_and_no_secret() -> None:
    with pytest.raises(Sip2SettingsError) as caught:
        make(port=0, login_password=Secret("s3|cret"), deny_positions=frozenset({99}))
    text = str(caught.value)
    assert all(name in text for name in ("port", "login_password", "deny_positions"))
    assert "s3" not in text


def test_expiry_goes_with_information() -> None:
    settings = make(check_expiry=ExpiryCheck.PY, message=PatronMessage.INFORMATION)
    assert settings.policy.check_expiry is ExpiryCheck.PY


def test_passwords_do_not_show() -> None:
    shown = repr(make(login_password=Secret("s3cret"), terminal_password=Secret("t3rm")))
    assert "s3cret" not in shown
    assert "t3rm" not in shown
