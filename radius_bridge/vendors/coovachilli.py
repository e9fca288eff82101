"""CoovaChilli: the UAM redirect with its signature, CHAP at the access point, CoA that lets in.

Not chilli's own JSON interface, which needs a script in the page.
The rule to keep: a CoA resets every limit that it does not repeat, and one without User-Name is
dropped in silence, so every CoA holds the name and the whole grant.
Source: CoovaChilli 1.9, `src/redir.c`, `src/chilli.c`, `doc/dictionary.coovachilli`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from radius_bridge.access import Grant, Station
from radius_bridge.accounting import AccountingRecord
from radius_bridge.dictionary import Vendor, named
from radius_bridge.secret import Secret
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
    address_at,
    ip_of,
    is_ours,
    mac_of,
    original_url,
    read_query,
    with_parameters,
)
from radius_bridge.wire import Attribute, Packet

UAM_PORTS = frozenset({3990})
"""`uamport`, unless the host is registered with another."""

_KEYS = frozenset({"res", "uamip", "uamport", "challenge", "mac", "ip", "userurl"})
_CHALLENGE = re.compile("[0-9a-f]{32}", re.IGNORECASE)
_SIGNATURE = "&md="
_LOGON = "/logon"
_LOGOFF = "/logoff"
_ONLINE = frozenset({"already", "success"})
_VIEW_POINT = named("ChilliSpot-Acct-View-Point").kind
_OF_THE_ACCESS_POINT = (1).to_bytes(4, "big")
_AUTHORISED = 1


class CoovaChilli(standard.Standard):
    """A gateway that authenticates by MAC address, and by the form of its UAM portal."""

    def limits(self, grant: Grant, station: Station) -> tuple[Attribute, ...]:
        """Return bandwidth in kbit/s."""
        del station
        up, down = grant.bandwidth.upload_bit_s, grant.bandwidth.download_bit_s
        return (
            *standard.limits(
                ("ChilliSpot-Bandwidth-Max-Up", None if up is None else standard.kbit_s(up)),
                ("ChilliSpot-Bandwidth-Max-Down", None if down is None else standard.kbit_s(down)),
            ),
            *standard.text("Filter-Id", grant.role),
        )

    def counted(self, record: AccountingRecord, request: Packet) -> AccountingRecord:
        """Return the octets exchanged, unless chilli says that it counts as RFC 2866 does.

        By default its input is what the device receives; `swapoctets` turns that round.
        """
        if _OF_THE_ACCESS_POINT in request.vendor(Vendor.CHILLISPOT, _VIEW_POINT):
            return record
        return record._replace(
            upload_octets=record.download_octets, download_octets=record.upload_octets
        )

    def keys(self, station: Station) -> tuple[Attribute, ...]:
        """Return the last name tried for the device, which chilli must have, and its session."""
        names = standard.user_name(station)
        return (*names, *standard.accounting_session(station)) if names else ()

    def dynamic(
        self, verb: DynamicVerb, grant: Grant | None, station: Station
    ) -> DynamicMessage | None:
        """Return a CoA with the whole grant, or a Disconnect."""
        keys = self.keys(station)
        if verb is DynamicVerb.EXPEL or grant is None:
            return standard.disconnect(keys)
        authorised = standard.number("ChilliSpot-Session-State", _AUTHORISED)
        first = (authorised,) if verb is DynamicVerb.ADMIT else ()
        return standard.change(
            keys,
            (
                *first,
                *standard.ends(grant),
                *standard.identity(grant),
                *self.limits(grant, station),
            ),
        )

    def reach(self, station: Station, role: str | None) -> Reach:
        """Return CHANGE where the name is known."""
        del role
        return Reach.CHANGE if self.keys(station) else Reach.NOTHING

    def read_redirect(
        self, raw_url: str, settings: PortalSettings
    ) -> Redirected | NotBelieved | None:
        """Read a redirect; with `uamsecret` only one that chilli signed, else a registered host.

        What follows the signature is not signed, and not read.
        """
        query = read_query(raw_url.partition(_SIGNATURE)[0], _KEYS)
        if query is None:
            return NotBelieved.MALFORMED
        if "uamip" not in query:
            return None
        if settings.secret is not None and not _is_signed(raw_url, settings.secret):
            return NotBelieved.BAD_SIGNATURE
        return _believed(query, settings)

    def way_back(
        self, visitor: Redirected, token: LoginToken, settings: PortalSettings, portal_url: str
    ) -> WayBack:
        """Return the address of chilli's log-on, with the answer to its challenge."""
        challenge = bytes.fromhex(visitor.parameters["challenge"])
        parameters = (
            ("username", token.user_name),
            ("response", _response(challenge, token.password, settings.secret)),
            ("userurl", portal_url),
        )
        return WayBack("GET", with_parameters(visitor.parameters["logon"], parameters))

    def way_out(self, parameters: Mapping[str, str]) -> str | None:
        """Return chilli's own log-off."""
        return parameters["logon"].removesuffix(_LOGON) + _LOGOFF


def _believed(query: dict[str, str], settings: PortalSettings) -> Redirected | NotBelieved:
    mac, challenge = mac_of(query.get("mac")), query.get("challenge", "")
    address = address_at(f"{query['uamip']}:{query.get('uamport', '')}", _LOGON)
    online = query.get("res") in _ONLINE
    if mac is None or address is None or not (online or _CHALLENGE.fullmatch(challenge)):
        return NotBelieved.MALFORMED
    if (settings.hosts or settings.secret is None) and not is_ours(
        address, settings.hosts, UAM_PORTS
    ):
        return NotBelieved.STRANGE_HOST
    return Redirected(
        mac,
        ip_of(query.get("ip")),
        original_url(query, "userurl"),
        {"logon": str(address), "challenge": challenge.lower() if not online else ""},
        online=online,
        failed=query.get("res") == "failed",
    )


def _is_signed(raw_url: str, secret: Secret) -> bool:
    """Compare with MD5 over the address as chilli wrote it: lower-case escapes and all.

    A browser adds the slash that an address without a path lacks.
    """
    signed, mark, given = raw_url.partition(_SIGNATURE)
    if not mark:
        return False
    written = (signed, signed.replace("/?", "?", 1))
    sums = [_md5(one.encode("utf-8", "replace") + secret.reveal()).hex() for one in written]
    presented = given.partition("&")[0].lower().encode("utf-8", "replace")
    return any(hmac.compare_digest(presented, one.encode()) for one in sums)


def _response(challenge: bytes, password: Secret, secret: Secret | None) -> str:
    """Return CHAP with identifier 0, over the challenge mixed with `uamsecret` where there is one.

    RFC 1994 section 4.1.
    """
    mixed = challenge if secret is None else _md5(challenge + secret.reveal())
    return _md5(b"\0" + password.reveal() + mixed).hex()


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).digest()
