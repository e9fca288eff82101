"""Composes the commands about the key that card numbers are sealed to."""

import os
from pathlib import Path

from portal.composition.start import StartError
from portal.config import Config
from portal.domain.identity import Secret
from portal.services.identity_key import (
    SHORTEST_PASSPHRASE,
    NotTheKeyError,
    make_pair,
    read_private,
)


def make_key(file: Path, passphrase: str) -> str:
    """Make a key pair, and say what to configure.

    Raises:
        StartError: the passphrase is too short, or the file is there already or cannot be written.
    """
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise StartError(
            f"a passphrase has at least {SHORTEST_PASSPHRASE} characters, or six words"
        )
    public, private = make_pair(Secret(passphrase))
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(private.reveal() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
    except OSError as problem:
        raise StartError(f"{file}: {problem.strerror}; nothing was made") from problem
    return (
        f"The private key is in {file}, under the passphrase. Move it off this machine, to two\n"
        "places, with the passphrase elsewhere. Without both nobody opens anything.\n"
        "Then configure:\n\n"
        "[sealed_identity]\n"
        f'public_key = "{public}"\n'
        'reason = "…"\n\n'
        "and seal_identity = true at the sites that need it."
    )


def check_key(config: Config, file: Path, passphrase: str) -> str:
    """Say whether a private key is the other half of the one that is configured.

    Raises:
        StartError: it is not, or cannot be read.
    """
    if config.sealed_identity is None:
        raise StartError("no [sealed_identity] in the configuration: nothing is sealed")
    try:
        text = file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise StartError(f"{file} cannot be read: {problem}") from problem
    try:
        private = read_private(Secret(text), Secret(passphrase))
    except NotTheKeyError as problem:
        raise StartError(f"{file} is no private key, or the passphrase is another") from problem
    if not private.belongs_to(config.sealed_identity.public_key):
        raise StartError(f"{file} is another key's than [sealed_identity] public_key")
    return f"{file} opens what is sealed now"
