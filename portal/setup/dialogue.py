"""The nine questions, asked one after the other until each has an answer that can be used.

Not the terminal (composition/setup.py brings one). The rule to keep: an answer that cannot be used
is asked for again at once, with what to write instead; what a default offers is shown.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import TypeAdapter, ValidationError

from portal.config_types import Address, HostName, InterfaceName, Port, Recipient, StaffHost
from portal.domain.privacy import DEFAULT_LEVEL, PrivacyLevel
from portal.domain.staff_account import is_account_name
from portal.setup import shapes
from portal.web.texts import Language

Document = dict[str, Any]
_SEALED = "privacy.sealed_identity"
_KIND = "library_kind"
"""How the library system is asked. Not in a file of answers: there the table says it."""
_REFUSED: TypeAdapter[str] = TypeAdapter(Literal["expired", "restricted", "lost_card"])
_SIDES = TypeAdapter(list[InterfaceName])
_RECIPIENT: TypeAdapter[str] = TypeAdapter(Recipient)


class Terminal(Protocol):
    """Where the questions are asked."""

    def say(self, text: str) -> None:
        """Show a line."""

    def ask(self, prompt: str, *, is_secret: bool) -> str:
        """Return one line of an answer; EOFError: nobody answers."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What is offered where it can be known."""

    guest_interface: str
    uplink_interface: str


@dataclass(frozen=True, slots=True)
class Question:
    """One line to be typed. ``key`` is its place in the answers and the name of its texts."""

    number: int
    key: str
    read: Callable[[str], Any]
    default: Callable[[Document, Guess], str | None] = lambda *_: None
    is_secret: bool = False
    is_asked: Callable[[Document], bool] = lambda _: True


