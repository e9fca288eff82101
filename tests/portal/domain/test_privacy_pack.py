"""Texts for the library's privacy work: true for every setting, open where people must judge."""

import re
import tomllib
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from portal.domain.privacy import PrivacyLevel
from portal.domain.privacy_pack import FILL_IN, answers_for_staff, assessment, notice, stored
from portal.domain.processing_record import Facts, Receiver, Section, as_markdown
from tests.portal.domain.test_processing_record import FACTS

GUESTS_TEXTS = Path(__file__).parents[3] / "portal" / "web" / "guest" / "texts" / "sv.toml"
NO_PAGES = "Vi sparar inte vilka sidor du besöker."
TEXTS = (notice, assessment, answers_for_staff)


def text_of(sections: tuple[Section, ...]) -> str:
    return as_markdown(sections, "Framtagen i dag.", "Titel")


def at(level: PrivacyLevel, **others: bool) -> Facts:
    return replace(FACTS, levels={"Staden": PrivacyLevel.COUNTS, "Filialen": level}, **others)


@pytest.mark.parametrize("level", PrivacyLevel)
def test_what_is_stored_is_said_for_the_highest_level(level: PrivacyLevel) -> None:
    text = stored(at(level))
    assert ("13 dagar" in text) is level.keeps_visits
    assert ("du är uppkopplad" in text) is level.keeps_guests
    assert ("missbruk" in text) is level.keeps_addresses
    assert text.endswith("Vi sparar inte vilka sidor du besöker.")
    for make in (notice, answers_for_staff):
        assert text in text_of(make(at(level)))


@pytest.mark.parametrize("level", PrivacyLevel)
def test_it_is_what_the_login_page_says(level: PrivacyLevel) -> None:
    page = tomllib.loads(GUESTS_TEXTS.read_text("utf-8"))[f"privacy.{int(level)}"]
    said = page.replace("{days}", "13 dagar").removesuffix(" [Läs mer]")
    no_pages = "" if said.endswith("vilka sidor du besöker.") else f" {NO_PAGES}"
    assert stored(at(level)) == said + no_pages


@pytest.mark.parametrize(
    ("level", "cards", "sealed"), list(product(PrivacyLevel, (True, False), (True, False)))
)
def test_no_text_says_what_must_not_be_said(level: PrivacyLevel, cards: bool, sealed: bool) -> None:
    facts = at(level, takes_cards=cards, seals_identities=sealed and cards)
    for make in TEXTS:
        text = text_of(make(facts))
        assert not re.search(r"anonym|samtycker|sparar ingenting|GDPR-säkr", text, re.IGNORECASE)
        assert "{" not in text
        assert "# Titel" in text


def test_the_notice_names_who_and_how_long_and_to_whom() -> None:
    text = text_of(notice(FACTS))
    for words in ("Exempelby ansvarar", "bibliotek@example.se", "dso@example.se", "13 dagar"):
        assert words in text
    assert "imy.se" in text
    assert "Ingen annan än biblioteket" in text
    given = replace(FACTS, receivers=(Receiver("Loggsystem", "Händelser", "Drift"),), contact="")
    assert "Loggsystem: Händelser. Drift." in text_of(notice(given))
    assert f"Kontakt: {FILL_IN} saknas" in text_of(notice(given))


def test_the_assessment_leaves_open_what_people_must_judge() -> None:
    plain = text_of(assessment(at(PrivacyLevel.COUNTS)))
    assert "Besök antecknas inte." in plain
    assert "varför portar behöver" not in plain
    assert "varför förseglade" not in plain
    assert plain.count(FILL_IN) >= 5
    assert "inget angivet" in text_of(assessment(replace(FACTS, officer="")))
    rich = text_of(assessment(at(PrivacyLevel.ADDRESSES, seals_identities=True)))
    for words in ("varför portar behöver", "varför förseglade", "Portarna används", "pseudonymer"):
        assert words in rich


def test_eight_questions_have_answers_that_are_true() -> None:
    assert len(answers_for_staff(FACTS)) == 8
    assert "Inte i klartext" in text_of(answers_for_staff(FACTS))
    assert "hindra att någon gissar" in text_of(answers_for_staff(at(PrivacyLevel.VISITS)))
    assert "Kort används inte" in text_of(answers_for_staff(replace(FACTS, takes_cards=False)))
    assert "Ja, förseglat" in text_of(answers_for_staff(replace(FACTS, seals_identities=True)))
    assert "inget om ditt besök" in text_of(answers_for_staff(at(PrivacyLevel.COUNTS)))
