"""The TLS of RADIUS/TLS: our certificate, and the authority whose certificates we believe.

The door fails closed: without all of its files there is no context, and what ran with an older one
runs on.
The rule to keep: both sides prove themselves, and not by what they proved yesterday.
Source: RFC 6614 section 2.3, RFC 9765 section 3 (what is offered by ALPN).
"""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509


class TlsFilesError(Exception):
    """A certificate, a key or the authority cannot be used; the text says which, never the key."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate with its chain, its key, and the access points' authority.

    ``revoked`` is the authority's list of certificates that are no good any more (RFC 5280 section
    5); None: none is looked at.
    """

    certificate: Path
    key: Path
    client_authority: Path
    revoked: Path | None = None


@dataclass(frozen=True, slots=True)
class Revoked:
    """Serial numbers of certificates; ``good_until``: who connects later is refused."""

    serials: frozenset[int] = frozenset()
    good_until: datetime | None = None


def load_context(files: TlsFiles) -> ssl.SSLContext:
    """Read the files into a context for new connections.

    Raises:
        TlsFilesError: one cannot be read, or does not fit the others.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    # A ticket would let somebody come back for hours whose certificate has expired meanwhile.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET
    # What is spoken here. An offer of `radius/1.1` (RFC 9765) alone is not taken up: that client
    # goes away, as it must. Who offers nothing gets the same.
    context.set_alpn_protocols(["radius/1.0"])
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as problem:
        raise TlsFilesError(f"{files.certificate} and {files.key}: {_why(problem)}") from problem
    try:
        context.load_verify_locations(cafile=files.client_authority)
    except OSError as problem:
        raise TlsFilesError(f"{files.client_authority}: {_why(problem)}") from problem
    if files.revoked is not None:
        read_revoked(files)  # what OpenSSL says of a wrong list, nobody understands
        context.load_verify_locations(cafile=files.revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def read_revoked(files: TlsFiles) -> Revoked:
    """Return the certificates that are no good any more.

    A list that is over its time is read as well: nobody connects anew under it (OpenSSL says so),
    and who is connected stays.

    Raises:
        TlsFilesError: the list cannot be read, or is not the authority's.
    """
    if files.revoked is None:
        return Revoked()
    try:
        found = x509.load_pem_x509_crl(files.revoked.read_bytes())
        authorities = x509.load_pem_x509_certificates(files.client_authority.read_bytes())
    except (OSError, ValueError) as problem:
        raise TlsFilesError(f"{files.revoked}: {_why(problem)}") from problem
    if not any(_is_signed(found, authority) for authority in authorities):
        raise TlsFilesError(f"{files.revoked}: is not signed by {files.client_authority}")
    return Revoked(frozenset(one.serial_number for one in found), found.next_update_utc)


def _is_signed(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    key = authority.public_key()
    if found.issuer != authority.subject:
        return False
    return found.is_signature_valid(key)  # type: ignore[arg-type] # of any kind that signs


def _no_password() -> str:
    """Nobody sits at a terminal to type one."""
    raise ValueError("the key is encrypted; Kvar needs one that is not")


def _why(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLError):
        return (problem.reason or "not PEM").lower().replace("_", " ")
    return getattr(problem, "strerror", None) or str(problem)
