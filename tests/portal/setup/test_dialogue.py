"""The dialogue: every question once, bad answers asked again, both languages."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from portal.config import Config
from portal.config_file import ConfigError, parse
from portal.setup import TEXTS, answers, configuration, dialogue
from portal.web.texts import Language, load_languages

GUESS = dialogue.Guess("guest0", "wan0")
LANGUAGES = {language.tag: language for language in load_languages(TEXTS)}

RIGHT: Mapping[str, str] = {
    "municipality.name": "Umeå bibliotek",
    "library.name": "Stadsbiblioteket",
    "network.ssid": "Biblioteket",
    "network.wifi_password": "bok och te",
    "network.portal_host_name": "wifi.umea.example",
    "opening_hours": "mån-fre 10-19",
    "library_system.host": "sip2.umea.example",
    "library_system.login_user": "kvar",
    "library_system.login_password": "hemligt",
}
BAD: Mapping[str, str] = {
    "municipality.name": "Ume\x1b[31m",
    "municipality.contact_email": "nobody",
    "library.name": "",
    "network.ssid": "å" * 17,
    "network.wifi_password": "short",
    "network.portal_host_name": "wifi",
    "interfaces.guest": "guest0, eth/1",
    "interfaces.uplink": "wan0!",
    "interfaces.management_address": "10.1.2",
    "interfaces.staff_host_name": "kvar",
    "opening_hours": "10-19",
    "login_methods": "kort",
    "library_kind": "book-it",
    "library_system.host": "",
    "library_system.port": "70000",
    "library_system.tls": "maybe",
    "privacy.level": "4",
    "privacy.keep_days": "0",
    "privacy.backup_recipient": "age1nobody",
    "administrator.name": "A B",
}


class Typed:
    """A terminal at which somebody answers by the question's key, wrongly first where told."""

    def __init__(self, language: Language, right: Mapping[str, str], bad: Mapping[str, str]):
        self.language, self.right, self.bad = language, right, dict(bad)
        self.said: list[str] = []
        self.secret: set[str] = set()
        self.asked: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def ask(self, prompt: str, *, is_secret: bool) -> str:
        (key,) = (
            question.key
            for question in dialogue.QUESTIONS
            if prompt.strip().startswith(self.language.text(question.key))
        )
        self.asked.append(key)
        if is_secret:
            self.secret.add(key)
        return self.bad.pop(key, None) or self.right.get(key, "")


@pytest.mark.parametrize("tag", ["sv", "en"])
def test_right_answers_make_a_configuration_that_is_right(tag: str) -> None:
    typed = Typed(LANGUAGES[tag], RIGHT, {})
    document = dialogue.hold(typed, LANGUAGES[tag], GUESS)
    assert typed.asked == [
        question.key
        for question in dialogue.QUESTIONS
        if not question.key.endswith(".reason") and "rest" not in question.key
    ]
    given = answers.check(document, Path("typed"))
    config = parse(configuration.render(given, "postgresql:///kvar"), Path("kvar.toml"))
    assert config.organisation.name == "Umeå bibliotek"
    assert config.organisation.default_language == tag
    assert config.sites[0].guest_interfaces == ["guest0"]
    assert config.library_system is not None
    assert config.library_system.login_password.get_secret_value() == "hemligt"
    assert not config.sites[0].open_network
    assert config.sites[0].privacy_level == 2
    assert [text for text in typed.said if text.startswith(("Fråga", "Question"))][8:] == [
        LANGUAGES[tag].text("heading", number=9, most=9, heading=LANGUAGES[tag].text("heading.9"))
    ]


def test_each_bad_answer_is_asked_again_with_what_to_write() -> None:
    typed = Typed(LANGUAGES["sv"], RIGHT, BAD)
    dialogue.hold(typed, LANGUAGES["sv"], GUESS)
    for key, bad in BAD.items():
        if bad.strip():
            assert typed.asked.count(key) == 2, key
            assert f"  {LANGUAGES['sv'].text(f'{key}.refused')}" in typed.said


def test_nothing_at_all_is_asked_again_where_an_answer_is_needed() -> None:
    typed = Typed(LANGUAGES["en"], RIGHT, {"municipality.name": " ", "library.name": " "})
    dialogue.hold(typed, LANGUAGES["en"], GUESS)
    assert typed.asked[:4] == ["municipality.name"] * 2 + ["municipality.contact_email"] + [
        "library.name"
    ]


