"""The gate's socket: who may speak, one line in, one line out, and the stream of events.

Not the verbs (gate.py) and not their grammar (verbs.py). Fails closed: who may not speak is told
so and cut off; what cannot be read is refused, logged once a connection, and after a few times cut.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from firewall import verbs, wire
from firewall.kernel import KernelError
from firewall.settings import GateSettings
from firewall.verbs import Gate, RefusedError, Request

CONNECTIONS_MAX = 64
"""A node has five processes that speak to its gate."""
REFUSED_MAX = 16
"""Callers being told no at the same time; beyond, they are cut off without a word."""
REFUSALS_MAX = 10
"""Bad requests on one connection before it is cut."""
_ANSWER_TIMEOUT_S = 10.0  # a caller that does not read its answer is cut off
_QUESTION_TIMEOUT_S = 1.0  # how long a caller who is to be refused may take to ask
_ALIVE_EVERY_S = 15.0  # shows a watcher that the gate lives, and the gate that the watcher does
_EVENTS_MAX = 1_000  # a watcher this far behind is cut off, and compares when it comes back
_UCRED = struct.Struct("=iII")  # struct ucred of unix(7): pid, uid, gid

_log = logging.getLogger(__name__)


class Events:
    """Events on their way to whoever watches."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[dict[str, Any] | None]] = set()

    def publish(self, event: dict[str, Any]) -> None:
        """Hand an event to all watchers; a watcher too far behind is let go."""
        for queue in list(self._watchers):
            try:
                queue.put_nowait(event)
            except asyncio.QueueFull:
                self._let_go(queue)

    def close(self) -> None:
        """Let all watchers go."""
        for queue in list(self._watchers):
            self._let_go(queue)

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        """Yield events until let go; every 15 s at least one."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(_EVENTS_MAX)
        self._watchers.add(queue)
        event: dict[str, Any] | None = {"event": "watching"}
        try:
            while event is not None:
                yield event
                try:
                    async with asyncio.timeout(_ALIVE_EVERY_S):
                        event = await queue.get()
                except TimeoutError:
                    event = {"event": "alive"}
        finally:
            self._watchers.discard(queue)

    def _let_go(self, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        self._watchers.discard(queue)
        while queue.full():
            queue.get_nowait()
        queue.put_nowait(None)


class GateServer:
    """Answers callers on the socket, one request a connection at a time."""

    def __init__(
        self,
        settings: GateSettings,
        gate: Gate,
        events: Events,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._events = events
        self._settle = settle
        self._writers: set[asyncio.StreamWriter] = set()
        self._refused: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen while the context lasts; then cut everybody off."""
        path = self._settings.socket_path
        server = await asyncio.start_unix_server(
            self._serve, sock=_bind(path), limit=wire.REQUEST_LINE_MAX_BYTES
        )
        path.with_suffix(".new").rename(path)  # seen only when it answers
        try:
            yield
        finally:
            server.close()
            self._events.close()
            for writer in self._writers | self._refused:
                writer.close()
            path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusal = self._refusal(writer)
        writers = self._writers if refusal is None else self._refused
        writers.add(writer)
        try:
            if refusal is None:
                await self._converse(reader, writer)
            elif len(self._refused) <= REFUSED_MAX:
                await _refuse(reader, writer, refusal)
        except (OSError, TimeoutError):
            pass  # the caller is gone
        finally:
            writers.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _refusal(self, writer: asyncio.StreamWriter) -> RefusedError | None:
        pid, uid, _ = _peer(writer)
        if uid not in self._settings.allowed_uids:
            _log.warning("refused a caller: uid=%d pid=%d", uid, pid)
            return RefusedError("not_allowed", "this user may not speak to the gate")
        if len(self._writers) >= CONNECTIONS_MAX:
            _log.warning("refused a connection: %d are open", CONNECTIONS_MAX)
            return RefusedError("busy", "too many connections")
        return None

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        refusals = 0
        while refusals < REFUSALS_MAX:
            try:
                request = await _read_request(reader)
                if request is None:
                    return
                if isinstance(request, verbs.Watch):
                    await self._stream(writer)
                    return
                answer = answer_to(self._gate, request)
                if self._settle and isinstance(request, verbs.Expel):
                    # who logs out is told so when his connections are gone; nobody else waits
                    await self._settle()
            except RefusedError as error:
                refusals += error.code == "bad_request"
                if refusals == 1:
                    _log.warning("refused a request: pid=%d %s", _peer(writer)[0], error)
                if isinstance(error, _EndlessError):
                    refusals = REFUSALS_MAX
                answer = _error(error)
            except KernelError as error:
                _log.error("the kernel refused: %s", error)
                answer = {"error": "kernel", "text": str(error)}
            await _send(writer, answer)

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        async for event in self._events.watch():
            await _send(writer, event)


def answer_to(gate: Gate, request: Request) -> dict[str, Any]:
    """Carry out one request; return the answer's body.

    Raises:
        RefusedError: the gate does not do this.
        KernelError: the kernel refused.
    """
    return {"ok": True} | _carry_out(gate, request)


def _carry_out(gate: Gate, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {}
    match request:
        case verbs.Admit():
            gate.admit(request)
        case verbs.Expel(mac):
            counters = gate.expel(mac)
            body["counters"] = counters and wire.encode_counters(counters)
        case verbs.Reconcile(devices):
            body = wire.encode_changes(gate.reconcile(devices))
        case verbs.Identify():
            device = gate.identify(request)
            body["device"] = device and wire.encode_identified(device)
        case verbs.ReadUsage():
            body = wire.encode_usage(gate.usage())
        case verbs.ReadAddresses():
            body = wire.encode_addresses(gate.addresses())
        case verbs.Probe(macs):
            body["asked"] = gate.probe(macs)
        case _:
            body = gate.health()
    return body


class _EndlessError(RefusedError):
    """The rest of the line is still to come; nothing after it can be told from a request."""


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        line = await reader.readline()
    except ValueError:
        raise _EndlessError("bad_request", "the line is too long") from None
    if not line.endswith(b"\n"):
        return None
    return wire.decode_request(line)


async def _refuse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: RefusedError
) -> None:
    """Hear the question first: who still writes when the line is cut never reads the answer."""
    with suppress(TimeoutError, ValueError):
        async with asyncio.timeout(_QUESTION_TIMEOUT_S):
            await reader.readline()
    await _send(writer, _error(refusal))


async def _send(writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        writer.write(wire.encode_line(body))
        await writer.drain()


def _error(error: RefusedError) -> dict[str, Any]:
    return {"error": error.code, "text": str(error)}


def _peer(writer: asyncio.StreamWriter) -> tuple[int, int, int]:
    """Return the caller's pid, uid and gid, as the kernel vouches for them."""
    connection = writer.get_extra_info("socket")
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    pid, uid, gid = _UCRED.unpack(data)
    return pid, uid, gid


def _bind(path: Path) -> socket.socket:
    """Bind beside the path; the uid decides who is answered, so everybody may knock."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    bound.bind(str(new))
    new.chmod(0o666)  # the portal and the keeper run as other users; SO_PEERCRED is the lock
    return bound
