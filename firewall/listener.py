"""Packet sockets on the guest interfaces: what devices send to be on the network at all is heard.

Not what a frame means (sightings.py) and no packet's fate: this only listens, beside the rules.
Fails with `KernelError` at the start (CAP_NET_RAW is needed); later an interface that cannot be
listened to is logged and tried again, and meanwhile the kernel's neighbour events go on telling.
The rule to keep: a flood costs no more than so many frames a second; the kernel drops the rest.
"""

import asyncio
import ctypes
import errno
import logging
import socket
import struct
from collections import Counter
from collections.abc import Callable, Mapping

from firewall.kernel import KernelError
from firewall.sightings import FRAME_MAX_BYTES, MUTED_MAX, Sighting, decode_sighting, encode_filter

FRAMES_AT_ONCE = 128
REST_S = 0.05
"""After so many frames at once: an interface takes at most 2,560 a second, some 20 us each on a
busy machine. 10,000 guests send a few hundred."""
MUTE_S = 10.0
"""For this long a source that alone fills half of a full reading is not listened to."""

_BUFFER_BYTES = 1024 * 1024  # some 1,300 frames; a thousand devices may come out of a power cut
_ALL_PROTOCOLS = 0x0003  # ETH_P_ALL
_SO_ATTACH_FILTER, _SOL_PACKET, _PACKET_IGNORE_OUTGOING = 26, 263, 23
_PROGRAM = struct.Struct("@HP")  # struct sock_fprog
_INSTRUCTION_BYTES = 8

_log = logging.getLogger(__name__)

Hear = Callable[[str, Sighting], None]


class Listener:
    """One packet socket for each guest interface that exists; all on the event loop."""

    def __init__(self) -> None:
        self._ears: dict[str, _Ear] = {}

    def check(self) -> None:
        """Find out whether this process may listen at all, before there is anything to hear.

        Raises:
            KernelError: it may not; CAP_NET_RAW is needed.
        """
        try:
            _open().close()
        except OSError as error:
            raise KernelError(error.errno or errno.EPERM, "listen to guests") from error

    def follow(self, links: Mapping[str, int], hear: Hear) -> None:
        """Listen to exactly these interfaces (name to number), and hand what is heard to `hear`.

        Raises:
            KernelError: not to all of them; those that could be are listened to.
        """
        for name, ear in list(self._ears.items()):
            if links.get(name) != ear.index or not ear.is_alive():
                self._ears.pop(name).close()
            else:
                ear.unmute()
        failed = None
        for name in links.keys() - self._ears.keys():
            try:
                self._ears[name] = _Ear(name, links[name], hear)
            except OSError as error:
                failed = KernelError(error.errno or errno.EIO, f"listen to guests on {name}")
        if failed:
            raise failed

    def close(self) -> None:
        """Stop listening."""
        while self._ears:
            self._ears.popitem()[1].close()

    def mac(self, interface: str) -> bytes | None:
        """Return this machine's own MAC address there, None when it cannot be told."""
        ear = self._ears.get(interface)
        return ear.mac() if ear else None

    def send(self, interface: str, frame: bytes) -> bool:
        """Send a frame; False when it could not be, now or at all."""
        ear = self._ears.get(interface)
        return ear is not None and ear.send(frame)


class _Ear:
    """The socket of one interface."""

    def __init__(self, name: str, index: int, hear: Hear) -> None:
        self.index = index
        self._broken = False
        self._name = name
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None
        self._muted: dict[bytes, float] = {}
        self._socket = _open()
        try:
            self._prepare()
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._listen)

    def _prepare(self) -> None:
        self._socket.settimeout(0)
        self._attach_filter()
        self._socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._socket.bind((self._name, _ALL_PROTOCOLS))
        if socket.if_nametoindex(self._name) != self.index:
            raise OSError(errno.ENODEV, "another interface of this name")

    def _attach_filter(self) -> None:
        program = encode_filter(tuple(self._muted))
        kept = ctypes.create_string_buffer(program, len(program))
        head = _PROGRAM.pack(len(program) // _INSTRUCTION_BYTES, ctypes.addressof(kept))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)

    def is_alive(self) -> bool:
        """Return whether the socket is still where it was bound; a dead one would stay silent."""
        try:
            name, protocol, *_ = self._socket.getsockname()
        except OSError:
            return False
        return not self._broken and (name, protocol) == (self._name, _ALL_PROTOCOLS)

    def close(self) -> None:
        if self._resting:
            self._resting.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def mac(self) -> bytes | None:
        try:
            address: bytes = self._socket.getsockname()[4]
        except OSError:
            return None
        return address if len(address) == 6 else None

    def send(self, frame: bytes) -> bool:
        try:
            return self._socket.send(frame) == len(frame)
        except OSError:
            return False  # full, or the interface is down: whoever asks may ask again

    def unmute(self) -> None:
        now = self._loop.time()
        over = [mac for mac, until in self._muted.items() if until <= now]
        if over:
            for mac in over:
                del self._muted[mac]
            self._attach_filter()

    def _listen(self) -> None:
        senders: list[bytes] = []
        for _ in range(FRAMES_AT_ONCE):
            try:
                frame = self._socket.recv(FRAME_MAX_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._stumble(error)
                return
            senders.append(frame[6:12])
            sighting = decode_sighting(frame)
            if sighting:
                self._hear(self._name, sighting)
        self._rest(senders)

    def _stumble(self, error: OSError) -> None:
        if error.errno == errno.ENETDOWN:
            return  # told once; when the interface comes up, its frames come again
        _log.warning("deaf on %s: %s", self._name, error)
        self._broken = True
        self._loop.remove_reader(self._socket.fileno())

    def _rest(self, senders: list[bytes]) -> None:
        """Leave the rest to the kernel's buffer, and what does not fit in there to nobody."""
        self._loop.remove_reader(self._socket.fileno())
        self._resting = self._loop.call_later(REST_S, self._resume)
        loudest, count = Counter(senders).most_common(1)[0]
        if count * 2 < len(senders) or loudest in self._muted:
            return  # of many, or read from what had come before it was muted
        if len(self._muted) < MUTED_MAX:
            self._muted[loudest] = self._loop.time() + MUTE_S
            self._attach_filter()
            _log.warning("a device on %s sends too much of what all hear: muted", self._name)

    def _resume(self) -> None:
        self._loop.add_reader(self._socket.fileno(), self._listen)


def _open() -> socket.socket:
    """Without a protocol: it hears nothing until the filter is there and it is bound."""
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
