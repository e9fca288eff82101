"""The organisation's key pair, to which card numbers are sealed: a public and a private half.

The private half is made by a command, leaves it encrypted under a passphrase, and stands on none of
our machines; whoever reveals brings it along. The rule to keep: here is no way to open anything
without it, and it is never written down in clear.
"""

import base64
import binascii
import hashlib
import secrets

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from portal.domain.identity import Secret

MARK = "kvar-identity-key-1:"
"""Begins the private half's one line of text, which tells people what they have found."""

SHORTEST_PASSPHRASE = 16

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
"""RFC 9180, base mode: a fresh key for every text, and nobody proves who sealed."""

_INFO = b"kvar sealed identity 1\0"
_BLOCK = 64
"""Bytes. No card number is longer than that many characters; so its length does not show."""

_FINGERPRINT_BYTES = 4
_SALT_BYTES, _NONCE_BYTES, _KEY_BYTES, _TAG_BYTES = 16, 12, 32, 16


class NotTheKeyError(Exception):
    """The private half cannot be read: it is none, or the passphrase is another."""


class AnotherKeyError(Exception):
    """It is a private half, but not that of the key which this was sealed to."""


class IdentityKey:
    """The public half: it seals."""

    def __init__(self, text: str) -> None:
        """Read what ``make_pair`` gave.

        Raises:
            ValueError: it is no key that can be sealed to.
        """
        raw = base64.b64decode(text, validate=True)
        self._public = X25519PublicKey.from_public_bytes(raw)
        self._fingerprint = _fingerprint(raw)
        self.seal(Secret("0"), b"")  # a point of low order is refused here, not at a log-in

    def seal(self, card: Secret, about: bytes) -> bytes:
        """Return the card's number, sealed; it opens only for the same ``about``."""
        plain = card.reveal().encode()
        padded = plain + bytes(-len(plain) % _BLOCK)
        return self._fingerprint + _SUITE.encrypt(padded, self._public, info=_INFO + about)


class PrivateIdentityKey:
    """The private half: it opens. Held for as long as one opening takes."""

    def __init__(self, key: X25519PrivateKey) -> None:
        self._private = key
        self._fingerprint = _fingerprint(key.public_key().public_bytes_raw())

    def belongs_to(self, public: str) -> bool:
        """Say whether it is the other half of this key."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode() == public

    def open(self, sealed: bytes, about: bytes) -> Secret:
        """Return the card's number.

        Raises:
            AnotherKeyError: it was sealed to another key, about something else, or was changed.
        """
        head, rest = sealed[:_FINGERPRINT_BYTES], sealed[_FINGERPRINT_BYTES:]
        if head != self._fingerprint:
            raise AnotherKeyError
        try:
            padded = _SUITE.decrypt(rest, self._private, info=_INFO + about)
        except (InvalidTag, ValueError) as problem:
            raise AnotherKeyError from problem
        return Secret(padded.rstrip(b"\0").decode())


def make_pair(passphrase: Secret) -> tuple[str, Secret]:
    """Make a key pair: the public half as text, the private one as a line under the passphrase."""
    key = X25519PrivateKey.generate()
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    cipher = AESGCM(_stretched(passphrase, salt))
    locked = salt + nonce + cipher.encrypt(nonce, key.private_bytes_raw(), MARK.encode())
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return public, Secret(MARK + base64.b64encode(locked).decode())


def read_private(text: Secret, passphrase: Secret) -> PrivateIdentityKey:
    """Return the private half; takes a tenth of a second and 64 MiB, so not on the event loop.

    Raises:
        NotTheKeyError: the text or the passphrase is wrong.
    """
    line = text.reveal().strip()
    try:
        if not line.startswith(MARK):
            raise NotTheKeyError
        locked = base64.b64decode(line.removeprefix(MARK), validate=True)
        if len(locked) != _SALT_BYTES + _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES:
            raise NotTheKeyError
        salt, rest = locked[:_SALT_BYTES], locked[_SALT_BYTES:]
        nonce, body = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        raw = AESGCM(_stretched(passphrase, salt)).decrypt(nonce, body, MARK.encode())
    except (binascii.Error, InvalidTag) as problem:
        raise NotTheKeyError from problem
    return PrivateIdentityKey(X25519PrivateKey.from_private_bytes(raw))


def _stretched(passphrase: Secret, salt: bytes) -> bytes:
    """Argon2id with the second choice of RFC 9106, section 4: three passes over 64 MiB."""
    return hash_secret_raw(passphrase.reveal().encode(), salt, 3, 1 << 16, 4, _KEY_BYTES, Type.ID)


def _fingerprint(public: bytes) -> bytes:
    """Tell a changed key pair from a changed text; not a proof of anything."""
    return hashlib.sha256(public).digest()[:_FINGERPRINT_BYTES]
