"""MikroTik's hotspot: a login page that sends the browser here, CHAP by its form, MAC logins.

Not the router's page itself: it hands on the variables that docs/access-points/mikrotik.md lists.
The rule to keep: the router counts from its own side, so `rx` is the device's upload and stands
first; and a device that a hotspot rejected has no session that a CoA could change.
Source: MikroTik, "Hotspot customisation" and "RADIUS" (help.mikrotik.com); the CHAP variables as
octal escapes: RouterOS 2.9 reference manual, "HotSpot Gateway".
"""

import hashlib
import re
from collections.abc import Mapping

from radius_bridge.access import Bandwidth, Grant, Station
from radius_bridge.vendors import standard
from radius_bridge.vendors.family import (
    DynamicMessage,
    DynamicVerb,
    LoginToken,
    NotBelieved,
    PortalSettings,
    Reach,
    Redirected,
    WayBack,
)
from radius_bridge.vendors.redirects import (
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_address,
    read_query,
    with_parameters,
)
from radius_bridge.wire import Attribute

_KEYS = frozenset(
    {"mac", "ip", "link-login-only", "link-orig", "error", "chap-id", "chap-challenge"}
)
_LOGIN = "/login"
_LOGOUT = "/logout"
_ESCAPED = re.compile(r"\\([0-3][0-7]{2})")
_CHALLENGE_MAX_OCTETS = 64
"""RouterOS has 16; RFC 2865 leaves room for more."""
_WITHOUT_LIMIT = "0"


class MikroTik(standard.Standard):
    """A hotspot with `use-radius` and `radius incoming`."""

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return the rate limit, and the user profile as the role."""
        del station
        rate = _rate_limit(grant.bandwidth)
        return (
            *standard.text("Mikrotik-Rate-Limit", rate),
            *standard.text("Mikrotik-Group", grant.role),
        )

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return the name with the session, or with the device's address before accounting."""
        name = standard.user_name(station)
        session = standard.accounting_session(station) or standard.framed_ip(station)
        return (*name, *session, *standard.nas(station)) if name and session else ()

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a Disconnect or a CoA; None for who has to log in by the form."""
        if verb is DynamicVerb.ADMIT:
            return None
        return super().dynamic(verb, grant, station)

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE where the router can find the session."""
        del role
        is_named = self.is_found(station) and bool(self.keys(station))
        return Reach.CHANGE if is_named else Reach.NOTHING

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read what the hotspot's login page handed on."""
        query = read_query(raw_url, _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "link-login-only" not in query:
            return None
        mac, address = mac_of(query.get("mac")), read_address(query["link-login-only"])
        parameters = _chap(query)
        if mac is None or address is None or parameters is None:
            return NotBelieved.MALFORMED
        if not is_ours(address, settings.hosts) or (address.path, address.query) != (_LOGIN, None):
            return NotBelieved.STRANGE_HOST
        return Redirected(
            mac,
            ip_of(query.get("ip")),
            original_url(query, "link-orig"),
            {"login": str(address), **parameters},
            failed=bool(query.get("error")),
        )

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack:
        """Return the hotspot's login, by CHAP where its page asked for that."""
        del settings
        fields = (
            ("username", token.user_name),
            ("password", _password(visitor.parameters, token)),
            ("dst", portal_url),
            ("popup", "false"),
        )
        return WayBack("GET", with_parameters(visitor.parameters["login"], fields))

    def way_out(self, parameters: Mapping[str, str]) -> str | None:
        """Return the hotspot's own log-out."""
        return parameters["login"].removesuffix(_LOGIN) + _LOGOUT


def _rate_limit(bandwidth: Bandwidth) -> str | None:
    """Return ``rx/tx`` as the router sees it: upload first, both always."""
    if bandwidth == Bandwidth():
        return None
    return f"{_rate(bandwidth.upload_bit_s)}/{_rate(bandwidth.download_bit_s)}"


def _rate(bit_s: int | None) -> str:
    if bit_s is None:
        return _WITHOUT_LIMIT
    for unit, factor in (("M", 1_000_000), ("k", 1000)):
        if bit_s and bit_s % factor == 0:
            return f"{bit_s // factor}{unit}"
    return str(max(1, bit_s))


def _chap(query: Mapping[str, str]) -> dict[str, str] | None:
    """Return identifier and challenge in hexadecimal, nothing for PAP, None for nonsense."""
    identifier, challenge = query.get("chap-id", ""), query.get("chap-challenge", "")
    if not identifier and not challenge:
        return {}
    one, many = _octets(identifier), _octets(challenge)
    if one is None or many is None or len(one) != 1 or not 0 < len(many) <= _CHALLENGE_MAX_OCTETS:
        return None
    return {"chap-id": one.hex(), "chap-challenge": many.hex()}


def _octets(text: str) -> bytes | None:
    """Undo the octal escapes of RouterOS; what is not escaped stands for itself."""
    try:
        return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text).encode("latin-1")
    except UnicodeEncodeError:
        return None


def _password(parameters: Mapping[str, str], token: LoginToken) -> str:
    """Return CHAP (RFC 1994 section 4.1), or the one-time password itself for `http-pap`."""
    password = token.password.reveal()
    if "chap-id" not in parameters:
        return password.decode("ascii")
    identifier = bytes.fromhex(parameters["chap-id"])
    hashed = identifier + password + bytes.fromhex(parameters["chap-challenge"])
    return hashlib.md5(hashed, usedforsecurity=False).hexdigest()
