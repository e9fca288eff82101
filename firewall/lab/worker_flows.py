"""A phone's long flows: a numbered UDP stream, a TCP download, a TCP conversation.

Stream and download run in threads of their own; a conversation is silent until asked to speak.
"""

from __future__ import annotations

import array
import contextlib
import itertools
import math
import socket
import struct
import threading
import time
from typing import Any

from firewall.lab.worker_sockets import look_up, open_socket, outcome

STRAGGLERS_S = 0.5
POLL_S = 0.1
CONNECT_TIMEOUT_S = 5.0
SILENCE_S = 60.0
NUMBER = struct.Struct("!Q")
SO_RCVBUFFORCE = 33  # socket(7): above net.core.rmem_max, with CAP_NET_ADMIN
PATIENT_BUFFER_BYTES = 1 << 24
LOST_NUMBERS_SHOWN = 1000


class Stream:
    """One datagram each interval; every echo is ticked off."""

    def __init__(self, address: str, port: int, interval_s: float) -> None:
        self._interval_s = interval_s
        self._sent_at = array.array("d")
        self._back = bytearray()
        self._send_errors = 0
        self._longest_gap_s = 0.0
        self._last_back = math.nan
        self._stopped_at = math.nan
        self._stop = threading.Event()
        self._flow = open_socket(address, socket.SOCK_DGRAM, POLL_S)
        self._flow.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, PATIENT_BUFFER_BYTES)
        self._flow.connect((address, port))
        self._started = time.monotonic()
        for target in (self._send, self._receive):
            threading.Thread(target=target, daemon=True).start()

    def _send(self) -> None:
        due = time.monotonic()
        for number in itertools.count():
            if self._stop.is_set():
                return
            self._back.append(0)
            self._sent_at.append(time.monotonic())
            try:
                self._flow.send(NUMBER.pack(number))
            except OSError:
                self._send_errors += 1  # an ICMP error of an earlier datagram, or no route
            due += self._interval_s
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self) -> None:
        while not (self._stop.is_set() and time.monotonic() > self._stopped_at + STRAGGLERS_S):
            try:
                data = self._flow.recv(2048)
            except OSError:
                continue
            now = time.monotonic()
            if not math.isnan(self._last_back):
                self._longest_gap_s = max(self._longest_gap_s, now - self._last_back)
            self._last_back = now
            (number,) = NUMBER.unpack(data[: NUMBER.size])
            self._back[number] = 1

    def stop(self) -> dict[str, Any]:
        """Stop sending, wait for stragglers, report."""
        self._stopped_at = time.monotonic()
        self._stop.set()
        while time.monotonic() < self._stopped_at + STRAGGLERS_S and not all(self._back):
            time.sleep(POLL_S / 10)
        report = self.report()
        self._flow.close()
        return report

    def report(self) -> dict[str, Any]:
        """As `StreamReport`."""
        now = time.monotonic()
        count = self._judged(now)
        lost = [number for number in range(count) if not self._back[number]]
        silent_s = 0.0 if self._stop.is_set() else now - self._last_back
        never = math.isnan(self._last_back)
        return {
            "sent": len(self._sent_at),
            "received": sum(self._back),
            "lost": len(lost),
            "lost_numbers": lost[:LOST_NUMBERS_SHOWN],
            "send_errors": self._send_errors,
            "longest_gap_s": math.inf if never else max(self._longest_gap_s, silent_s),
            "longest_outage_s": self._longest_outage_s(count),
            "elapsed_s": (self._stopped_at if self._stop.is_set() else now) - self._started,
        }

    def _judged(self, now: float) -> int:
        """How many datagrams are old enough to be called lost."""
        count = len(self._sent_at)
        if self._stop.is_set():
            return count
        while count and self._sent_at[count - 1] > now - STRAGGLERS_S:
            count -= 1
        return count

    def _longest_outage_s(self, count: int) -> float:
        """The longest run of lost datagrams, from the sending before it to the sending after it."""
        longest, before = 0.0, 0
        for number in range(count):
            if self._back[number]:
                if number - before > 1:
                    longest = max(longest, self._sent_at[number] - self._sent_at[before])
                before = number
        if count and before < count - 1:
            longest = max(longest, self._sent_at[count - 1] - self._sent_at[before])
        return longest


