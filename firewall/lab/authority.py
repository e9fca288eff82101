"""The lab's certificate authority: one root, and leaf certificates signed by it.

Not for production. RSA 2048 with SHA-256 everywhere, because phones before Android 5 and the
oldest Windows clients verify nothing newer reliably. Keys never leave the lab's run directory.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import hashlib
import ipaddress
from typing import TYPE_CHECKING, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Sequence

RSA_BITS = 2048
AUTHORITY_VALID = dt.timedelta(days=3650)
LEAF_VALID = dt.timedelta(days=90)
# A phone's clock may be a little behind the one that issued.
BACKDATED = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Files of one server certificate: `chain` (leaf, then root) and `key`, both PEM."""

    chain: pathlib.Path
    key: pathlib.Path


class Authority:
    """A root certificate and its key. `create` makes a new one."""

    def __init__(
        self, directory: pathlib.Path, certificate: x509.Certificate, key: rsa.RSAPrivateKey
    ) -> None:
        self.directory = directory
        self.certificate = certificate
        self.certificate_file = directory / "authority.pem"
        """What browsers and phones of the lab trust."""
        self._key = key
        self._leaf_key = rsa.generate_private_key(65537, RSA_BITS)

    @classmethod
    def create(cls, directory: pathlib.Path, now: dt.datetime) -> Self:
        """A new root, valid for ten years from `now`, written to `directory`/authority.pem."""
        key = rsa.generate_private_key(65537, RSA_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kvar lab authority")])
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        authority = cls(directory, certificate, key)
        authority.certificate_file.write_bytes(_pem(certificate))
        return authority

    @property
    def spki_hash(self) -> str:
        """Base64 SHA-256 of the root's public key, as Chromium's spki list wants it."""
        raw = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(hashlib.sha256(raw).digest()).decode("ascii")

    def issue(
        self,
        names: Sequence[str],
        now: dt.datetime,
        *,
        valid: dt.timedelta = LEAF_VALID,
    ) -> ServerCertificate:
        """A certificate for these host names or addresses, written as <first name>.pem and .key.

        All leaves share one key pair: making one costs a tenth of a second, signing a millisecond.
        """
        chain = self.directory / f"{names[0].replace(':', '_')}.pem"
        key = chain.with_suffix(".key")
        chain.write_bytes(self.issue_chain(names, now, valid=valid))
        key.touch(mode=0o600)
        key.write_bytes(self.leaf_key_pem())
        return ServerCertificate(chain, key)

    def issue_chain(
        self,
        names: Sequence[str],
        now: dt.datetime,
        *,
        valid: dt.timedelta = LEAF_VALID,
    ) -> bytes:
        """The PEM chain, leaf first, root last, for the key of `leaf_key_pem`."""
        public = self._leaf_key.public_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self.certificate.subject, public, now, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([_general(name) for name in names]), critical=False
            )
            .add_extension(authority_key, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _pem(certificate) + _pem(self.certificate)

    def leaf_key_pem(self) -> bytes:
        """The private key that all leaves share, PEM, without a passphrase."""
        return self._leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPublicKey,
    now: dt.datetime,
    valid: dt.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + valid)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs_certificates,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
