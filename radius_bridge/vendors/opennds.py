"""openNDS: its redirect to a forwarding authentication service, and the hash that lets in.

No RADIUS. At levels 1 (Base64) and 2 (AES) of `fas_secure_enabled` the browser carries our answer;
at 4 and 3, which write the same two redirects, the gateway asks for it (opennds_authmon.py).
The rule to keep: nothing proves that the gateway wrote the redirect. Level 1 is in clear, and CBC
without a check lets whoever has one redirect change the next; all that is believed is that its
gateway is registered. The answer lets in the device whose `hid` it is, and that need not be the
one of `clientmac`: it is for who has shown a card, never for a device that is known. What follows
the pairs is rubbish of the gateway's, so pairs that are not understood are not an error.
Source: openNDS 9.10 documentation, "Forwarding Authentication Service"; `fas-hid.php` and
`fas-aes.php` of the project.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from urllib.parse import unquote

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from radius_bridge.secret import Secret
from radius_bridge.vendors import without_coa
from radius_bridge.vendors.family import (
    LoginToken,
    NotBelieved,
    PortalSettings,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.opennds_authmon import hash_of_written
from radius_bridge.vendors.redirects import (
    address_at,
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_query,
    with_parameters,
)

GATEWAY_PORTS = frozenset({2050})
"""`gatewayport`, unless the host is registered with another."""

_KEYS = frozenset({"fas", "iv"})
_PAIRS = frozenset({"hid", "clientip", "clientmac", "gatewayaddress", "originurl", "gatewayname"})
_AS_WRITTEN = frozenset({"gatewayname"})
"""Its hash is that of the escaped text."""
_BETWEEN = ", "
_HID = re.compile("[0-9a-f]{64}")
_BLOCK_OCTETS = 16
_KEY_OCTETS = 32
_AUTH = "/opennds_auth/"
_DENY = "/opennds_deny/"


class OpenNds(without_coa.HearsNothing):
    """A gateway with a `faskey`; one that asks has its name in the settings (levels 3 and 4).

    There is no RADIUS: the gateway's own session length ends a session.
    """

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read a redirect; without a key there is no way back, so it is refused.

        Level 1 is refused unless the client is registered with it.
        """
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "fas" not in query:
            return None
        if settings.secret is None:
            return NotBelieved.BAD_SIGNATURE
        if "iv" not in query and not settings.in_clear:
            return NotBelieved.BAD_SIGNATURE
        clear = _clear(query["fas"], query.get("iv"), settings.secret)
        return NotBelieved.MALFORMED if clear is None else _believed(_pairs(clear), settings)

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack | None:
        """Return the gateway's address with the answer to its `hid`; None: it asks for that."""
        del token
        if settings.secret is None or settings.gateways:
            return None
        answer = return_hash(visitor.parameters["hid"], settings.secret)
        parameters = (("tok", answer), ("redir", portal_url))
        return WayBack("GET", with_parameters(visitor.parameters["auth"], parameters))

    def way_out(self, parameters: Mapping[str, str]) -> str | None:
        """Return the gateway's own log-out."""
        return parameters["auth"].removesuffix(_AUTH) + _DENY


def return_hash(hid: str, key: Secret) -> str:
    """Return the `rhid` that the gateway compares with its own."""
    return hashlib.sha256(hid.encode("ascii") + key.reveal()).hexdigest()


def _clear(text: str, initial: str | None, key: Secret) -> str | None:
    """Return the pairs as text: Base64, or with `iv` AES-256-CBC inside of Base64 twice.

    A plus sign may have become a space on the way.
    """
    try:
        octets = base64.b64decode(text.replace(" ", "+"))
        if initial is not None:
            octets = _decrypt(base64.b64decode(octets), initial.encode("ascii"), key.reveal())
    except (binascii.Error, ValueError):  # UnicodeEncodeError is one
        return None
    return octets.decode("utf-8", "replace")


def _decrypt(octets: bytes, initial: bytes, key: bytes) -> bytes:
    """Decrypt as PHP's openssl does, the key filled with zeros; padding is rubbish at the end.

    Raises:
        ValueError: not whole blocks, or no initial block.
    """
    if not octets or len(octets) % _BLOCK_OCTETS or len(initial) != _BLOCK_OCTETS:
        raise ValueError
    filled = key[:_KEY_OCTETS].ljust(_KEY_OCTETS, b"\0")
    decryptor = Cipher(AES256(filled), CBC(initial)).decryptor()
    return decryptor.update(octets) + decryptor.finalize()


def _pairs(text: str) -> dict[str, str]:
    """Return the pairs that are understood; the first of a name counts, as in openNDS' own."""
    found: dict[str, str] = {}
    for pair in text.split(_BETWEEN):
        name, _, value = pair.partition("=")
        if name in _PAIRS and name not in found:
            found[name] = value if name in _AS_WRITTEN else unquote(value)
    return found


def _believed(pairs: Mapping[str, str], settings: PortalSettings) -> Redirected | NotBelieved:
    mac, hid = mac_of(pairs.get("clientmac")), pairs.get("hid", "")
    address = address_at(pairs.get("gatewayaddress", ""), _AUTH)
    if mac is None or address is None or not _HID.fullmatch(hid):
        return NotBelieved.MALFORMED
    if not is_ours(address, settings.hosts, GATEWAY_PORTS):
        return NotBelieved.STRANGE_HOST
    parameters = {"auth": str(address), "hid": hid}
    if settings.gateways:
        parameters["gateway"] = hash_of_written(pairs.get("gatewayname", ""))
        if parameters["gateway"] not in settings.gateways:
            return NotBelieved.STRANGE_HOST
    original = original_url(pairs, "originurl")
    return Redirected(mac, ip_of(pairs.get("clientip")), original, parameters)
