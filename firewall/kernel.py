"""Netlink sockets: ask the kernel, get its answer. The only place that opens one.

Not the grammar (netlink.py) and not the meaning (elements.py, conntrack.py, routing.py).
Fails with `KernelError`; what was asked has then not been done.
"""

import errno
import os
import socket
import struct
from collections.abc import Callable, Collection, Iterable
from types import TracebackType
from typing import Self

from firewall.netlink import NLMSG_DONE, NLMSG_ERROR, Message, decode_messages

NETLINK_ROUTE = 0
NETLINK_NETFILTER = 12

_ANSWER_TIMEOUT = struct.pack(
    "@ll", 5, 0
)  # struct timeval; the kernel answers inside the call; this only bounds a surprise
_BUFFER_BYTES = 8 * 1024 * 1024  # a transaction of 500 devices with its echoes is under 1 MB
_DATAGRAM_BYTES = 256 * 1024  # dumps come in parts of up to 32 kB, echoes in larger ones
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _NETLINK_NO_ENOBUFS = 270, 1, 5


class KernelError(Exception):
    """The kernel refused, with its errno, or could not be asked."""

    def __init__(self, number: int, doing: str) -> None:
        super().__init__(f"{doing}: {os.strerror(number)}")
        self.number = number


class NetlinkSocket:
    """One netlink socket for questions; every call is answered before it returns."""

    def __init__(self, protocol: int) -> None:
        self._socket = _open(protocol)
        # the kernel's own time-out: Python's would put a poll before every call
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _ANSWER_TIMEOUT)
        self._socket.bind((0, 0))
        self._sequence = 0
        self.port: int = self._socket.getsockname()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(
        self,
        encode: Callable[[int], bytes],
        doing: str,
        keep: Callable[[Message], bool] | None = None,
    ) -> list[Message]:
        """Send one question (written for the sequence number given) and return its answers.

        Args:
            encode: writes the question.
            doing: what for, in words.
            keep: of a long dump, the answers to return; all when not given.

        Raises:
            KernelError: the kernel refused.
        """
        sequence = self._next()
        return self._converse(encode(sequence), sequence, doing, keep=keep)

    def ask_batch(
        self,
        encode: Callable[[int], tuple[bytes, int]],
        messages: int,
        doing: str,
        bear: Collection[int] = (),
    ) -> list[Message]:
        """Send a batch of so many messages; return what the kernel told while doing it.

        Args:
            encode: writes the batch.
            messages: how many it has.
            doing: what for, in words.
            bear: refusals (errno) of single messages that are as good as success.

        Raises:
            KernelError: the kernel refused; nothing of a transaction was done.
        """
        first = self._next()
        self._sequence += messages + 2
        data, last = encode(first)
        return self._converse(data, last, doing, bear)

    def _next(self) -> int:
        # a wrapped number may meet nobody: answers never outlive their question
        self._sequence = (self._sequence + 1) & 0x7FFF_FFFF
        return self._sequence

    def _converse(
        self,
        data: bytes,
        last: int,
        doing: str,
        bear: Collection[int] = (),
        keep: Callable[[Message], bool] | None = None,
    ) -> list[Message]:
        try:
            self._drain()
            self._socket.send(data)
            return self._receive(last, doing, bear, keep)
        except OSError as error:
            raise KernelError(error.errno or errno.ETIMEDOUT, doing) from error

    def _receive(
        self,
        last: int,
        doing: str,
        bear: Collection[int],
        keep: Callable[[Message], bool] | None,
    ) -> list[Message]:
        answers: list[Message] = []
        while True:
            for message in decode_messages(self._socket.recv(_DATAGRAM_BYTES)):
                if message.kind == NLMSG_DONE:
                    return answers
                if message.kind != NLMSG_ERROR:
                    if keep is None or keep(message):
                        answers.append(message)
                elif message.error and message.error not in bear:
                    raise KernelError(message.error, doing)
                elif message.sequence == last:
                    return answers
            if answers and answers[-1].sequence == last and not answers[-1].flags & _MULTI:
                return answers

    def _drain(self) -> None:
        """Throw away what a failed question left behind."""
        while True:
            try:
                self._socket.recv(_DATAGRAM_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise


_MULTI = 0x2


class Monitor:
    """A netlink socket that listens to multicast groups; never blocks."""

    def __init__(
        self, protocol: int, groups: Iterable[int], buffer_bytes: int = 1024 * 1024
    ) -> None:
        self._socket = _open(protocol, buffer_bytes)
        self._socket.settimeout(0)
        self._socket.bind((0, 0))
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """Return the descriptor, for the event loop."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def read(self, datagrams_max: int = 64) -> tuple[list[Message], bool]:
        """Return what has come, up to so many datagrams, and whether something was lost."""
        messages: list[Message] = []
        for _ in range(datagrams_max):
            try:
                messages += decode_messages(self._socket.recv(_DATAGRAM_BYTES))
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise KernelError(error.errno or errno.EIO, "listen") from error
                return messages, True
        return messages, False


def _open(protocol: int, buffer_bytes: int = _BUFFER_BYTES) -> socket.socket:
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            opened.setsockopt(socket.SOL_SOCKET, forced, buffer_bytes)
        except PermissionError:  # needs CAP_NET_ADMIN in the first user namespace
            opened.setsockopt(socket.SOL_SOCKET, plain, buffer_bytes)
    return opened
