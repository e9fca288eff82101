"""Connections that are to end: gathered, and deleted beside whatever the gate does meanwhile.

Not what ends them for the users: a device whose element is gone has no packet passed in either
direction, and a captured flow of one that is in is stopped by the rules. So this may come later.
Fails by trying again. The rule to keep: never more than half of a processor, unless somebody
waits for it.
"""

import asyncio
import errno
import logging
import time
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial, reduce
from itertools import islice
from operator import and_

from firewall import conntrack
from firewall.kernel import NETLINK_NETFILTER, KernelError, NetlinkSocket
from firewall.netlink import Message

WALKS_MAX = 8
"""For more marks than these, one dump is cheaper than a walk for each.

Measured with 1,000 and 50,000 connections: a walk 0.2 and 8 ms, a dump 11 and 99 ms."""
SETTLE_S = 0.25
"""How long an answer may be held back for the deletions that belong to it."""
_RETRY_S = 1.0  # the kernel refused: it is out of memory, or its buffers are full
_DELETIONS_AT_ONCE = 200  # 120 bytes each, and as much again for each that has gone meanwhile

Doomed = tuple[int, int]  # mark, mask

_log = logging.getLogger(__name__)


class Reaper:
    """Deletes connections in a thread of its own; everything else here is of the event loop."""

    def __init__(self) -> None:
        self._socket = NetlinkSocket(NETLINK_NETFILTER)
        self._doomed: dict[Doomed, None] = {}
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._done = asyncio.Event()

    def close(self) -> None:
        """Close the socket. What is still to be deleted stays, and passes no packets."""
        self._socket.close()

    def doom(self, mark: int, mask: int) -> None:
        """Have all connections deleted whose mark equals `mark` under `mask`."""
        self._doomed[mark, mask] = None
        self._wanted.set()

    async def settle(self) -> None:
        """Wait until what has been doomed is deleted, but not for long."""
        if self._doomed:
            self._urgent.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    await self._done.wait()

    async def reap(self) -> None:
        """Delete for ever, all that has gathered at a time; then rest as long as it took."""
        while True:
            await self._wanted.wait()
            began = time.monotonic()
            took_all = await self._reap_once()
            took_s = time.monotonic() - began
            await (self._rest(took_s) if took_all else asyncio.sleep(_RETRY_S))

    async def _rest(self, rest_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await self._urgent.wait()

    async def _reap_once(self) -> bool:
        doomed, done = self._doomed, self._done
        self._doomed, self._done = {}, asyncio.Event()
        self._wanted.clear()
        self._urgent.clear()
        try:
            await asyncio.to_thread(self.delete, doomed)
        except KernelError as error:
            _log.error("could not delete connections: %s", error)
            self._doomed = doomed | self._doomed
            self._wanted.set()
            return False
        finally:
            done.set()
        return True

    def delete(self, doomed: Collection[Doomed]) -> None:
        """Delete now, in the calling thread.

        Raises:
            KernelError: the kernel refused; some are still there.
        """
        for mask in {mask for _, mask in doomed}:
            marks = {mark for mark, its_mask in doomed if its_mask == mask}
            if len(marks) > WALKS_MAX:
                self._delete_many(marks, mask)
                continue
            for mark in marks:
                self._delete_by_walk(mark, mask)

    def _delete_by_walk(self, mark: int, mask: int) -> None:
        encode = partial(conntrack.encode_delete_by_mark, mark, mask)
        try:
            self._socket.ask(encode, "delete connections")
        except KernelError as error:
            if error.number != errno.ENOENT:
                raise

    def _delete_many(self, marks: set[int], mask: int) -> None:
        """Let the kernel sort out what it can by the bits that all marks share."""

        def is_doomed(connection: Message) -> bool:
            return conntrack.decode_mark(connection) & mask in marks

        mark, common = shared_bits(marks, mask)
        encode = partial(conntrack.encode_dump_by_mark, mark, common)
        found = iter(self._socket.ask(encode, "read connections", is_doomed))
        while some := list(islice(found, _DELETIONS_AT_ONCE)):
            each = partial(conntrack.encode_delete_each, some)
            self._socket.ask_batch(each, len(some), "delete connections", (errno.ENOENT,))


def shared_bits(marks: Iterable[int], mask: int) -> Doomed:
    """Return the mark and mask that match all these marks, and as few others as can be."""
    first, *others = marks
    common = reduce(and_, (~(first ^ other) for other in others), mask)
    return first & common, common
