"""Turns to access points unasked: let this device in, change it, put it out (RFC 5176).

Not what is said (the families in `vendors`), nor when. The door fails to `Silent`: who must be sure
that a device is out looks at its accounting, or at the gate.
The rule to keep: the address comes from configuration or from a request that was proved, never from
what a browser says.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from radius_bridge.clients import RadiusClient
from radius_bridge.counters import Counters
from radius_bridge.datagram_exchanges import DatagramExchanges
from radius_bridge.dynamic_requests import (
    Accepted,
    Missing,
    NotSent,
    Outcome,
    Refused,
    SessionUnknown,
    Silent,
    Unsupported,
    dynamic_request,
    outcome_of,
)
from radius_bridge.vendors.family import DynamicMessage
from radius_bridge.wire import Packet

_log = logging.getLogger(__name__)

_COUNTED: dict[type[Outcome], str] = {
    Accepted: "dynamic_accepted",
    SessionUnknown: "dynamic_session_unknown",
    Unsupported: "dynamic_unsupported",
    Refused: "dynamic_refused",
    Silent: "dynamic_silent",
    NotSent: "dynamic_not_sent",
}
_BEST_FIRST = (Accepted, Refused, Unsupported, Silent, NotSent, SessionUnknown)
"""Of several access points that were asked, one has the device: its word counts."""


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
        """Return those of a client at this address, or all of the client's where none is there.

        Access points that share a client and an address (behind NAT) cannot be told apart.
        """
        ...


class DynamicAuthorizer:
    """Sends CoA- and Disconnect-Requests, and says what became of each."""

    def __init__(
        self,
        now: Callable[[], datetime],
        datagrams: DatagramExchanges,
        connections: LiveConnections | None = None,
        counters: Counters | None = None,
    ) -> None:
        self.counters = counters or Counters()
        self._now = now
        self._datagrams = datagrams
        self._connections = connections

    async def send(self, client: RadiusClient, address: str, message: DynamicMessage) -> Outcome:
        """Say it on the access point's own connection where there is one, else over UDP.

        `address` is where the device's last request came from; the client's settings may name
        another for UDP. Takes a minute at most, and may be cancelled.

        Raises:
            ValueError: there is no address, or it is none.
        """
        if client.dynamic_authorization is None:
            return Unsupported(None)
        request = dynamic_request(message, self._now())
        outcome = await self._over_connections(client, address, request)
        if outcome is None:
            outcome = await self._over_udp(client, address, request)
        self._count(client, outcome)
        return outcome

    async def _over_connections(
        self, client: RadiusClient, address: str, request: Packet
    ) -> Outcome | None:
        """Ask on all that may be meant; None: there was none, or each broke off."""
        connections = self._connections.to(client, address) if self._connections else ()
        outcomes: list[Outcome] = []
        async with asyncio.TaskGroup() as tasks:
            waiting = {tasks.create_task(_ask_on(one, request)) for one in connections}
            while waiting and Accepted() not in outcomes:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                outcomes += [one for task in done if (one := task.result()) is not None]
            for task in waiting:  # an access point that lost its power leaves a dead one behind
                task.cancel()
        return min(outcomes, key=lambda one: _BEST_FIRST.index(type(one)), default=None)

    async def _over_udp(self, client: RadiusClient, address: str, request: Packet) -> Outcome:
        where = client.dynamic_authorization
        if where is None or not client.networks:
            return NotSent()  # it speaks TLS only, and is not connected now
        reply = await self._datagrams.ask(
            where.address or address, where.port, request, client.secret
        )
        return outcome_of(reply)

    def _count(self, client: RadiusClient, outcome: Outcome) -> None:
        """Count, and tell of failures once a minute: closing time may make hundreds."""
        what = _COUNTED[type(outcome)]
        self.counters.count(client.name, what)
        if isinstance(outcome, Accepted | SessionUnknown):
            return
        report = self.counters.report(client.name, what, asyncio.get_running_loop().time())
        if report is not None:
            cause = getattr(outcome, "error_cause", None)
            _log.warning(
                "client %s: %d times %s, lately Error-Cause %s",
                client.name,
                report.times,
                what,
                cause,
            )


async def _ask_on(connection: LiveConnection, request: Packet) -> Outcome | None:
    try:
        return outcome_of(await connection.ask(request))
    except ConnectionLostError:
        return None
