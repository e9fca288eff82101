"""The reference by which a visitor's browser comes back from its access point.

On its way it crosses the guest network, with many makers in clear, where everybody can read it. So
it is no visit's token (passage.py): it leads to one, once, within minutes, and for the browser that
it was made for. Pure; time is a parameter.
The rule to keep: what a listener gets is worth nothing once the visitor has come back, and nothing
at all from another address or in another kind of browser.
"""

import base64
import binascii
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from portal.domain import passage
from portal.domain.passage import Passage

GOOD_FOR = timedelta(seconds=180)
"""The login that the access point is given is good for 120 s; then its own page may be read."""

RANDOM_BYTES = 12

KEPT_LONGER = timedelta(seconds=5)

MOST_REMEMBERED = 50_000
"""References: as many visitors as a city has come back within three minutes. About 8 MB."""

_TIME_BYTES = 5
_NETWORK_BITS = 64


@dataclass(frozen=True, slots=True)
class Browser:
    """Who asks, as far as a server sees that: behind NAT many have one address."""

    ip: str
    agent: str = ""

    @property
    def address(self) -> str:
        """Return the address that counts: of IPv6 its network, where a device has several."""
        try:
            parsed = ip_address(self.ip.partition("%")[0])
        except ValueError:
            return self.ip
        if not isinstance(parsed, IPv6Address):
            return str(parsed)
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        host_bits = parsed.max_prefixlen - _NETWORK_BITS
        return f"{IPv6Address(int(parsed) >> host_bits << host_bits)}/{_NETWORK_BITS}"

    @property
    def mark(self) -> bytes:
        """Return address and kind of browser as one."""
        return b"\0".join((self.address.encode(), self.agent.encode("utf-8", "replace")))


def issue(key: bytes, passage_: Passage, browser: Browser, now: datetime, random: bytes) -> str:
    """Return the reference for an address's path; ``random`` is RANDOM_BYTES of chance.

    Raises:
        OverflowError: a text of the visit is longer than 255 octets.
    """
    head = int(now.timestamp()).to_bytes(_TIME_BYTES, "big") + random
    inner = passage.issue(_bound(key, head, browser), passage_, now)
    return f"{base64.urlsafe_b64encode(head).decode().rstrip('=')}.{inner}"


def read(key: bytes, text: str, browser: Browser, now: datetime) -> tuple[Passage, bytes] | None:
    """Return the passage that a reference leads to, and what is spent by that; None: nowhere.

    Never raises.
    """
    name, _, inner = text.partition(".")
    head = _decoded(name)
    if head is None:
        return None
    age = now.timestamp() - int.from_bytes(head[:_TIME_BYTES], "big")
    if not 0 <= age + 1 <= GOOD_FOR.total_seconds():  # issued at a fraction of a second
        return None
    found = passage.read(_bound(key, head, browser), inner, now)
    return None if found is None else (found, head)


class Spent:
    """What was used, for as long as it could be used again."""

    def __init__(self) -> None:
        self._since: OrderedDict[bytes, datetime] = OrderedDict()

    def spend(self, thing: bytes, now: datetime) -> bool:
        """Use something that is good once; False when it was used already."""
        while self._since:
            oldest, since = next(iter(self._since.items()))
            if now - since < GOOD_FOR + KEPT_LONGER and len(self._since) < MOST_REMEMBERED:
                break
            del self._since[oldest]
        if thing in self._since:
            return False
        self._since[thing] = now
        return True


def _bound(key: bytes, head: bytes, browser: Browser) -> bytes:
    """Return the key of one reference: without its browser nothing fits."""
    return hmac.digest(key, b"way back\0" + head + browser.mark, "sha256")


def _decoded(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == _TIME_BYTES + RANDOM_BYTES else None
