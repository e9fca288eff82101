from dataclasses import replace
from datetime import date

import pytest

from portal.domain.privacy import PrivacyLevel
from portal.domain.site import Conformity
from portal.services.ports import GateUnavailableError
from portal.web.guest.settings import GuestSettings, Retention, Statement
from tests.portal.web.portal_under_test import (
    LIBRARY,
    SETTINGS,
    FakeGuest,
    exchange,
    get,
    running_portal,
)


async def body_of(
    path: str, settings: GuestSettings = SETTINGS, guest: FakeGuest | None = None
) -> str:
    async with running_portal(guest or FakeGuest(), settings) as portal:
        answer = await exchange(portal.plain_port, get(path))
    assert answer.status == 200
    return answer.body


@pytest.mark.parametrize("path", ["/help", "/rules", "/privacy", "/accessibility"])
@pytest.mark.parametrize("host", ["wifi.library.test", "localhost"])
async def test_they_are_open_to_everybody_over_plain_http(path: str, host: str) -> None:
    for guest in (FakeGuest(), FakeGuest(device=None), FakeGuest(raises=GateUnavailableError())):
        async with running_portal(guest) as portal:
            answer = await exchange(portal.plain_port, get(path, host))
        assert answer.status == 200


async def test_the_privacy_page_states_the_configured_periods() -> None:
    retention = Retention(
        session_days=13, attempt_days=1, known_device_days=29, event_days=17, backup_days=11
    )
    settings = replace(SETTINGS, retention=retention)
    body = await body_of("/privacy", settings)
    for words in ("13 dagar", "1 dag<", "29 dagar", "17 dagar", "ytterligare 11 dagar"):
        assert words in body
    assert "13 dagar" in await body_of("/", settings)


NOTICE = {
    0: "Vi för ingen lista över vilka som använder wifi",
    1: "Vi sparar när någon är uppkopplad, i 14 dagar, men inte vem",
    2: "Vi sparar när du är uppkopplad och med vilken enhet, i 14 dagar",
    3: "vilka adresser nätet gav dig, i 14 dagar. Det gör vi för att kunna utreda missbruk.",
}
TOLD = {
    "Här för vi ingen lista över besök": {0},
    "inte vem eller vilken enhet det var": {1},
    "När någon var uppkopplad och hur": {1},
    "När du var uppkopplad, med vilken enhet och med vilket kort": {2, 3},
    "Vilka portar på bibliotekets adress": {3},
    "På vilka bibliotek din enhet har varit uppkopplad i dag": {0, 1, 2, 3},
    "Teknisk logg, utan uppgift om besök": {0},
    "Teknisk logg, utan uppgift om vem": {1},
    "Teknisk logg, med din enhet som kod": {2, 3},
    "Vilka sidor du besöker och vad du skriver.": {0, 1, 2, 3},
}
"""What is true at which level, and said there only."""


@pytest.mark.parametrize("level", PrivacyLevel)
async def test_what_is_said_follows_from_what_is_written_down(level: PrivacyLevel) -> None:
    guest = FakeGuest(library=replace(LIBRARY, privacy=level))
    login = await body_of("/", guest=guest)
    assert {one for one, words in NOTICE.items() if words in login} == {level}
    page = await body_of("/privacy", guest=guest)
    assert {words for words in TOLD if words in page} == {
        words for words, levels in TOLD.items() if level in levels
    }
    nowhere = replace(SETTINGS, highest_privacy=level)
    assert ("Vilka portar" in await body_of("/privacy", nowhere, FakeGuest(device=None))) is (
        level.keeps_addresses
    )


@pytest.mark.parametrize("level", PrivacyLevel)
async def test_the_page_says_the_same_in_english_and_stays_small(level: PrivacyLevel) -> None:
    settings = replace(
        SETTINGS,
        takes_vouchers=True,
        has_access_points=True,
        retention=replace(SETTINGS.retention, voucher_days=45, backup_days=30, collector_days=90),
    )
    guest = FakeGuest(library=replace(LIBRARY, privacy=level))
    async with running_portal(guest, settings) as portal:
        page = await exchange(portal.plain_port, get("/privacy?lang=en"))
    assert ("Which ports of the library" in page.body) is level.keeps_addresses
    assert ("we keep no list of visits" in page.body) is not level.keeps_visits
    assert "Which of the library&#39;s access points" in page.body
    assert ", for how long" in page.body
    assert page.size < 14_000


