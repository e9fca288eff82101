import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.card import (
    CardAccepted,
    CardRefusal,
    CardRefused,
    CardRules,
    PinAccepted,
    PinRefusal,
    PinRefused,
    read_card,
    read_pin,
)
from portal.domain.identity import Secret

ANYTHING = CardRules(card_pattern=".+", pin_pattern=".+", strip_separators=False)


@pytest.mark.parametrize(
    "text",
    [
        "20000000000001",
        "  2000 0000 0000 01 ",
        "2000-0000-0000-01",
        "2000\N{NO-BREAK SPACE}0000\N{EN DASH}000001",
        "\N{LEFT-TO-RIGHT MARK}20000000000001",
        "٢٠٠٠٠٠٠٠٠٠٠٠٠١",
    ],
)
def test_a_card_number_is_read_however_people_write_it(text: str) -> None:
    assert read_card(text) == CardAccepted(Secret("20000000000001"))


@pytest.mark.parametrize("text", ["", "   ", " - ", "\N{ZERO WIDTH SPACE}", "\r\n"])
def test_an_empty_card_is_said_to_be_empty(text: str) -> None:
    assert read_card(text) == CardRefused(CardRefusal.EMPTY)


@pytest.mark.parametrize(
    "text",
    [
        "123|ADx|",
        "4711|AD0000",
        "4711\rAD",
        "4711\r",
        "4711\n",
        "4711\x00",
        "4711\x1b",
        "4711\x85",
        "4711\N{LINE SEPARATOR}",
        "4711\ud800",
        "1" * 65,
        "1" * 4096,
    ],
)
@pytest.mark.parametrize("rules", [CardRules(), ANYTHING])
def test_field_injection_is_refused_whatever_the_pattern(text: str, rules: CardRules) -> None:
    assert read_card(text, rules) == CardRefused(CardRefusal.UNSAFE)
    assert read_pin(text, rules) == PinRefused(PinRefusal.UNSAFE)


def test_the_site_s_own_delimiter_is_refused_and_the_usual_one_too() -> None:
    rules = CardRules(card_pattern=".+", delimiter="^")
    assert read_card("47^11", rules) == CardRefused(CardRefusal.UNSAFE)
    assert read_card("47|11", rules) == CardRefused(CardRefusal.UNSAFE)


@pytest.mark.parametrize(
    "text", ["8112189876", "811218-9876", "19 811218-9876", "198112189876", "811278-9873"]
)
def test_a_personal_number_is_refused(text: str) -> None:
    assert read_card(text) == CardRefused(CardRefusal.PERSONAL_NUMBER)


@pytest.mark.parametrize("text", ["811218+9876", "811218\N{EN DASH}9876", "٨١١٢١٨٩٨٧٦"])
def test_a_personal_number_is_refused_in_its_rarer_forms(text: str) -> None:
    assert read_card(text) == CardRefused(CardRefusal.PERSONAL_NUMBER)


@pytest.mark.parametrize("text", ["8112189875", "8113389871", "81121898760"])
def test_numbers_that_only_resemble_one_pass(text: str) -> None:
    assert read_card(text) == CardAccepted(Secret(text))


def test_the_personal_number_test_can_be_switched_off() -> None:
    rules = CardRules(reject_personal_number=False)
    assert read_card("811218-9876", rules) == CardAccepted(Secret("8112189876"))


def test_other_characters_are_a_wrong_format() -> None:
    assert read_card("kalle") == CardRefused(CardRefusal.FORMAT)
    assert read_card("4711x") == CardRefused(CardRefusal.FORMAT)


def test_the_page_can_say_how_many_digits_were_expected() -> None:
    rules = CardRules(expected_length=14)
    assert read_card("2000 0000 0000", rules) == CardRefused(CardRefusal.LENGTH, 14, 12)
    assert read_card("20000000000001", rules) == CardAccepted(Secret("20000000000001"))


def test_a_hyphen_may_be_part_of_the_number() -> None:
    rules = CardRules(card_pattern="[A-Z]-[0-9]+", strip_separators=False)
    assert read_card("B-4711", rules) == CardAccepted(Secret("B-4711"))


@pytest.mark.parametrize(
    ("text", "pin"), [("1234", "1234"), (" 1234 ", "1234"), ("0012", "0012"), ("١٢٣٤", "1234")]
)
def test_a_pin_is_read(text: str, pin: str) -> None:
    assert read_pin(text) == PinAccepted(Secret(pin))


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_pin_is_never_sent(text: str) -> None:
    assert read_pin(text, ANYTHING) == PinRefused(PinRefusal.EMPTY)


def test_a_pin_of_other_characters_is_a_wrong_format() -> None:
    assert read_pin("12 34") == PinRefused(PinRefusal.FORMAT)
    assert read_pin("12 34", ANYTHING) == PinAccepted(Secret("12 34"))


def test_neither_card_nor_pin_shows_in_a_repr() -> None:
    assert "4711" not in repr(read_card("4711"))
    assert "1234" not in repr(read_pin("1234"))


@given(st.text(st.characters(), max_size=80))
def test_what_is_accepted_can_stand_in_a_protocol_field(text: str) -> None:
    card, pin = read_card(text, ANYTHING), read_pin(text, ANYTHING)
    accepted = [card.card.reveal()] if isinstance(card, CardAccepted) else []
    accepted += [pin.pin.reveal()] if isinstance(pin, PinAccepted) else []
    for value in accepted:
        assert 0 < len(value) <= 64
        assert "|" not in value
        assert not any(unicodedata.category(letter) == "Cc" for letter in value)
        value.encode("utf-8")
