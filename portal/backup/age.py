"""The file format of age (age-encryption.org/v1), X25519 recipients only.

Not a format of our own: ``age --decrypt -i key file`` opens what is written here. The rule to keep:
a reader gets nothing of a chunk that is not proved, and an end that is missing is an error.

Source: C2SP age.md, v1. Whoever has only the recipient (``age1…``) can write and not read.
"""

import base64
import hmac
import secrets
from collections.abc import Sequence
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.backup import bech32

INTRODUCTION = b"age-encryption.org/v1\n"
CHUNK_BYTES = 64 * 1024
_LABEL = b"age-encryption.org/v1/X25519"
_RECIPIENT, _IDENTITY = "age", "age-secret-key-"
_NONCE_BYTES = 16
_FILE_KEY_BYTES = 16
_TAG_BYTES = 16
_NO_NONCE = bytes(12)  # each wrapping key is used once
_LONGEST_LINE = 4096
_MOST_LINES = 200


class AgeError(Exception):
    """The file cannot be read with these keys, or is not whole; or a key is none."""


def new_identity() -> tuple[str, str]:
    """Return a new private key (``AGE-SECRET-KEY-1…``) and its recipient (``age1…``)."""
    key = X25519PrivateKey.generate()
    identity = bech32.encode(_IDENTITY, key.private_bytes_raw()).upper()
    return identity, bech32.encode(_RECIPIENT, key.public_key().public_bytes_raw())


def read_recipient(text: str) -> X25519PublicKey:
    """Return the public key.

    Raises:
        AgeError: it is not one.
    """
    try:
        return X25519PublicKey.from_public_bytes(bech32.decode(_RECIPIENT, text.strip()))
    except ValueError as problem:
        raise AgeError(f"not a recipient such as age1…: {problem}") from problem


def read_identities(text: str) -> list[X25519PrivateKey]:
    """Return the private keys of an identity file: one a line, ``#`` begins a comment.

    Raises:
        AgeError: there is none, or one is wrong. What was read is not in the message.
    """
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise AgeError("there is no AGE-SECRET-KEY-1… in it")
    try:
        return [X25519PrivateKey.from_private_bytes(bech32.decode(_IDENTITY, key)) for key in keys]
    except ValueError as problem:
        raise AgeError(f"not an AGE-SECRET-KEY-1…: {problem}") from problem


class Encrypting:
    """Writes to ``sink`` what only the recipients can read; ``finish`` ends it."""

    def __init__(self, sink: BinaryIO, recipients: Sequence[X25519PublicKey]) -> None:
        file_key = secrets.token_bytes(_FILE_KEY_BYTES)
        stanzas = b"".join(_stanza(file_key, recipient) for recipient in recipients)
        head = INTRODUCTION + stanzas + b"---"
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sink.write(head + b" " + _text(_header_proof(file_key, head)) + b"\n" + nonce)
        self._sink = sink
        self._chunks = _Chunks(file_key, nonce)
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        """Take more of the plain text; a full chunk goes out once it is not the last."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._sink.write(self._chunks.seal(bytes(self._waiting[:CHUNK_BYTES]), last=False))
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._sink.write(self._chunks.seal(bytes(self._waiting), last=True))
        self._waiting.clear()


class Decrypting:
    """Reads from ``source`` what was written for one of the identities.

    Raises:
        AgeError: it was written for others, changed, or cut; also from ``read``.
    """

    def __init__(self, source: BinaryIO, identities: Sequence[X25519PrivateKey]) -> None:
        head, stanzas, proof = _read_header(source)
        file_key = _unwrapped(stanzas, identities)
        if not hmac.compare_digest(_header_proof(file_key, head), proof):
            raise AgeError("its header was changed")
        nonce = source.read(_NONCE_BYTES)
        if len(nonce) < _NONCE_BYTES:
            raise AgeError("it is cut")
        self._source = source
        self._chunks = _Chunks(file_key, nonce)
        self._ready = bytearray()
        self._next = source.read(CHUNK_BYTES + _TAG_BYTES)
        self._is_over = False

    def read(self, size: int) -> bytes:
        """Return up to ``size`` octets of the plain text; empty at the proved end."""
        while not self._is_over and len(self._ready) < size:
            chunk, self._next = self._next, self._source.read(CHUNK_BYTES + _TAG_BYTES)
            self._is_over = not self._next
            self._ready += self._chunks.open(chunk, last=self._is_over)
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data


class _Chunks:
    """STREAM: each chunk under its number, the last one marked."""

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        self._cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
        self._number = 0

    def seal(self, plain: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), plain, None)

    def open(self, chunk: bytes, *, last: bool) -> bytes:
        if len(chunk) < _TAG_BYTES or (len(chunk) == _TAG_BYTES and self._number):
            raise AgeError("it is cut")
        try:
            return self._cipher.decrypt(self._nonce(last=last), chunk, None)
        except InvalidTag as problem:
            raise AgeError("it was changed, or its end is missing") from problem

    def _nonce(self, *, last: bool) -> bytes:
        number, self._number = self._number, self._number + 1
        return number.to_bytes(11, "big") + bytes([last])


def _stanza(file_key: bytes, recipient: X25519PublicKey) -> bytes:
    ephemeral = X25519PrivateKey.generate()
    share = ephemeral.public_key().public_bytes_raw()
    wrapping = _wrapping_key(ephemeral, recipient, share, recipient.public_bytes_raw())
    body = ChaCha20Poly1305(wrapping).encrypt(_NO_NONCE, file_key, None)
    return b"-> X25519 " + _text(share) + b"\n" + _text(body) + b"\n"


def _wrapping_key(
    ours: X25519PrivateKey, theirs: X25519PublicKey, share: bytes, recipient: bytes
) -> bytes:
    return _derived(ours.exchange(theirs), share + recipient, _LABEL)


def _read_header(source: BinaryIO) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Return the header up to its proof, the X25519 stanzas (share, body), and the proof."""
    head = source.readline(_LONGEST_LINE)
    if head != INTRODUCTION:
        raise AgeError("it is not a file of age")
    stanzas: list[tuple[bytes, bytes]] = []
    share: bytes | None = None
    for _ in range(_MOST_LINES):
        line = source.readline(_LONGEST_LINE)
        if line.startswith(b"--- "):
            return head + b"---", stanzas, _octets(line[4:])
        head += line
        words = line.split()
        if line.startswith(b"-> "):
            is_ours = len(words) == 3 and words[1] == b"X25519"
            share = _octets(words[2]) if is_ours else None
        elif share is not None:
            stanzas.append((share, _octets(line)))
            share = None
    raise AgeError("its header does not end")


def _unwrapped(
    stanzas: Sequence[tuple[bytes, bytes]], identities: Sequence[X25519PrivateKey]
) -> bytes:
    for share, body in stanzas:
        for identity in identities:
            try:
                theirs = X25519PublicKey.from_public_bytes(share)
                ours = identity.public_key().public_bytes_raw()
                wrapping = _wrapping_key(identity, theirs, share, ours)
                return ChaCha20Poly1305(wrapping).decrypt(_NO_NONCE, body, None)
            except (InvalidTag, ValueError):
                continue
    raise AgeError("it was written for another key than the one given")


def _header_proof(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), head, "sha256")


def _derived(key: bytes, salt: bytes, label: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt, label).derive(key)


def _text(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _octets(text: bytes) -> bytes:
    text = text.strip()
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except ValueError as problem:
        raise AgeError("its header is damaged") from problem
