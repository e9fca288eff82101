"""Keeps a short text in the database so that nobody can read it there: AES-256-GCM.

Not a hash: what is sealed can be opened, with the key that stands outside the database. The rule to
keep: what a text is about is bound to it, so that a sealed text cannot be moved to another row.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.domain.identity import Secret
from portal.services.key_files import KeyRingError

_NONCE_BYTES = 12
"""NIST SP 800-38D section 8.2.2: random, for far fewer than 2^32 texts a key."""


class Seal:
    """Seals and opens under one key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, text: Secret, about: bytes) -> bytes:
        """Return the sealed text."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, text.reveal().encode(), about)

    def open(self, sealed: bytes, about: bytes) -> Secret:
        """Return the text.

        Raises:
            KeyRingError: it was sealed under another key, or about something else.
        """
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return Secret(self._cipher.decrypt(nonce, rest, about).decode())
        except InvalidTag as error:
            raise KeyRingError(
                "a key does not open what stands in the database; restore the keys from the backup"
            ) from error
