"""The words of a site's pages: one table a language, keyed by the codes of the copy deck.

Not gettext: the codes are a contract (the guest site's with portal/services/outcomes.py), and a
table in which a key or a field is missing must not start. Read once, at start.
"""

import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FORMATTER = string.Formatter()


@dataclass(frozen=True, slots=True)
class Language:
    """A released language: its tag (BCP 47), direction, own name and table of texts."""

    tag: str
    direction: str
    own_name: str
    texts: Mapping[str, str]

    def text(self, key: str, /, **values: object) -> str:
        """Return the text with its fields filled.

        Raises:
            KeyError: no such text, or a field without its value: a bug, not a guest's fault.
        """
        return self.texts[key].format(**values)


_RELEASED = (("sv", "ltr", "Svenska"), ("en", "ltr", "English"))
"""Only languages that a native reviewer has signed off are shown."""


def load_languages(*folders: Path) -> tuple[Language, ...]:
    """Read every released language of a site; each folder holds one file a language.

    Raises:
        ValueError: a language lacks a text or a field that another has, or has a text twice.
    """
    languages = tuple(
        Language(tag, direction, name, _merged(folders, tag)) for tag, direction, name in _RELEASED
    )
    for language in languages[1:]:
        _compare(languages[0], language)
    return languages


def _merged(folders: Iterable[Path], tag: str) -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for folder in folders:
        more = tomllib.loads((folder / f"{tag}.toml").read_text("utf-8"))
        if twice := texts.keys() & more.keys():
            raise ValueError(f"{tag} has texts twice: {sorted(twice)}")
        texts |= more
    return texts


def fields_of(text: str) -> frozenset[str]:
    """Return the names of the fields in a text."""
    return frozenset(name for _, name, _, _ in _FORMATTER.parse(text) if name)


def choose_language(
    languages: tuple[Language, ...], asked: str | None, accept: str, default: str
) -> Language:
    """Choose by the link first, then by Accept-Language (RFC 9110 section 12.5.4).

    Whoever prefers only languages we do not have gets English, whoever states nothing the default.
    """
    by_tag = {language.tag: language for language in languages}
    if asked in by_tag:
        return by_tag[asked]
    wanted = _preferences(accept)
    for tag in wanted:
        if tag in by_tag:
            return by_tag[tag]
    return by_tag["en" if wanted else default]


def _preferences(accept: str) -> list[str]:
    """Return primary tags in order of preference. At most 20 are read: longer lists are attacks."""
    ranked: list[tuple[float, str]] = []
    for item in accept.split(",")[:20]:
        tag, _, parameter = item.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if primary.isalpha() and quality > 0:
            ranked.append((-quality, primary))
    return [primary for _, primary in sorted(ranked, key=lambda pair: pair[0])]


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _compare(first: Language, other: Language) -> None:
    if missing := first.texts.keys() ^ other.texts.keys():
        raise ValueError(f"{first.tag} and {other.tag} differ in texts: {sorted(missing)}")
    for key, text in first.texts.items():
        if fields_of(text) != fields_of(other.texts[key]):
            raise ValueError(f"{first.tag} and {other.tag} differ in the fields of {key}")
