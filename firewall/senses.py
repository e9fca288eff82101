"""Everything that tells where devices are: their own frames, and the kernel's neighbour table.

Not what is made of it (lookout.py) and not the packets' fate. Fails by hearing less: what is lost
here is a sign of life among many, or a device that is seen at its next frame.
The rule to keep: a flood costs no more than so many events a second; the kernel drops the rest.
"""

import asyncio
import logging
from collections.abc import Mapping
from time import monotonic

from firewall import routing
from firewall.impostors import Impostors
from firewall.kernel import NETLINK_ROUTE, KernelError, Monitor
from firewall.listener import Listener
from firewall.lookout import Lookout
from firewall.netlink import Message
from firewall.server import Events
from firewall.sightings import Sighting

NEIGHBOURS_AT_ONCE = 64
REST_S = 0.1
"""After so many at once: at most 640 a second, each some 15 us. They tell little that the devices'
own frames do not tell, and a flood makes one of each frame."""

_NEIGHBOUR_GROUP = 3  # RTNLGRP_NEIGH

_log = logging.getLogger(__name__)


class Senses:
    """Listens on the event loop, from `listen` to `close`."""

    def __init__(
        self, lookout: Lookout, impostors: Impostors, listener: Listener, events: Events
    ) -> None:
        self._lookout = lookout
        self._impostors = impostors
        self._listener = listener
        self._events = events
        self._names: dict[int, str] = {}
        self._neighbours = Monitor(NETLINK_ROUTE, (_NEIGHBOUR_GROUP,))
        self._trouble = ""
        self._resting: asyncio.TimerHandle | None = None

    def listen(self, links: Mapping[str, int]) -> None:
        """Begin, on these guest interfaces (name to number).

        Raises:
            KernelError: frames cannot be listened to; CAP_NET_RAW is needed.
        """
        self._listener.check()
        self._resume()
        self._follow(links)

    def follow(self, links: Mapping[str, int]) -> None:
        """Listen to exactly these interfaces from now on; what cannot be is tried again."""
        trouble = ""
        try:
            self._follow(links)
        except KernelError as error:
            trouble = str(error)
        if trouble != self._trouble:  # told once, not at each comparison
            _log.error("could not listen: %s", trouble) if trouble else _log.info("listening again")
            self._trouble = trouble

    def close(self) -> None:
        """Stop listening."""
        if self._resting:
            self._resting.cancel()
        asyncio.get_running_loop().remove_reader(self._neighbours.fileno())
        self._neighbours.close()
        self._listener.close()

    def _follow(self, links: Mapping[str, int]) -> None:
        self._names = {index: name for name, index in links.items()}
        self._listener.follow(links, self._hear_frame)

    def _hear_frame(self, interface: str, sighting: Sighting) -> None:
        now, address = monotonic(), sighting.address
        told = self._impostors.notice(sighting, interface, now)
        if told:
            _log.warning("%(mac)s on %(interface)s plays the %(kind)s with address %(ip)s", told)
            self._events.publish(told)
        if self._impostors.has_own_address(sighting, interface):
            address = None  # nobody's but this machine's
        event = self._lookout.notice(sighting.mac, address, interface, now)
        if event:
            self._events.publish(event)

    def _hear_neighbours(self) -> None:
        try:
            messages, _ = self._neighbours.read(NEIGHBOURS_AT_ONCE)
        except KernelError as error:
            _log.error("could not listen: %s", error)
            messages = []
        for message in messages:
            self._hear_neighbour(message)
        if len(messages) >= NEIGHBOURS_AT_ONCE or not messages:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._neighbours.fileno())
            self._resting = loop.call_later(REST_S, self._resume)

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._neighbours.fileno(), self._hear_neighbours)

    def _hear_neighbour(self, message: Message) -> None:
        neighbour = routing.decode_neighbour(message)
        if neighbour is None or neighbour.mac is None:
            return
        interface = self._names.get(neighbour.index)
        if interface is None:
            return
        mac, address = neighbour.mac.hex(":"), neighbour.address
        event = self._lookout.notice(
            mac, address, interface, monotonic(), itself=neighbour.reachable
        )
        if event:
            self._events.publish(event)
