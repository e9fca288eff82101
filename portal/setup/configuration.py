"""The configuration file that follows from the answers, and whether somebody has edited it. Pure.

The rule to keep: a file with a foreign hand in it is recognised, and never replaced in silence.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr

from portal.config_library import LibraryRest, LibrarySystem
from portal.config_sites import WEEKDAYS
from portal.setup.answers import Answers

BACKUPS_DAYS = 14
"""Twice the seven that stay: a week without backups is noticed before the last one goes."""

_SEAL = "# Written by kvar setup, and not edited since as long as this fits: "
_MORE = "# Every key: docs/configuration.md. After a change: kvar config check"


def render(answers: Answers, dsn: str, user: str = "") -> str:
    """Return the file's text; ``dsn`` is empty for a private PostgreSQL.

    ``user`` runs the processes, and ``user``-gate the gate, which answers to both; empty: whoever
    starts them.
    """
    body = "\n".join([_MORE, *_sections(answers, dsn), *_users(user)]) + "\n"
    return f"{_SEAL}{_fingerprint(body)}\n{body}"


def is_ours(text: str) -> bool:
    """Say whether ``kvar setup`` wrote this, and nobody has changed it since."""
    first, _, body = text.partition("\n")
    return first == _SEAL + _fingerprint(body)


def _fingerprint(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def _sections(answers: Answers, dsn: str) -> Iterator[str]:
    who, network = answers.municipality, answers.network
    yield from _section(
        "[organisation]",
        name=who.name,
        default_language=answers.language,
        contact_email=who.contact_email,
        data_protection_contact=who.data_protection_contact,
        ssid=network.ssid,
        wifi_password=network.wifi_password.get_secret_value(),
        data_directory=answers.machine.data_directory,
    )
    yield from _section(
        "[portal]",
        host_name=network.portal_host_name,
        certificate_file=network.certificate_file,
        private_key_file=network.private_key_file,
    )
    yield from _staff(answers)
    yield from _section("[database]", dsn=dsn)
    yield from _section("[gate]", uplink_interfaces=answers.interfaces.uplink)
    if answers.library_system is not None:
        yield from _section("[library_system]", **_answered(answers.library_system))
    if answers.library_rest is not None:
        yield from _section("[library_rest]", **_answered(answers.library_rest))
    days = answers.privacy.keep_days
    yield from _section(
        "[retention]", sessions_days=days, events_days=days, backups_days=BACKUPS_DAYS
    )
    recipient = answers.privacy.backup_recipient
    if recipient is not None:
        yield from _section("[backup]", recipients=[recipient])
    sealed = answers.privacy.sealed_identity
    if sealed is not None:
        yield from _section("[sealed_identity]", public_key=sealed.public_key, reason=sealed.reason)
    yield from _site(answers)


def _users(user: str) -> Iterator[str]:
    if user:
        yield from _section("[processes]", user=user, gate_user=f"{user}-gate")


def _staff(answers: Answers) -> Iterator[str]:
    side = answers.interfaces
    # Plain HTTP only for a browser on this machine: it counts localhost as secure.
    is_plain = side.staff_host_name == "localhost"
    yield from _section(
        "[staff]",
        host_name=side.staff_host_name,
        address=side.management_address,
        certificate_file="" if is_plain else side.staff_certificate_file,
        private_key_file="" if is_plain else side.staff_private_key_file,
    )


def _answered(section: LibrarySystem | LibraryRest) -> dict[str, object]:
    """Return the keys that were answered, secrets included."""
    given = section.model_dump(exclude_unset=True)
    return {
        key: value.get_secret_value() if isinstance(value, SecretStr) else value
        for key, value in given.items()
    }


def _site(answers: Answers) -> Iterator[str]:
    yield from _section(
        "[[sites]]",
        id=answers.library.short_name,
        name=answers.library.name,
        guest_interfaces=answers.interfaces.guest,
        login_methods=[method.value for method in answers.login_methods],
        privacy_level=int(answers.privacy.level),
        seal_identity=answers.privacy.sealed_identity is not None or None,
        open_network=not answers.network.wifi_password.get_secret_value(),
        support_phone=answers.library.support_phone,
    )
    hours = answers.opening_hours
    if hours is not None:
        spans = {day: getattr(hours, day) for day in WEEKDAYS}
        yield from _section("[sites.opening_hours]", **spans)
        for exception in hours.exceptions:
            yield from ("", "[[sites.opening_hours.exceptions]]", f"date = {exception.date}")
            yield f"hours = {_value(exception.hours)}"


def _section(heading: str, **keys: object) -> Iterator[str]:
    """Yield a table; what is empty is left to its default."""
    yield from ("", heading)
    for key, value in keys.items():
        if value not in ("", [], None):
            yield f"{key} = {_value(value)}"


def _value(value: object) -> str:
    """Return it as TOML, whose strings, numbers, booleans and lists are those of JSON."""
    plain = str(value) if isinstance(value, Path) else value
    return json.dumps(plain, ensure_ascii=False).replace("\x7f", "\\u007f")
