"""Turns to access points unasked: let this device in, change it, put it out (RFC 5176).

Not what is said (the families in `vendors`), nor when. The door fails to `Silent`: who must be sure
that a device is out looks at its accounting, or at the gate.
The rule to keep: the address comes from configuration or from a request that was proved, never from
what a browser says.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from radius_bridge.clients import RadiusClient
from radius_bridge.datagram_exchanges import DatagramExchanges, Missing
from radius_bridge.dynamic_requests import (
    Accepted,
    NotSent,
    Outcome,
    SessionUnknown,
    Silent,
    Unsupported,
    dynamic_request,
    outcome_of,
)
from radius_bridge.vendors.family import DynamicMessage
from radius_bridge.wire import Packet

_log = structlog.get_logger(__name__)


class ConnectionLostError(Exception):
    """The connection went away before the reply came; the request may have been done."""


class LiveConnection(Protocol):
    """A connection that an access point opened to us, and on which it can be asked."""

    def ask(self, request: Packet) -> Awaitable[Packet | Missing]:
        """Send a request, and return the reply that proves itself.

        Raises:
            ConnectionLostError: there will be none.
        """
        ...


class LiveConnections(Protocol):
    """The connections that are open now."""

    def to(self, client: RadiusClient, address: str) -> Sequence[LiveConnection]:
        """Return those of a client, the likeliest for a device last seen at `address` first."""
        ...


class NoConnections:
    """Where nothing but UDP is served."""

    def to(self, client: RadiusClient, address: str) -> Sequence[LiveConnection]:  # noqa: ARG002 - the Protocol's
        """Return none."""
        return ()


class DynamicAuthorizer:
    """Sends CoA- and Disconnect-Requests, and says what became of each."""

    def __init__(
        self,
        now: Callable[[], datetime],
        datagrams: DatagramExchanges,
        connections: LiveConnections | None = None,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._now = now
        self._datagrams = datagrams
        self._connections = connections or NoConnections()

    async def send(self, client: RadiusClient, address: str, message: DynamicMessage) -> Outcome:
        """Say it on the access point's own connection where there is one, else over UDP.

        `address` is where the device's last request came from; the client's settings may name
        another. Takes a minute at most, and may be cancelled.

        Raises:
            ValueError: there is no address, or it is none.
        """
        where = client.dynamic_authorization
        if where is None:
            return Unsupported(None)
        request = dynamic_request(message, self._now())
        outcome = await self._over_connections(client, address, request)
        if outcome is None:
            reply = await self._datagrams.ask(
                where.address or address, where.port, request, client.secret
            )
            outcome = _outcome(reply)
        return self._counted(client, outcome)

    async def _over_connections(
        self, client: RadiusClient, address: str, request: Packet
    ) -> Outcome | None:
        """Ask on one after the other until one knows the session; None: there was none to ask.

        Access points that share a client and an address (behind NAT) cannot be told apart.
        """
        outcome: Outcome | None = None
        for connection in self._connections.to(client, address):
            try:
                outcome = _outcome(await connection.ask(request))
            except ConnectionLostError:
                continue
            if not isinstance(outcome, SessionUnknown):
                return outcome
        return outcome

    def _counted(self, client: RadiusClient, outcome: Outcome) -> Outcome:
        name = type(outcome).__name__
        self.outcomes[name] += 1
        if not isinstance(outcome, Accepted | SessionUnknown):
            cause = getattr(outcome, "error_cause", None)
            _log.warning(
                "dynamic_authorization_failed", client=client.name, outcome=name, cause=cause
            )
        return outcome


def _outcome(reply: Packet | Missing) -> Outcome:
    match reply:
        case Missing.SILENCE:
            return Silent()
        case Missing.NO_ROOM:
            return NotSent()
        case Packet():
            return outcome_of(reply)
