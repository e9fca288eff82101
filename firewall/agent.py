"""The gate's process: opens the kernel, listens on the socket, keeps watch over what stands.

Not the verbs (gate.py). Dies loudly when it cannot begin; once it has begun, a kernel that
refuses is tried again. Its end changes nothing for anybody who is online.
The rules to keep: one agent a machine (a lock says so); nothing is ever executed.
"""

import asyncio
import errno
import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from firewall import elements, routing, sets
from firewall.gate import WATCHED_SETS, KernelGate
from firewall.impostors import Impostors
from firewall.kernel import NETLINK_NETFILTER, NETLINK_ROUTE, KernelError, Monitor
from firewall.listener import Listener
from firewall.netlink import Message
from firewall.prober import Prober
from firewall.reaper import Reaper
from firewall.senses import Senses
from firewall.server import Events, GateServer
from firewall.settings import GateSettings
from firewall.simulated import SimulatedGate

COMPARE_EVERY_S = 0.5
"""Catches what no event told; events make mending faster than this."""
THOROUGHLY_EVERY = 20
"""Comparisons between two that also read every element."""

_NFTABLES_GROUP = 7  # NFNLGRP_NFTABLES
_LINK_GROUP, _IPV4_RULE_GROUP, _IPV6_RULE_GROUP = 1, 8, 19  # RTNLGRP_*
_ELEMENT_KINDS = (elements.NEW_ELEMENT, elements.DEL_ELEMENT)

_log = logging.getLogger(__name__)


class AlreadyRunningError(Exception):
    """Another agent has the lock."""


async def run_agent(
    settings: GateSettings, stop: asyncio.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Run the gate until `stop`, and leave everything standing; `ready` is called once it stands.

    Raises:
        KernelError: at the start, the rules could not be put up or guests not be listened to;
            CAP_NET_ADMIN and CAP_NET_RAW are needed.
        AlreadyRunningError: another agent runs on this socket.
    """
    with _only_one(settings.socket_path):
        reaper, listener, events = Reaper(), Listener(), Events()
        # leases and the list on the disk go by the wall clock; everything else here is monotonic
        clocks = time.monotonic, time.time  # noqa: TID251
        prober = Prober(listener, 2 * settings.devices_max)
        gate = KernelGate(settings, *clocks, reaper.doom, prober.ask)
        impostors = Impostors(settings.sites, settings.trusted_machines)
        senses = Senses(gate.lookout, impostors, listener, events)
        server = GateServer(settings, gate, events, reaper.settle)
        watch = _Watch(gate, senses, impostors, events)
        try:
            watch.listen()
            gate.open()
            impostors.follow(gate.own_addresses())
            senses.listen(gate.links)
            async with server.listening(), asyncio.TaskGroup() as tasks:
                working = [
                    tasks.create_task(watch.mend(), name="gate-mend"),
                    tasks.create_task(reaper.reap(), name="gate-reap"),
                    tasks.create_task(prober.work(), name="gate-probe"),
                ]
                _log.info("the gate stands: %s", gate.health())
                ready()
                await stop.wait()
                for task in working:
                    task.cancel()
        finally:
            watch.close()
            senses.close()
            gate.close()
            reaper.close()


async def run_simulated_agent(
    settings: GateSettings, stop: asyncio.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Run a gate that only pretends, until `stop`. Needs no privilege.

    Raises:
        AlreadyRunningError: another agent runs on this socket.
    """
    with _only_one(settings.socket_path):
        gate, events = SimulatedGate(settings, time.monotonic), Events()
        async with GateServer(settings, gate, events).listening():
            ready()
            while not stop.is_set():
                gate.tick()
                with suppress(TimeoutError):
                    async with asyncio.timeout(COMPARE_EVERY_S):
                        await stop.wait()


class _Watch:
    """Listens to the kernel's events and mends at once; compares now and then without any."""

    def __init__(
        self, gate: KernelGate, senses: Senses, impostors: Impostors, events: Events
    ) -> None:
        self._gate = gate
        self._senses = senses
        self._impostors = impostors
        self._events = events
        self._suspicious = asyncio.Event()
        self._tables = Monitor(NETLINK_NETFILTER, (_NFTABLES_GROUP,))
        groups = (_LINK_GROUP, _IPV4_RULE_GROUP, _IPV6_RULE_GROUP)
        self._routes = Monitor(NETLINK_ROUTE, groups)

    def listen(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._tables.fileno(), self._hear_tables)
        loop.add_reader(self._routes.fileno(), self._hear_routes)

    def close(self) -> None:
        """Stop listening."""
        loop = asyncio.get_running_loop()
        for monitor in (self._tables, self._routes):
            loop.remove_reader(monitor.fileno())
            monitor.close()

    async def mend(self) -> None:
        """Compare and mend for ever."""
        rounds = 0
        while True:
            rounds += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPARE_EVERY_S):
                    await self._suspicious.wait()
            suspicious = self._suspicious.is_set() or rounds % THOROUGHLY_EVERY == 0
            self._suspicious.clear()
            self._mend_once(thoroughly=suspicious)

    def _mend_once(self, *, thoroughly: bool) -> None:
        try:
            repaired = self._gate.heal(thoroughly=thoroughly)
            self._gate.tick()
            if thoroughly:
                self._impostors.follow(self._gate.own_addresses())
        except KernelError as error:
            _log.error("could not mend: %s", error)
            return
        finally:
            self._senses.follow(self._gate.links)
        if repaired:
            _log.warning("foreign change mended: %s", ", ".join(repaired))
            self._events.publish({"event": "healed", "repaired": repaired})

    def _hear_tables(self) -> None:
        messages, lost = self._tables.read()
        if lost or any(self._is_foreign(message) for message in messages):
            self._suspicious.set()

    def _is_foreign(self, message: Message) -> bool:
        if message.port == self._gate.port or message.kind == elements.NEW_GENERATION:
            return False
        table, name = elements.decode_place(message)
        if table != sets.TABLE:
            return False
        return message.kind not in _ELEMENT_KINDS or name in WATCHED_SETS

    def _hear_routes(self) -> None:
        messages, lost = self._routes.read()
        if lost:
            self._suspicious.set()
        for message in messages:
            self._hear_change(message)

    def _hear_change(self, message: Message) -> None:
        link = routing.decode_link(message)
        # links tell of every change of state; only another number, or an end, concerns us
        if link is None:
            if message.kind not in (routing.NEW_LINK, routing.DEL_LINK):
                self._suspicious.set()
        elif link.gone or self._gate.links.get(link.name, 0) != link.index:
            self._suspicious.set()


@contextmanager
def _only_one(socket_path: Path) -> Iterator[None]:
    """Hold a lock that the kernel takes back however this process ends.

    Reading is enough to lock: the file may be of somebody who ran the gate by hand.
    """
    path = socket_path.with_name(socket_path.name + ".lock")
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno != errno.EWOULDBLOCK:
                raise
            raise AlreadyRunningError(f"another agent serves {socket_path}") from error
        yield