def test_secrets_are_not_shown_while_they_are_typed() -> None:
    typed = Typed(LANGUAGES["sv"], RIGHT, {})
    dialogue.hold(typed, LANGUAGES["sv"], GUESS)
    assert typed.secret == {"network.wifi_password", "library_system.login_password"}


def test_a_library_without_cards_is_not_asked_for_its_system() -> None:
    typed = Typed(LANGUAGES["sv"], {**RIGHT, "login_methods": "code"}, {})
    document = dialogue.hold(typed, LANGUAGES["sv"], GUESS)
    assert "library_system" not in document
    assert not any(key.startswith("library_system") for key in typed.asked)


def test_plain_sip2_is_allowed_by_whoever_chose_it() -> None:
    typed = Typed(LANGUAGES["sv"], {**RIGHT, "library_system.tls": "off"}, {})
    given = answers.check(dialogue.hold(typed, LANGUAGES["sv"], GUESS), Path("typed"))
    assert parse(configuration.render(given, ""), Path("kvar.toml")).library_system is not None


OVER_HTTP: Mapping[str, str] = {
    **{key: text for key, text in RIGHT.items() if not key.startswith("library_system")},
    "library_kind": "Koha",
    "library_rest.url": "https://koha.umea.example",
    "library_rest.user": "5d1f",
    "library_rest.password": "hemligt",
    "library_rest.refuse": "expired, lost_card",
}


def configured(right: Mapping[str, str], bad: Mapping[str, str]) -> tuple[Config, Typed]:
    typed = Typed(LANGUAGES["sv"], right, bad)
    given = answers.check(dialogue.hold(typed, LANGUAGES["sv"], GUESS), Path("typed"))
    return parse(configuration.render(given, ""), Path("kvar.toml")), typed


def test_a_library_system_over_http_is_asked_for_by_its_kind() -> None:
    bad = {
        "library_rest.url": "koha.umea.example",
        "library_rest.user": " ",
        "library_rest.password": " ",
        "library_rest.refuse": "debtor",
    }
    config, typed = configured(OVER_HTTP, bad)
    assert config.library_system is None
    assert config.library_rest is not None
    assert config.library_rest.kind == "koha"
    assert config.library_rest.password.get_secret_value() == "hemligt"
    assert config.library_rest.refuse == ["expired", "lost_card"]
    assert not config.library_rest.plain_text_is_safe_here
    assert "library_rest.password" in typed.secret
    for key in ("library_rest.url", "library_rest.refuse"):
        assert typed.asked.count(key) == 2
    assert not any(key.startswith("library_system") for key in typed.asked)


def test_mikromarc_refuses_nobody_that_koha_would_and_plain_text_is_its_choosers() -> None:
    change = {"library_kind": "mikromarc", "library_rest.url": "http://m.umea.example/Svc/2"}
    config, typed = configured({**OVER_HTTP, **change}, {})
    assert config.library_rest is not None
    assert (config.library_rest.kind, config.library_rest.refuse) == ("mikromarc", [])
    assert config.library_rest.plain_text_is_safe_here
    assert "library_rest.refuse" not in typed.asked


@pytest.mark.parametrize(
    ("methods", "left"),
    [("card, code", ["code"]), ("accept, card", ["accept"]), ("card", ["code"])],
)
def test_without_a_library_system_yet_cards_are_left_out(methods: str, left: list[str]) -> None:
    right = {**RIGHT, "login_methods": methods, "library_kind": "none"}
    config, typed = configured(right, {})
    assert config.sites[0].login_methods == left
    assert config.card_check is None
    assert not any(key.startswith(("library_system", "library_rest")) for key in typed.asked)
    assert not any("sealed" in key for key in typed.asked)


def test_card_numbers_are_sealed_where_a_key_and_a_reason_are_given() -> None:
    more = {
        "privacy.sealed_identity.public_key": "A" * 43 + "=",
        "privacy.sealed_identity.reason": "misuse that the police asks about",
    }
    bad = {"privacy.sealed_identity.public_key": "x", "privacy.sealed_identity.reason": "why"}
    typed = Typed(LANGUAGES["sv"], {**RIGHT, **more}, bad)
    given = answers.check(dialogue.hold(typed, LANGUAGES["sv"], GUESS), Path("typed"))
    config = parse(configuration.render(given, ""), Path("kvar.toml"))
    assert config.sealed_identity is not None
    assert config.sites[0].seal_identity
    nobody = Typed(LANGUAGES["sv"], {**RIGHT, **more, "privacy.level": "1"}, {})
    dialogue.hold(nobody, LANGUAGES["sv"], GUESS)
    assert not any("sealed" in key for key in nobody.asked)


