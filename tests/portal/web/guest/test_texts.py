from pathlib import Path

import pytest

from portal.domain.privacy import PrivacyLevel
from portal.services.outcomes import RefusalReason
from portal.web import texts
from portal.web.device_help import DEVICE_HELP
from portal.web.guest.pages import TEXTS
from portal.web.texts import choose_language, fields_of, load_languages

SV, EN = load_languages(TEXTS, DEVICE_HELP)

BANNED = {
    "sv": (
        "vänligen",
        "tyvärr",
        "ogiltig",
        "session",
        "autentisering",
        "voucher",
        "wi-fi",
        "cookie",
    ),
    "en": ("please", "sorry", "invalid", "session", "authentication", "voucher", "wifi"),
}


def test_both_languages_have_every_text_and_the_same_fields() -> None:
    assert SV.texts.keys() == EN.texts.keys()
    for key, text in SV.texts.items():
        assert fields_of(text) == fields_of(EN.texts[key]), key
        assert text.count("[") == EN.texts[key].count("["), key


@pytest.mark.parametrize("language", [SV, EN], ids=lambda language: language.tag)
def test_no_jargon_reaches_a_guest(language: texts.Language) -> None:
    for key, text in language.texts.items():
        if key.startswith(("help.iphone", "help.android")):
            continue  # the words on the device's own screen
        for word in BANNED[language.tag]:
            assert word not in text.lower(), f"{key}: {word}"


@pytest.mark.parametrize("language", [SV, EN], ids=lambda language: language.tag)
def test_every_refusal_has_its_text(language: texts.Language) -> None:
    keys = language.texts.keys()
    for reason in RefusalReason:
        assert any(key == reason.value or key.startswith(f"{reason.value}.") for key in keys)


@pytest.mark.parametrize("language", [SV, EN], ids=lambda language: language.tag)
def test_the_privacy_notice_has_at_most_40_words(language: texts.Language) -> None:
    for level in PrivacyLevel:
        words = language.text(f"privacy.{level}", days="14 days").replace("–", "").split()
        assert len(words) <= 40


@pytest.mark.parametrize("key", ["privacy.0", "privacy.2", "rules", "rules.accept"])
def test_every_used_text_is_found_in_a_template_or_module(key: str) -> None:
    assert "[" in SV.texts[key]


def test_every_text_is_used() -> None:
    root = Path(__file__).parents[4]
    used = "".join(
        path.read_text("utf-8")
        for folder in ("templates/guest", "portal/web/guest", "portal/services")
        for path in (root / folder).rglob("*.*")
        if path.suffix in {".html", ".py"}
    )
    built = (
        "help.",
        "why.",
        "rules.default.",
        "personal.",
        "privacy.",
        "statement.",
        "tries.",
        "minutes.",
        "days.",
        "devices.",
    )
    for key in SV.texts:
        if key.startswith(built) or key.endswith((".title", ".staff")):
            continue
        assert f'"{key}"' in used, key


@pytest.mark.parametrize(
    ("asked", "accept", "expected"),
    [
        (None, "", "sv"),
        (None, "sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        (None, "en-GB,en;q=0.9,sv;q=0.8", "en"),
        (None, "en;q=0.2,sv;q=0.8", "sv"),
        (None, "ar,fa;q=0.9", "en"),
        (None, "fi,sv;q=0.5", "sv"),
        (None, "sv;q=0,en", "en"),
        (None, "*", "sv"),
        (None, "sv;q=x,en;q=0.1", "en"),
        (None, ",;,;;q=,=", "sv"),
        (None, "a" * 8000, "en"),
        (None, "x," * 4000, "en"),
        ("en", "sv", "en"),
        ("sv", "en", "sv"),
        ("xx", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_choosing_a_language(asked: str | None, accept: str, expected: str) -> None:
    assert choose_language((SV, EN), asked, accept, "sv").tag == expected


def test_a_table_that_lacks_a_text_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "sv.toml").write_text('"a" = "x {y}"\n"b" = "x"')
    (tmp_path / "en.toml").write_text('"a" = "x {y}"')
    with pytest.raises(ValueError, match="differ in texts"):
        load_languages(tmp_path)
    (tmp_path / "en.toml").write_text('"a" = "x"\n"b" = "x"')
    with pytest.raises(ValueError, match="differ in the fields of a"):
        load_languages(tmp_path)


def test_a_text_that_two_tables_have_does_not_start(tmp_path: Path) -> None:
    for name in ("sv.toml", "en.toml"):
        (tmp_path / name).write_text('"a" = "x"')
    with pytest.raises(ValueError, match="has texts twice"):
        load_languages(tmp_path, tmp_path)
