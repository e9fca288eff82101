"""What the configuration's values look like: addresses, names, ports, spans.

Not the keys (config.py, config_radius.py). The rule to keep: a refusal says what to write instead.
"""

import datetime as dt
import re
from ipaddress import ip_address, ip_network
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from portal.backup import bech32
from portal.domain.opening_hours import Span

_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9-]+)+")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_PUBLIC_KEY_BYTES = 32  # X25519
_INTERFACE_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}")  # IFNAMSIZ leaves 15


class Section(BaseModel):
    """A table of the file: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as problem:
        raise ValueError("not a time zone; write one such as Europe/Stockholm") from problem
    return name


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as problem:
        raise ValueError("not a network; write one such as 10.1.2.0/24 or 10.1.2.3/32") from problem
    return text


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as problem:
        raise ValueError("not an address; write one such as 10.1.2.1") from problem


def _host_name(text: str) -> str:
    if not _HOST_NAME.fullmatch(text) or text.rpartition(".")[2].isdigit():
        raise ValueError("not a full host name; write one such as wifi.example.se, in lower case")
    return text


def _staff_host(text: str) -> str:
    return text if text == "localhost" else _host_name(text)


def parse_target(text: str) -> tuple[str, int]:
    """Read ``"192.0.2.1:443"``, ``"[2001:db8::1]:443"`` or ``"host.example.se:443"``.

    Raises:
        ValueError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise ValueError(f"{text!r} is not a host and a port; write one such as 192.0.2.1:443")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _target(text: str) -> str:
    parse_target(text)
    return text


def _interface_name(text: str) -> str:
    if not _INTERFACE_NAME.fullmatch(text):
        raise ValueError("not an interface's name; write one such as guest0 (ip link shows them)")
    return text


def _mac(text: str) -> str:
    mac = text.lower().replace("-", ":")
    if not _MAC.fullmatch(mac):
        raise ValueError("not a MAC address; write one such as 02:00:5e:00:00:2a")
    return mac


def _recipient(text: str) -> str:
    try:
        is_one = len(bech32.decode("age", text)) == _PUBLIC_KEY_BYTES
    except ValueError as problem:
        text = f"not a recipient such as age1… ({problem}); kvar backup-key makes one"
        raise ValueError(text) from problem
    if not is_one:
        raise ValueError("not a recipient such as age1…; kvar backup-key makes one")
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as problem:
        raise ValueError(rf"not a regular expression ({problem}); digits are \d+") from problem
    return text


def parse_span(text: str) -> Span:
    """Read ``"10:00-19:00"``; an end at or before the start is on the next day.

    Raises:
        ValueError: it is not two clock times.
    """
    opens, _, closes = text.partition("-")
    try:
        return Span(_clock_time(opens), _clock_time(closes))
    except ValueError as problem:
        raise ValueError(f"{text!r} is not a span; write one such as 10:00-19:00") from problem


def _clock_time(text: str) -> dt.time:
    if text.strip() == "24:00":
        return dt.time(0)
    return dt.time.fromisoformat(text.strip())


def _span(text: str) -> str:
    parse_span(text)
    return text


Port = Annotated[int, Field(ge=1, le=65535)]
Network = Annotated[str, AfterValidator(_network)]
Address = Annotated[str, AfterValidator(_address)]
InterfaceName = Annotated[str, AfterValidator(_interface_name)]
HostName = Annotated[str, AfterValidator(_host_name)]
StaffHost = Annotated[str, AfterValidator(_staff_host)]
Target = Annotated[str, AfterValidator(_target)]
Mac = Annotated[str, AfterValidator(_mac)]
Recipient = Annotated[str, AfterValidator(_recipient)]
Pattern = Annotated[str, AfterValidator(_pattern)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
SpanText = Annotated[str, AfterValidator(_span)]