def _needed(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError(text)
    return text


def _email(text: str) -> str:
    if text and not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        raise ValueError(text)
    return text


def _of(kind: Any) -> Callable[[str], Any]:
    adapter = TypeAdapter(kind)
    return lambda text: adapter.validate_strings(text.lower())


def _interfaces(text: str) -> list[str]:
    return _SIDES.validate_python(shapes.words(text) or [""])


def _network_name(text: str) -> str:
    if not 0 < len(text.encode()) <= 32:
        raise ValueError(text)
    return text


def _wifi_password(text: str) -> str:
    if text and not 8 <= len(text) <= 63:
        raise ValueError(text)
    return text


def _days(text: str) -> int:
    if not 1 <= int(text) <= 730:
        raise ValueError(text)
    return int(text)


def _account(text: str) -> str:
    if not is_account_name(text):
        raise ValueError(text)
    return text


def _recipient(text: str) -> str | None:
    return str(_RECIPIENT.validate_python(text)) if text else None


def _sealing_key(text: str) -> str | None:
    if text and not re.fullmatch(r"[A-Za-z0-9+/]{43}=", text):
        raise ValueError(text)
    return text or None


def _reason(text: str) -> str:
    if not 10 <= len(text) <= 300:
        raise ValueError(text)
    return text


def _names_guests(answers: Document) -> bool:
    return _takes_cards(answers) and PrivacyLevel(answers["privacy"]["level"]).keeps_guests


def _seals(answers: Document) -> bool:
    return "sealed_identity" in answers["privacy"]


def _tls(text: str) -> str:
    if text not in {"ca", "off"}:
        raise ValueError(text)
    return text


def _always(text: str) -> Callable[[Document, Guess], str]:
    return lambda *_: text


def _beside_portal(answers: Document, _: Guess) -> str:
    _, _, domain = answers["network"]["portal_host_name"].partition(".")
    is_local = answers["interfaces"]["management_address"] in {"127.0.0.1", "::1"}
    return "localhost" if is_local else f"kvar.{domain}"


def _kind(text: str) -> str:
    if text.lower() not in {"sip2", "koha", "mikromarc", "none"}:
        raise ValueError(text)
    return text.lower()


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s?#@]+", text):
        raise ValueError(text)
    return text


def _refused(text: str) -> list[str]:
    return [_REFUSED.validate_python(word) for word in shapes.words(text.lower())]


def _takes_cards(answers: Document) -> bool:
    return "card" in answers["login_methods"] and answers.get(_KIND) != "none"


def _by_sip2(answers: Document) -> bool:
    return answers.get(_KIND) == "sip2"


def _by_http(answers: Document) -> bool:
    return answers.get(_KIND) in {"koha", "mikromarc"}


def _is_koha(answers: Document) -> bool:
    return answers.get(_KIND) == "koha"


def _names_itself(answers: Document) -> bool:
    return _by_sip2(answers) and bool(answers["library_system"]["login_user"])


QUESTIONS = (
    Question(1, "municipality.name", _needed),
    Question(1, "municipality.contact_email", _email, _always("")),
    Question(2, "library.name", _needed),
    Question(3, "network.ssid", _network_name),
    Question(3, "network.wifi_password", _wifi_password, _always(""), is_secret=True),
    Question(3, "network.portal_host_name", _of(HostName)),
    Question(4, "interfaces.guest", _interfaces, lambda _, guess: guess.guest_interface),
    Question(4, "interfaces.uplink", _interfaces, lambda _, guess: guess.uplink_interface),
    Question(4, "interfaces.management_address", _of(Address), _always("127.0.0.1")),
    Question(4, "interfaces.staff_host_name", _of(StaffHost), _beside_portal),
    Question(5, "opening_hours", shapes.opening_hours),
    Question(6, "login_methods", shapes.login_methods, _always("card, code")),
    Question(7, _KIND, _kind, _always("sip2"), is_asked=_takes_cards),
    Question(7, "library_system.host", _needed, is_asked=_by_sip2),
    Question(7, "library_system.port", _of(Port), _always("6001"), is_asked=_by_sip2),
    Question(7, "library_system.tls", _tls, _always("ca"), is_asked=_by_sip2),
    Question(7, "library_system.login_user", str, _always(""), is_asked=_by_sip2),
    Question(7, "library_system.login_password", str, is_secret=True, is_asked=_names_itself),
    Question(7, "library_system.institution_id", str, _always(""), is_asked=_by_sip2),
    Question(7, "library_rest.url", _url, is_asked=_by_http),
    Question(7, "library_rest.user", _needed, is_asked=_by_http),
    Question(7, "library_rest.password", _needed, is_secret=True, is_asked=_by_http),
    Question(7, "library_rest.refuse", _refused, _always(""), is_asked=_is_koha),
    Question(8, "privacy.level", _of(PrivacyLevel), _always(str(int(DEFAULT_LEVEL)))),
    Question(8, "privacy.keep_days", _days, _always("14")),
    Question(8, "privacy.backup_recipient", _recipient, _always("")),
    Question(8, f"{_SEALED}.public_key", _sealing_key, _always(""), is_asked=_names_guests),
    Question(8, f"{_SEALED}.reason", _reason, is_asked=_seals),
    Question(9, "administrator.name", _account, _always("admin")),
)


def hold(
    terminal: Terminal, language: Language, guess: Guess, typed: dict[str, str] | None = None
) -> Document:
    """Ask everything, and return the answers as a file of them would hold them.

    ``typed`` gets each answer as it was typed; given again, it is what Enter takes.

    Raises:
        EOFError: the answers end before the questions.
    """
    answers: Document = {"language": language.tag}
    typed = {} if typed is None else typed
    if not typed:
        terminal.say(language.text("welcome"))
    for question, is_first in _with_headings():
        if is_first:
            terminal.say("")
            number, most = question.number, QUESTIONS[-1].number
            heading = language.text(f"heading.{number}")
            terminal.say(language.text("heading", number=number, most=most, heading=heading))
        if question.is_asked(answers):
            default = typed.get(question.key) or question.default(answers, guess) or ""
            text, value = _ask(terminal, language, question, default)
            typed[question.key] = text
            _put(answers, question.key, value)
    return _as_in_a_file(answers)


def _as_in_a_file(answers: Document) -> Document:
    """Put in what follows from the answers: what plain text allows, which ways in are left."""
    kind = answers.pop(_KIND, "")
    if kind == "none":
        methods = [method for method in answers["login_methods"] if method != "card"]
        answers["login_methods"] = methods or ["code"]
    system, rest = answers.get("library_system", {}), answers.get("library_rest", {})
    if rest:
        rest["kind"] = kind
    if system.get("tls") == "off":
        system["plain_text_is_safe_here"] = True
    if rest.get("url", "").startswith("http:"):
        rest["plain_text_is_safe_here"] = True
    return answers


def _with_headings() -> Iterator[tuple[Question, bool]]:
    number = 0
    for question in QUESTIONS:
        yield question, question.number != number
        number = question.number


def _ask(
    terminal: Terminal, language: Language, question: Question, default: str
) -> tuple[str, Any]:
    """Return what was typed, or taken by Enter, and what it means."""
    offered = ("*" * 8 if question.is_secret else default) if default else ""
    prompt = f"  {language.text(question.key)}{f' [{offered}]' if offered else ''}: "
    while True:
        text = terminal.ask(prompt, is_secret=question.is_secret).strip() or default
        try:
            return text, question.read(text)
        except (ValueError, ValidationError):
            terminal.say(f"  {language.text(f'{question.key}.refused')}")


def _put(answers: Document, key: str, value: Any) -> None:
    if value is None:
        return
    *tables, name = key.split(".")
    inside = answers
    for table in tables:
        inside = inside.setdefault(table, {})
    inside[name] = value
