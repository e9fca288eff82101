"""The TLS context of the guest site, and its renewal when the certificate's files change.

Not a certificate's maker. The rule to keep: TLS 1.2 and 1.3 only; forward secrecy always; the old
suites of Windows 7 and Android 5 stay, because a library is where old phones come to.
"""

import asyncio
import ssl
from pathlib import Path

import structlog

_log = structlog.get_logger()

# ECDHE with AES-GCM or ChaCha20 for everybody, ECDHE with AES-CBC for engines of 2015. The hash
# of the CBC suites is an HMAC, not a signature: SHA-1 there is sound, if old.
_SUITES_OF_TLS_1_2 = (
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES256+SHA384:ECDHE+AES128+SHA256:ECDHE+AES+SHA1"
)

_LOOK_INTERVAL_S = 60.0


def make_tls_context(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """Return a server context; ``certificate`` holds the whole chain, leaf first.

    Raises:
        OSError: a file cannot be read (ssl.SSLError, one of its kind, where it makes no sense).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES_OF_TLS_1_2)
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(certificate, private_key)
    return context


class CertificateWatch:
    """Loads a renewed certificate into a living context: new connections get the new one.

    A pair that does not load (half written, not matching) is tried again; the old one stays.
    """

    def __init__(self, context: ssl.SSLContext, certificate: Path, private_key: Path) -> None:
        self._context = context
        self._files = (certificate, private_key)
        self._seen = self._marks()

    def look(self) -> bool:
        """Load the files if they changed since they were last loaded; say whether it was done."""
        marks = self._marks()
        if marks is None or marks == self._seen:
            return False
        try:
            # A fresh context first: a key that does not fit would leave the living one without.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self._context.load_cert_chain(*self._files)
        except OSError as error:
            _log.error("certificate_not_loaded", reason=str(error))
            return False
        self._seen = marks
        _log.info("certificate_renewed")
        return True

    async def run(self, interval_s: float = _LOOK_INTERVAL_S) -> None:
        """Look again and again."""
        while True:
            self.look()
            await asyncio.sleep(interval_s)

    def _marks(self) -> tuple[tuple[int, int, int], ...] | None:
        try:
            stats = [file.stat() for file in self._files]
        except OSError:
            return None
        return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)
