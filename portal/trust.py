"""What the certificates of neighbours are checked against, whoever signed them.

Not for the sites that Kvar serves. The rule to keep: what was trusted under one Python is trusted
under the next. Python 3.13 by itself refuses what is not written exactly as RFC 5280 has it, such
as a certificate without its authority's key identifier: a new Debian would cut off a library
system whose certificate nobody changed.
"""

import ssl
from pathlib import Path


def context_for(ca_file: Path | None) -> ssl.SSLContext:
    """Return what verifies chain and name; without a file, against the system's authorities.

    Raises:
        OSError: the file cannot be read, or holds no certificate (ssl.SSLError is one).
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