def test_a_staff_site_on_the_network_has_a_name_and_a_certificate() -> None:
    typed = Typed(LANGUAGES["sv"], {**RIGHT, "interfaces.management_address": "10.1.2.1"}, {})
    given = answers.check(dialogue.hold(typed, LANGUAGES["sv"], GUESS), Path("typed"))
    config = parse(configuration.render(given, ""), Path("kvar.toml"))
    assert config.staff is not None
    assert config.staff.host_name == "kvar.umea.example"
    assert config.staff.certificate_file is not None


def test_every_question_has_its_words() -> None:
    for question in dialogue.QUESTIONS:
        for language in LANGUAGES.values():
            assert language.text(question.key)
            if question.key != "library_system.login_password":
                assert language.text(f"{question.key}.refused")


RIGHT_FILE = {
    "municipality": {"name": "Umeå"},
    "library": {"name": "Stads"},
    "network": {"ssid": "x", "portal_host_name": "wifi.umea.example"},
    "interfaces": {"guest": ["guest0"]},
    "login_methods": ["code"],
}


def problems(**changes: object) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        answers.check({**RIGHT_FILE, **changes}, Path("answers.toml"))
    told = refused.value.__cause__ or not refused.value.__suppress_context__
    assert not told  # a traceback would show what was answered
    return str(refused.value).splitlines()


def test_a_wrong_file_of_answers_is_told_with_its_keys() -> None:
    assert problems(privacy={"keep_days": 0}) == [
        "answers.toml: privacy.keep_days: input should be greater than or equal to 1"
    ]
    assert problems(administrator={"nome": "x"}) == [
        "answers.toml: administrator.nome: unknown key"
    ]
    assert problems(network={"ssid": "x"}) == [
        "answers.toml: network.portal_host_name: missing; this answer is required"
    ]
    assert "administrator.name" in problems(administrator={"name": "A B"})[0]
    assert "wifi.example.se" in problems(network={"ssid": "x", "portal_host_name": "W"})[0]


def test_a_refusal_never_repeats_an_answer() -> None:
    told = problems(library_system={"login_password": ["s3cret"], "host": "x"})
    assert "s3cret" not in "".join(told)
    assert "login_password" in told[0]
    rest = {"kind": "koha", "url": "https://x", "user": "x", "password": ["s3cret"]}
    told = problems(library_rest=rest)
    assert "s3cret" not in "".join(told)
    assert "library_rest.password" in told[0]


def test_a_file_that_is_not_there_or_no_toml_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        answers.read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("x =")
    with pytest.raises(ConfigError, match="not TOML"):
        answers.read(tmp_path / "bad.toml")


def test_a_foreign_hand_in_the_file_is_seen() -> None:
    text = configuration.render(answers.check(RIGHT_FILE, Path("x")), "")
    assert configuration.is_ours(text)
    assert not configuration.is_ours(text.replace("14", "15"))
    assert not configuration.is_ours("")


def test_the_example_of_answers_is_right() -> None:
    given = answers.read(Path("deploy/answers.toml"))
    config = parse(configuration.render(given, "postgresql:///kvar", "kvar"), Path("kvar.toml"))
    assert config.processes.gate_user == "kvar-gate"
    assert config.library_system is not None


def test_the_example_of_answers_for_koha_is_right(tmp_path: Path) -> None:
    """What stands there as a comment, in the place of SIP2."""
    text = Path("deploy/answers.toml").read_text()
    before, _, after = text.partition("[library_system]")
    _, _, rest = after.partition("# [library_rest]")
    table, _, end = rest.partition("\n\n")
    file = tmp_path / "answers.toml"
    koha = table.partition("\n")[2].replace("# ", "", 1).replace("\n# ", "\n")
    file.write_text(f"{before}[library_rest]\n{koha}\n\n{end}")
    config = parse(configuration.render(answers.read(file), ""), Path("kvar.toml"))
    assert config.library_rest is not None
    assert config.library_rest.refuse == ["expired", "lost_card"]
