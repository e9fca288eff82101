from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.domain.identity import Secret
from portal.domain.slip import FixedEnd, Length, Network, Security, ToClosing, Today, Validity
from portal.slips.words import digits, word
from portal.web.texts import Language, fields_of
from tests.portal.slips.paper import AR, EN, SLIP, SV

ZONE = ZoneInfo("Europe/Stockholm")
EVENING = datetime(2026, 11, 26, 19, 0, tzinfo=ZONE)
NEW_YEARS_EVE = date(2026, 12, 31)


def plain(text: str) -> str:
    return (
        text.replace("\N{NO-BREAK SPACE}", " ").replace('<bdi dir="ltr">', "").replace("</bdi>", "")
    )


@pytest.mark.parametrize(
    ("validity", "devices", "swedish", "english"),
    [
        (
            Today(EVENING),
            1,
            "Gäller 1 enhet till kl. 19.00 i dag, 26 november.",
            "Works for 1 device until 19:00 today, 26 November.",
        ),
        (
            FixedEnd(EVENING),
            3,
            "Gäller 3 enheter till 26 november kl. 19.00.",
            "Works for 3 devices until 26 November 19:00.",
        ),
        (
            ToClosing(NEW_YEARS_EVE),
            1,
            "Räcker tills biblioteket stänger den dag du loggar in. Använd den före 31 december.",
            "Lasts until the library closes on the day you log in. Use it before 31 December.",
        ),
        (
            Length(timedelta(days=2), NEW_YEARS_EVE),
            2,
            "Räcker i 2 dygn från att du loggar in. Använd den före 31 december. Gäller 2 enheter.",
            "Lasts 2 days from when you log in. Use it before 31 December. Works for 2 devices.",
        ),
    ],
)
def test_how_long_a_code_is_good(
    validity: Validity, devices: int, swedish: str, english: str
) -> None:
    slip = replace(SLIP, validity=validity, devices=devices)
    assert plain(word(slip, SV).scope) == swedish
    assert plain(word(slip, EN).scope) == english


@pytest.mark.parametrize(
    ("lasts", "words"),
    [
        (timedelta(weeks=1), "1 vecka"),
        (timedelta(days=14), "2 veckor"),
        (timedelta(days=1), "1 dygn"),
        (timedelta(days=10), "10 dygn"),
        (timedelta(hours=1), "1 timme"),
        (timedelta(hours=36), "36 timmar"),
        (timedelta(minutes=90), "90 minuter"),
        (timedelta(minutes=1), "1 minut"),
        (timedelta(seconds=61), "2 minuter"),
        (timedelta(seconds=0), "1 minut"),
    ],
)
def test_a_length_is_told_in_the_largest_whole_unit(lasts: timedelta, words: str) -> None:
    slip = replace(SLIP, validity=Length(lasts, NEW_YEARS_EVE))
    assert f"Räcker i {words} från" in plain(word(slip, SV).scope)


def test_dates_and_lengths_are_not_broken_between_lines() -> None:
    scope = word(SLIP, SV).scope
    assert "31\N{NO-BREAK SPACE}december" in scope
    assert "4\N{NO-BREAK SPACE}timmar" in scope


def test_a_password_is_told_where_there_is_one() -> None:
    assert word(SLIP, SV).password == ""
    network = Network("gast", Security.WPA, Secret("a<b"))
    said = word(replace(SLIP, network=network), SV).password
    assert said == 'Lösenord: <bdi dir="ltr" class="exact">a&lt;b</bdi>'


def test_a_promise_is_made_only_where_it_holds() -> None:
    assert word(SLIP, EN).privacy == "We do not record which sites you visit."
    assert word(replace(SLIP, privacy_line=False), EN).privacy == ""


def test_what_is_typed_or_read_aloud_runs_from_left_to_right_in_every_language() -> None:
    said = word(SLIP, AR)
    assert '<bdi dir="ltr" class="exact">wifi.umea.se</bdi>' in said.fallback
    assert '<bdi dir="ltr" class="exact">Bibliotek-gast</bdi>' in said.step_1
    assert '<bdi dir="ltr">A-0412</bdi>' in said.serial
    assert digits("408 512 7730") == (
        '<bdi dir="ltr" class="code">408\N{NO-BREAK SPACE}512\N{NO-BREAK SPACE}7730</bdi>'
    )


def test_digits_are_the_same_in_every_language() -> None:
    slip = replace(SLIP, validity=FixedEnd(EVENING))
    assert "19:00" in word(slip, AR).scope
    assert "26" in word(slip, AR).scope


def test_the_languages_of_the_tests_have_every_text_too() -> None:
    assert AR.texts.keys() == SV.texts.keys()
    for key, text in SV.texts.items():
        assert fields_of(AR.texts[key]) == fields_of(text), key


BANNED = ("vänligen", "tyvärr", "ogiltig", "session", "autentisering", "voucher", "please")


@pytest.mark.parametrize("language", [SV, EN], ids=lambda language: language.tag)
def test_no_jargon_reaches_a_visitor(language: Language) -> None:
    for key, text in language.texts.items():
        assert not any(banned in text.lower() for banned in BANNED), key
