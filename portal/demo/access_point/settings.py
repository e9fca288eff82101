"""What the access point is told: the fields of a controller's page. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSettings:
    """``server`` and ``portal`` are addresses; ``address`` is its own towards the server.

    ``air`` and ``uplink`` are interfaces.
    """

    server: str
    secret: str = field(repr=False)
    portal: str
    address: str
    radio: str
    ssid: str
    name: str
    air: str
    uplink: str
    authentication_port: int = 1812
    accounting_port: int = 1813
    interim_s: float = 60.0
