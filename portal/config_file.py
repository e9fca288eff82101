"""Reading the configuration file: every problem found at once, each with its way out.

Not the meaning of the keys (config.py), nor what is impossible between them
(config_contradictions.py). The rule to keep: what is unknown or impossible is refused with the
file, the key and what to do; nothing is guessed and nothing is ignored.
"""

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from pwd import getpwuid
from typing import Any

from pydantic import TypeAdapter, ValidationError

from portal import config_renames
from portal.config import Config
from portal.config_contradictions import Problem, Sites, contradictions
from portal.config_reference import model_in
from portal.config_sites import SiteSection

DEFAULT_PATH = Path("/etc/kvar/kvar.toml")


class ConfigError(Exception):
    """The file cannot be used. ``problems`` holds every reason found."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.path = path
        self.problems = problems


def load(path: Path, warn: Callable[[str], None] = lambda _: None) -> Config:
    """Read and check the file; ``warn`` is told of keys that have other names now.

    Raises:
        ConfigError: it is missing, is not TOML, or has unknown keys or impossible values.
    """
    return parse(_read(path), path, warn)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        way_out = "no such file; kvar setup makes it, and --config names another"
        raise ConfigError(path, [Problem("", way_out)]) from problem
    except PermissionError as problem:
        user = getpwuid(os.geteuid()).pw_name
        way_out = (
            f"cannot be read by {user}: ask as root, or if the processes cannot read it either:"
        )
        way_out += f" chgrp kvar {path} && chmod 640 {path}"
        raise ConfigError(path, [Problem("", way_out)]) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(path, [Problem("", f"cannot be read: {problem}")]) from problem


def parse(text: str, path: Path, warn: Callable[[str], None] = lambda _: None) -> Config:
    """Check the text of a file; ``path`` only names it in the problems.

    Raises:
        ConfigError: as in ``load``.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(path, [Problem("", f"not TOML: {problem}")]) from problem
    document, warnings = config_renames.with_new_names(document, config_renames.RENAMED)
    for warning in warnings:
        warn(f"{path}: {warning}")
    sections, problems = _sections(document)
    problems.extend(contradictions(_sound_sites(document.get("sites")), sections))
    if problems:
        raise ConfigError(path, problems)
    return Config(**sections)


def _sections(document: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Validate each section by itself, so that one bad section does not hide the others."""
    sections: dict[str, Any] = {}
    fields = Config.model_fields
    problems = [Problem(key, _unknown(key, list(fields))) for key in document if key not in fields]
    for key, field in fields.items():
        if key not in document:
            if field.is_required():
                problems.append(Problem(key, f"missing; add {_heading(key)}"))
            continue
        try:
            sections[key] = TypeAdapter[Any](_annotation(key)).validate_python(document[key])
        except ValidationError as error:
            problems.extend(_explain(key, detail, field.annotation) for detail in error.errors())
    return sections, problems


def _annotation(key: str) -> Any:
    return Config.model_fields[key].annotation


def _heading(key: str) -> str:
    return f"[[{key}]]" if key == "sites" else f"[{key}]"


def _unknown(key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    guess = f"; did you mean {near[0]}?" if near else f"; known keys: {', '.join(known)}"
    return f"unknown key{guess}"


def _explain(section: str, detail: Any, annotation: Any) -> Problem:
    location = [part for part in detail["loc"] if not isinstance(part, str) or part]
    key = section + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location
    )
    if detail["type"] == "extra_forbidden":
        return Problem(key, _unknown(str(location[-1]), _known_keys(annotation, location[:-1])))
    if detail["type"] == "missing":
        return Problem(key, "missing; this key is required")
    message = str(detail["msg"]).removeprefix("Value error, ")
    return Problem(key, message[:1].lower() + message[1:])


def _known_keys(annotation: Any, location: list[int | str]) -> list[str]:
    """Return the keys of the model that stands at ``location`` inside ``annotation``."""
    model = model_in(annotation)
    for part in location:
        if model is not None and isinstance(part, str):
            model = model_in(model.model_fields[part].annotation)
    return list(model.model_fields) if model is not None else []


def _sound_sites(value: Any) -> Sites:
    """Return the sites that are right by themselves, so that one bad site hides no other."""
    sound: Sites = {}
    for index, site in enumerate(value if isinstance(value, list) else []):
        with suppress(ValidationError):
            sound[index] = SiteSection.model_validate(site)
    return sound