async def test_the_privacy_page_tells_of_the_log_collector_where_there_is_one() -> None:
    assert "loggsystem" not in await body_of("/privacy")
    retention = replace(SETTINGS.retention, collector_days=91)
    body = await body_of("/privacy", replace(SETTINGS, retention=retention))
    assert "organisationens eget loggsystem" in body
    assert "kvar i 91 dagar" in body


@pytest.mark.parametrize("language", ["sv", "en"])
async def test_where_codes_are_given_out_the_privacy_page_tells_of_them(language: str) -> None:
    words = {"sv": "45 dagar efter att koden", "en": "45 days after the code"}[language]
    settings = replace(
        SETTINGS,
        takes_vouchers=True,
        retention=replace(SETTINGS.retention, voucher_days=45, backup_days=30),
        controller_contact="biblioteket@example.se",
        protection_officer="dso@example.se",
    )
    async with running_portal(FakeGuest(), settings) as portal:
        page = await exchange(portal.plain_port, get(f"/privacy?lang={language}"))
    assert words in page.body
    assert page.size < 14_000
    without = await body_of("/privacy", replace(settings, takes_vouchers=False))
    assert "Koder från personalen" not in without


async def test_where_card_numbers_are_sealed_the_privacy_page_says_so() -> None:
    assert "förseglat" not in await body_of("/privacy")
    guest = FakeGuest(library=replace(LIBRARY, seal_identity=True))
    body = await body_of("/privacy", guest=guest)
    assert "Ditt kortnummer, förseglat" in body
    assert len(body) < 14_000


async def test_contacts_are_named() -> None:
    settings = replace(
        SETTINGS, controller_contact="wifi@library.test", protection_officer="dso@library.test"
    )
    body = await body_of("/privacy", settings)
    assert "Biblioteken i Umeå, wifi@library.test" in body
    assert "Dataskyddsombud: dso@library.test" in body


async def test_the_accessibility_statement_has_every_item() -> None:
    statement = Statement(
        conformity=Conformity.PARTIAL,
        assessed_on=date(2026, 11, 2),
        updated_on=date(2026, 11, 3),
        shortcomings=("Lappen är inte uppläsbar.",),
        exemptions=("Kartan är undantagen.",),
        feedback_email="wifi@library.test",
        feedback_phone="08-465 004 01",
    )
    body = await body_of("/accessibility", replace(SETTINGS, statement=statement))
    for words in (
        "Biblioteken i Umeå står bakom",
        "inloggning till wifi",
        "delvis förenlig",
        "Lappen är inte uppläsbar.",
        "Kartan är undantagen.",
        "2 november 2026",
        "3 november 2026",
        "WCAG 2.2",
        "wifi@library.test",
        "08-465 004 01",
        "https://www.digg.se/",
    ):
        assert words in body


@pytest.mark.parametrize("conformity", Conformity)
async def test_every_degree_of_conformity_has_words(conformity: Conformity) -> None:
    settings = replace(SETTINGS, statement=Statement(conformity=conformity))
    body = await body_of("/accessibility", settings)
    assert "förenlig med lagen" in body
    assert ("Vi känner inte till några brister" in body) is (conformity is Conformity.FULL)


async def test_a_site_has_its_own_rules() -> None:
    guest = FakeGuest(library=replace(LIBRARY, rules_text="Viska.\n\nInga <b>spel</b>."))
    body = await body_of("/rules", guest=guest)
    assert "<li>Viska.</li>" in body
    assert "Inga &lt;b&gt;spel&lt;/b&gt;." in body
    assert "Följ lagen" not in body
    one = FakeGuest(library=replace(LIBRARY, rules_text="Viska."))
    assert "<p>Viska.</p>" in await body_of("/rules", guest=one)


async def test_without_a_site_the_organisation_is_named() -> None:
    assert "Biblioteken i Umeå" in await body_of("/help", guest=FakeGuest(device=None))


async def test_help_names_the_short_address() -> None:
    assert "login.library.test" in await body_of("/help")


async def test_an_open_network_is_said() -> None:
    body = await body_of("/", guest=FakeGuest(library=replace(LIBRARY, open_network=True)))
    assert "Nätet är öppet. Använd sidor som börjar med https." in body


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"form_key": b"short"}, "form_key needs 32"),
        ({"portal_host": "192.0.2.1"}, "portal_host must be"),
        ({"portal_host": "wifi"}, "portal_host must be"),
        ({"portal_host": "[::1]"}, "portal_host must be"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]


def test_the_key_never_shows() -> None:
    assert "form_key" not in repr(SETTINGS)
