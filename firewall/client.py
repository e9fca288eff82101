"""The gate's client: its verbs as coroutines over one persistent connection.

Not the portal's door (that wraps this one) and no policy: it asks, and reports what it was told.
The rule to keep: standard-library types only, and `GateError` is all it ever raises.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from firewall import verbs, wire
from firewall.verbs import Addresses, Changes, Counters, ErrorCode, Identified, Usage

ANSWER_TIMEOUT_S = 5.0
"""A reconcile of 20,000 devices takes the gate about a second on a slow machine."""

__all__ = ["Changes", "Counters", "GateClient", "GateError", "Identified", "Usage"]


class GateError(Exception):
    """The gate did not do it. `reason` is the gate's own error code, or `unreachable`."""

    def __init__(self, reason: ErrorCode | Literal["unreachable"], text: str) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason: ErrorCode | Literal["unreachable"] = reason


class GateClient:
    """The gate behind a Unix socket. One request at a time; safe to share between tasks.

    Verbs are idempotent, so one that met a dead connection is asked once more on a new one.
    MAC addresses are text, lower case with colons. Times are seconds.
    """

    def __init__(self, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    async def admit(
        self, mac: str, remaining_s: float, profile: str = verbs.DEFAULT_PROFILE
    ) -> None:
        """Let the device through for so long on the monotonic clock.

        Raises:
            GateError: the gate did not confirm.
        """
        await self._ask(verbs.Admit(mac, remaining_s, profile))

    async def expel(self, mac: str) -> Counters | None:
        """Put the device out and end its connections; None when it was not in.

        Raises:
            GateError: the gate did not confirm.
        """
        answer = await self._ask(verbs.Expel(mac))
        counters = answer["counters"]
        return None if counters is None else wire.decode_counters(counters)

    async def identify(self, ip: str) -> Identified | None:
        """Return the device behind an address on a guest network, None for any other address.

        `ip` may be `fe80::1%guest0` for link-local addresses, as sockets report them.

        Raises:
            GateError: the gate did not answer.
        """
        answer = await self._ask(verbs.Identify(ip))
        device = answer["device"]
        return None if device is None else Identified(**device)

    async def reconcile(self, devices: Sequence[tuple[str, float, str]]) -> Changes:
        """Make exactly these devices (MAC, remaining seconds, profile) admitted.

        A device with no time left counts as one that may not be in.

        Raises:
            GateError: the gate did not confirm.
        """
        wanted = tuple(verbs.Admit(*device) for device in devices if device[1] > 0)
        return wire.decode_changes(await self._ask(verbs.Reconcile(wanted)))

    async def usage(self) -> Usage:
        """Return the counters of all admitted devices.

        Raises:
            GateError: the gate did not answer.
        """
        return wire.decode_usage(await self._ask(verbs.ReadUsage()))

    async def addresses(self) -> Addresses:
        """Return which ports of the public address and which IPv6 addresses admitted devices have.

        Raises:
            GateError: the gate did not answer.
        """
        return wire.decode_addresses(await self._ask(verbs.ReadAddresses()))

    async def probe(self, macs: Sequence[str]) -> int:
        """Have the gate ask admitted devices for a sign of life; `usage` tells who gave one.

        Returns at once: the gate asks at a pace of its own, 500 a second. Call some hundreds at a
        time, so that nobody waits to be let in meanwhile. A device that does not answer may be
        asleep. Returns how many there are to ask, those whose address is known.

        Raises:
            GateError: the gate did not answer.
        """
        asked: int = (await self._ask(verbs.Probe(tuple(macs))))["asked"]
        return asked

    async def ping(self) -> dict[str, Any]:
        """Return the gate's version, generation and health.

        Raises:
            GateError: the gate did not answer.
        """
        return await self._ask(verbs.Ping())

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        """Yield events, each with its `event` name, on a connection of its own.

        The first is always `watching`. Events may be lost while nobody watches: compare after it.
        `device_seen` (mac, ip, interface, site): a device that is not in, each at most every 10 s;
        the ip is empty while it has none. `device_elsewhere` (mac, interface, site, before): one
        that is in, heard on another guest interface (before: the one where it was). `healed`
        (repaired): a foreign change was mended. `alive`: nothing has happened for a while.

        Raises:
            GateError: the gate went away, or refused.
        """
        reader, writer = await self._connect()
        try:
            writer.write(wire.encode_request(verbs.Watch()))
            while True:
                yield _unwrap(await _read_line(reader))
        finally:
            await _hang_up(writer)

    async def close(self) -> None:
        """Let the connection go; the next verb opens a new one."""
        streams, self._streams = self._streams, None
        if streams is not None:
            await _hang_up(streams[1])

    async def _ask(self, request: verbs.Request) -> dict[str, Any]:
        line = wire.encode_request(request)
        async with self._turn:
            if self._streams is not None:
                with suppress(_DeadConnectionError):
                    return await self._exchange(line)
            try:
                return await self._exchange(line)
            except _DeadConnectionError as error:
                raise GateError("unreachable", str(error)) from error

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        if self._streams is None:
            self._streams = await self._connect()
        reader, writer = self._streams
        answered = False
        try:
            async with asyncio.timeout(self._timeout_s):
                writer.write(line)
                await writer.drain()
                answer = await _read_line(reader)
            answered = True
        except TimeoutError as error:
            raise GateError("unreachable", "no answer in time") from error
        except (OSError, GateError) as error:
            raise _DeadConnectionError(str(error)) from error
        finally:
            if not answered:  # also when cancelled: a late answer must not meet the next question
                await self.close()
        return _unwrap(answer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.open_unix_connection(
                    self._path, limit=wire.ANSWER_LINE_MAX_BYTES
                )
        except OSError as error:  # TimeoutError is one
            raise GateError("unreachable", f"{self._path}: {error}") from error


class _DeadConnectionError(Exception):
    """The connection broke before the answer; the verb may be asked again."""


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readline()
    except (OSError, ValueError) as error:
        raise GateError("unreachable", str(error)) from error
    if not line.endswith(b"\n"):
        raise GateError("unreachable", "the gate closed the connection")
    return line


def _unwrap(line: bytes) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(line)
    except ValueError as unreadable:
        raise GateError("unreachable", "this is no gate") from unreadable
    error = answer.get("error")
    if error is not None:
        raise GateError(error, answer.get("text", ""))
    return answer


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    # Not close(): that waits until all is read, and an agent that hangs never reads. Nothing is
    # lost that was confirmed, and verbs are idempotent.
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
