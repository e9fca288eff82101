"""What a visitor's browser brings from an access point, and where it may be sent back to.

Pure, total, bounded by `URL_MAX_CHARACTERS`.
The rule to keep: the browser may bring anything, so a parameter that stands twice is none, and a
host is one of ours only when it is spelled as we would spell it: no user information, no other
spelling of an address, nothing that a browser would read in another way.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import quote, unquote_plus, urlencode

from radius_bridge.mac_address import read_device

URL_MAX_CHARACTERS = 8192
"""What aiohttp and most servers take as a request line; chilli writes at most 2048."""
VALUE_MAX_CHARACTERS = 4096
"""openNDS' redirect at level 2, the longest that matters, has about 1000."""
ADDRESS_MAX_CHARACTERS = 1500
"""It goes back in an address of our own; Meraki's, the longest, has about 600."""
WEB_PORTS = frozenset({80, 443})

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?:\?(?P<query>[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*))?",
    re.ASCII,
)
_REGISTERED = re.compile(r"(?P<host>[^:\[\]]+|\[[^\[\]]+\])(?::(?P<port>[0-9]{1,5}))?")
_USUAL_PORT = {"http": 80, "https": 443}
_ORIGINAL_URL = re.compile(r"https?://[^\s\\<>\"]+", re.IGNORECASE)
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """An address that names scheme, host and port, read as every browser reads it."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None = None

    def __str__(self) -> str:
        port = "" if self.port == _USUAL_PORT[self.scheme] else f":{self.port}"
        query = "" if self.query is None else f"?{self.query}"
        return f"{self.scheme}://{self.host}{port}{self.path}{query}"


def read_query(raw_url: str, keys: Collection[str]) -> dict[str, str] | None:
    """Return the parameters of these names, decoded; of others nothing is read.

    None: the address is too long, one of them stands twice, or holds control characters. A name is
    read as it stands, because no access point escapes one, and a value that is too long is none.
    """
    if len(raw_url) > URL_MAX_CHARACTERS:
        return None
    found: dict[str, str] = {}
    for pair in raw_url.partition("#")[0].partition("?")[2].split("&"):
        key, _, raw_value = pair.partition("=")
        if key not in keys:
            continue
        value = unquote_plus(raw_value) if len(raw_value) <= VALUE_MAX_CHARACTERS else ""
        if key in found or _CONTROL.search(value):
            return None
        found[key] = value
    return found


def read_address(text: str) -> Address | None:
    """Read an absolute web address; None for whatever two readers could read in two ways."""
    match = _ADDRESS.fullmatch(text) if len(text) <= ADDRESS_MAX_CHARACTERS else None
    if match is None:
        return None
    host, port = _host(match["host"]), int(match["port"] or _USUAL_PORT[match["scheme"]])
    if host is None or not 0 < port <= _PORT_MAX:
        return None
    return Address(match["scheme"], host, port, match["path"] or "/", match["query"])


def address_at(authority: str, path: str, scheme: str = "http") -> Address | None:
    """Return the address of a path that we know at a host that somebody names.

    None: the host is none, or has more to it than a host and a port.
    """
    address = read_address(f"{scheme}://{authority}{path}")
    if address is None or address.path != path or address.query is not None:
        return None
    return address


def is_ours(address: Address, hosts: Iterable[str], ports: Collection[int] = WEB_PORTS) -> bool:
    """Tell whether a host is registered: ``name``, ``name:port`` or ``*.domain`` for one label.

    Without a port the usual ones of the family hold.
    """
    return any(_matches(address, host.lower(), ports) for host in hosts)


def with_parameters(url: str, parameters: Sequence[tuple[str, str]]) -> str:
    """Return the address with further parameters."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters, quote_via=quote)}"


def original_url(parameters: Mapping[str, str], *keys: str) -> str:
    """Return where the visitor wanted to go, nothing when it is no address of the web."""
    wanted = next((parameters[key] for key in keys if parameters.get(key)), "")
    return wanted if _ORIGINAL_URL.fullmatch(wanted) else ""


def mac_of(text: str | None) -> str | None:
    """Return the address of a device, None for anything else."""
    return read_device((text or "").encode("ascii", "replace"))


def ip_of(text: str | None) -> str | None:
    """Return an IP address in its usual text, None for anything else."""
    try:
        return str(ip_address(text)) if text and "%" not in text else None
    except ValueError:
        return None


def _host(text: str) -> str | None:
    if not text.startswith("["):
        return None if ".." in text else text.lower()
    try:
        return f"[{IPv6Address(text[1:-1])}]"
    except ValueError:
        return None


def _matches(address: Address, registered: str, ports: Collection[int]) -> bool:
    host, port = _split_port(registered)
    if address.port not in (ports if port is None else {port}):
        return False
    if host.startswith("*."):
        label, _, domain = address.host.partition(".")
        return bool(label and domain) and domain == host[2:]
    return address.host == host


def _split_port(registered: str) -> tuple[str, int | None]:
    """Divide what is registered; IPv6 stands in brackets where a port follows."""
    match = _REGISTERED.fullmatch(registered)
    if match is None:
        return _host(f"[{registered}]") or registered, None
    port = match["port"]
    return _host(match["host"]) or registered, None if port is None else int(port)
