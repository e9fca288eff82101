"""The TLS of RADIUS/TLS: our certificate, and the authority whose certificates we believe.

The door fails closed: without all of its files there is no context, and what ran with an older one
runs on.
The rule to keep: both sides prove themselves, and not by what they proved yesterday.
Source: RFC 6614 section 2.3, RFC 9765 section 3 (what is offered by ALPN).
"""

import ssl
from dataclasses import dataclass
from pathlib import Path


class TlsFilesError(Exception):
    """A certificate, a key or the authority cannot be used; the text says which, never the key."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate with its chain, its key, and the access points' authority."""

    certificate: Path
    key: Path
    client_authority: Path


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
    return context


def _no_password() -> str:
    """Nobody sits at a terminal to type one."""
    raise ValueError("the key is encrypted; Kvar needs one that is not")


def _why(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLError):
        return (problem.reason or "not PEM").lower().replace("_", " ")
    return getattr(problem, "strerror", None) or str(problem)