class Download:
    """Reads from the endless stream."""

    def __init__(self, address: str, port: int) -> None:
        self._received = 0
        self._longest_gap_s = 0.0
        self._ended = ""
        self._started = self._last = time.monotonic()
        self._ended_at = math.nan
        self._wire = open_socket(address, socket.SOCK_STREAM, CONNECT_TIMEOUT_S)
        threading.Thread(target=self._run, args=((address, port),), daemon=True).start()

    def _run(self, peer: tuple[str, int]) -> None:
        word = "closed"
        try:
            self._wire.connect(peer)
            self._wire.settimeout(SILENCE_S)
            while data := self._wire.recv(65536):
                now = time.monotonic()
                if self._received:  # the server's wait before the first byte is no gap
                    self._longest_gap_s = max(self._longest_gap_s, now - self._last)
                self._last, self._received = now, self._received + len(data)
        except OSError as error:
            word = self._ended or outcome(error)
        self._ended, self._ended_at = self._ended or word, time.monotonic()

    def stop(self) -> dict[str, Any]:
        """Close and report."""
        report = self.report()
        self._ended = self._ended or "closed"
        with contextlib.suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self._wire.close()
        return report

    def report(self) -> dict[str, Any]:
        """As `DownloadReport`."""
        now = self._ended_at if self._ended else time.monotonic()
        return {
            "received_bytes": self._received,
            "elapsed_s": now - self._started,
            "longest_gap_s": max(self._longest_gap_s, now - self._last),
            "ended": self._ended,
        }


class Conversation:
    """One TCP connection to an echo server, kept open however long nobody speaks."""

    def __init__(self, address: str, port: int) -> None:
        self._said = 0
        self._unread = b""
        self._ended = ""
        self._wire = open_socket(address, socket.SOCK_STREAM, CONNECT_TIMEOUT_S)
        self._wire.connect((address, port))

    def say(self, timeout_s: float) -> dict[str, Any]:
        """Send one numbered line and wait for its echo; older ones may come before it."""
        if self._ended:
            return {"answered": False, "ended": self._ended}
        self._said += 1
        line = b"%d\n" % self._said
        give_up = time.monotonic() + timeout_s
        try:
            self._wire.settimeout(timeout_s)
            self._wire.sendall(line)
            return {"answered": self._hear(line, give_up), "ended": self._ended}
        except OSError as error:
            word = outcome(error)
            # What the kernel gave up says ETIMEDOUT; silence until now ends nothing.
            self._ended = "" if error.errno is None else word
            return {"answered": False, "ended": self._ended}

    def _hear(self, line: bytes, give_up: float) -> bool:
        while True:
            while b"\n" in self._unread:
                heard, _, self._unread = self._unread.partition(b"\n")
                if heard + b"\n" == line:
                    return True
            self._wire.settimeout(max(0.001, give_up - time.monotonic()))
            data = self._wire.recv(65536)
            if not data:
                self._ended = "closed"
                return False
            self._unread += data

    def close(self) -> dict[str, Any]:
        """Close the connection; how many lines were said."""
        self._wire.close()
        return {"said": self._said, "ended": self._ended}


class Flows:
    """All flows of one phone, by number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._streams: dict[int, Stream] = {}
        self._downloads: dict[int, Download] = {}
        self._conversations: dict[int, Conversation] = {}

    def stream_start(
        self, host: str, port: int, interval_s: float, family: int | None
    ) -> dict[str, Any]:
        """Start a stream; its number."""
        number = next(self._numbers)
        self._streams[number] = Stream(look_up(host, family) or host, port, interval_s)
        return {"number": number}

    def stream_report(self, number: int) -> dict[str, Any]:
        """How a stream stands."""
        return self._streams[number].report()

    def stream_stop(self, number: int) -> dict[str, Any]:
        """End a stream."""
        return self._streams.pop(number).stop()

    def download_start(self, host: str, port: int, family: int | None) -> dict[str, Any]:
        """Start a download; its number."""
        number = next(self._numbers)
        self._downloads[number] = Download(look_up(host, family) or host, port)
        return {"number": number}

    def download_report(self, number: int) -> dict[str, Any]:
        """How a download stands."""
        return self._downloads[number].report()

    def download_stop(self, number: int) -> dict[str, Any]:
        """End a download."""
        return self._downloads.pop(number).stop()

    def conversation_start(self, host: str, port: int, family: int | None) -> dict[str, Any]:
        """Connect; the conversation's number."""
        number = next(self._numbers)
        self._conversations[number] = Conversation(look_up(host, family) or host, port)
        return {"number": number}

    def conversation_say(self, number: int, timeout_s: float) -> dict[str, Any]:
        """Say one line in a conversation."""
        return self._conversations[number].say(timeout_s)

    def conversation_close(self, number: int) -> dict[str, Any]:
        """End a conversation."""
        return self._conversations.pop(number).close()
