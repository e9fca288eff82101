"""TLS towards a SIP2 server: the context, and the check of a pinned certificate.

The rule to keep: no setting here ever makes a connection plain or unverified.
"""

import hmac
import ssl
from dataclasses import dataclass

from portal.library.sip2.settings import Sip2SettingsError, TlsMode, TlsSettings
from portal.trust import context_for


@dataclass(frozen=True, slots=True)
class Protection:
    """How to connect: ``context`` None is plain text; ``pinned`` is a certificate in DER."""

    context: ssl.SSLContext | None
    pinned: bytes | None = None

    def accepts(self, shown: bytes | None) -> bool:
        """Say whether the certificate the server showed (DER) is the pinned one, if one is."""
        return self.pinned is None or hmac.compare_digest(shown or b"", self.pinned)


def load_protection(settings: TlsSettings) -> Protection:
    """Read the certificate files.

    Raises:
        Sip2SettingsError: a file is missing or holds no certificate or key.
    """
    if settings.mode is TlsMode.OFF:
        return Protection(None)
    try:
        return _load(settings)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Sip2SettingsError(f"tls: a certificate or key cannot be read ({error})") from error


def _load(settings: TlsSettings) -> Protection:
    pins = settings.mode is TlsMode.PIN
    context = context_for(settings.ca_file)
    if settings.client_certificate_file is not None:
        context.load_cert_chain(settings.client_certificate_file, settings.client_key_file)
    if not pins or settings.ca_file is None:
        return Protection(context)
    # The chain is not asked: the certificate itself is compared, before anything is sent.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Protection(context, _first_certificate(settings.ca_file.read_text("utf-8")))


def _first_certificate(text: str) -> bytes:
    """Return the file's first certificate in DER; keys and comments may stand around it."""
    start, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER)
    return ssl.PEM_cert_to_DER_cert(text[start : end + len(ssl.PEM_FOOTER)])
