"""The record of processing: what is configured is told, and nothing that is not."""

from dataclasses import replace

import pytest

from portal.domain.privacy import PrivacyLevel
from portal.domain.processing_record import Facts, Receiver, as_markdown, note, record

FACTS = Facts(
    organisation="Exempelby",
    contact="bibliotek@example.se",
    officer="dso@example.se",
    levels={"Staden": PrivacyLevel.GUESTS},
    session_days=13,
    event_days=17,
    attempt_days=5,
    known_device_days=29,
    remembered_days=90,
    voucher_days=31,
)


def text_of(facts: Facts) -> str:
    return as_markdown(record(facts), note("2026-11-27"))


def test_every_point_of_the_article_is_there() -> None:
    text = text_of(FACTS)
    for heading in (
        *("Ansvarig", "Ändamål och rättslig grund", "Kategorier av registrerade"),
        *("Kategorier av personuppgifter och gallring", "Mottagare"),
        *("Överföring till tredje land", "Säkerhetsåtgärder", "Antecknas aldrig"),
    ):
        assert f"## {heading}\n" in text
    for words in ("Exempelby", "bibliotek@example.se", "dso@example.se", "Framtagen 2026-11-27"):
        assert words in text


def test_every_period_is_the_configured_one() -> None:
    text = text_of(replace(FACTS, takes_codes=True, attempt_days=1))
    for words in ("13 dagar", "17 dagar", "1 dag |", "29 dagar", "90 dagar", "31 dagar"):
        assert words in text
    assert "Säkerhetskopior" not in text
    assert "kvar 11 dagar längre" in text_of(replace(FACTS, backup_days=11))


@pytest.mark.parametrize("level", PrivacyLevel)
def test_what_a_level_does_not_write_down_is_not_in_the_record(level: PrivacyLevel) -> None:
    levels = {"Staden": PrivacyLevel.COUNTS, "Filialen": level}
    text = text_of(replace(FACTS, levels=levels))
    assert f"| Filialen | {int(level)} |" in text
    assert ("| Besök: tid" in text) is level.keeps_visits
    assert ("enhet och kort eller kod som pseudonymer |" in text) is level.keeps_guests
    assert ("Portar på den publika adressen och" in text) is level.keeps_addresses
    assert ("Utreda missbruk som någon har anmält" in text) is level.keeps_addresses


def test_receivers_are_named_and_their_absence_is_said() -> None:
    assert "Inga andra mottagare" in text_of(FACTS)
    given = replace(FACTS, receivers=(Receiver("Loggsystem", "Händelser", "Drift"),))
    assert "| Loggsystem | Händelser | Drift |" in text_of(given)
    assert "Inga andra mottagare" not in text_of(given)
    assert "Kontrollera att mottagarna" in text_of(given)


def test_what_is_not_there_is_not_told() -> None:
    text = text_of(replace(FACTS, takes_cards=False, has_staff_site=False, contact="", officer=""))
    for words in ("Personal", "pinkoder gissas", "Koder från personalen", "Accesspunkt"):
        assert words not in text
    assert text.count("Fyll i: saknas i inställningarna.") == 2
    points = text_of(replace(FACTS, has_access_points=True, levels={"A": PrivacyLevel.COUNTS}))
    assert "enheten som pseudonym | Veta vem som är uppkopplad | 1 dag |" in points


def test_sealed_card_numbers_are_told_of_where_they_are_kept() -> None:
    assert "förseglat" not in text_of(FACTS)
    text = text_of(replace(FACTS, seals_identities=True))
    assert "| Kortnummer vid ett besök, förseglat" in text
    assert "Utreda missbruk som någon har anmält" in text
    assert "Kortnummer finns bara som" not in text


def test_a_name_is_never_markup() -> None:
    text = text_of(replace(FACTS, organisation="<b>A|B</b>\n# *C* [d](e)"))
    assert r"\<b\>A\|B\</b\> \# \*C\* \[d\](e) |" in text


def test_measures_are_told_as_configured() -> None:
    assert "- Sidorna låses." in text_of(replace(FACTS, measures=("Sidorna låses.",)))
