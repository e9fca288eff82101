"""One connection to a SIP2 server: one question in flight, each answer within its deadline.

Not the login: client.py knows which questions make one.
The rule to keep: after anything unexpected the connection is closed and nothing is read from it
again. A late "yes" for one patron must never be taken for the next.
"""

import asyncio
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from portal.domain.verification import Verification
from portal.library.sip2 import wire
from portal.library.sip2.settings import Sip2Settings
from portal.library.sip2.tls import Protection

MOST_RESENDS = 2
"""A 96 says that the message was not processed, so no PIN attempt was spent."""

_READ_SIZE = 4096
_SHUTDOWN_S = 1.0
"""How long a TLS peer may take to say good-bye."""


class Fault(StrEnum):
    """Why a library system did not give a verdict; the answer's own faults are ``AnswerFault``."""

    CONNECT_FAILED = "connect_failed"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_NOT_PINNED = "certificate_not_pinned"
    ANSWER_LATE = "answer_late"
    CLOSED_EARLY = "closed_early"
    LOGIN_PROMPT = "telnet_login_prompt"
    CODE_UNEXPECTED = "answer_code_unexpected"
    SEQUENCE_WRONG = "answer_sequence_wrong"
    CHECKSUM_MISSING = "answer_checksum_missing"
    UNASKED_ANSWER = "answer_unasked"
    RESEND_REPEATED = "resend_repeated"
    ERROR_DETECTION_REQUIRED = "error_detection_required"


class ExchangeError(Exception):
    """No trustworthy answer. Holds the outcome it means; its text is the reason's name only."""

    def __init__(self, reason: StrEnum, outcome: Verification = Verification.UNAVAILABLE) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``in_sequence``: it carries the number of our message, so it is about it."""

    answer: wire.Answer
    in_sequence: bool


class Connection:
    """Use as ``async with await Connection.open(...)``: closed politely or, on error, at once."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Sip2Settings
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._settings = settings
        self._frames = wire.FrameReader()
        self._next_sequence = 0
        self._answered = False
        self._peer_sends_checksums = False

    @classmethod
    async def open(cls, settings: Sip2Settings, protection: Protection) -> Self:
        """Connect within the deadline of an answer.

        Raises:
            ExchangeError: no connection, or not the right certificate.
        """
        try:
            async with asyncio.timeout(settings.answer_timeout_s):
                reader, writer = await _connect(settings, protection.context)
        except ssl.SSLError:
            raise ExchangeError(Fault.TLS_FAILED) from None
        except OSError:  # TimeoutError is one
            raise ExchangeError(Fault.CONNECT_FAILED) from None
        if not protection.accepts(_certificate_of(writer)):
            writer.transport.abort()
            raise ExchangeError(Fault.CERTIFICATE_NOT_PINNED)
        return cls(reader, writer, settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._writer.close()
        else:
            self._writer.transport.abort()

    async def ask(self, query: wire.Query) -> Reply:
        """Send one message and return its answer; resent only when the server asks for it (96).

        Raises:
            ExchangeError: no trustworthy answer; leave the connection.
            wire.UnsendableError: nothing was sent.
        """
        body = wire.encode(query, self._settings.dialect)
        reply = await self._ask_in_sequence(body)
        resends = 0
        while isinstance(reply.answer, wire.ResendRequest):
            if not self._settings.error_detection:
                raise ExchangeError(Fault.ERROR_DETECTION_REQUIRED, Verification.REFUSED_BY_SERVER)
            if resends == MOST_RESENDS:
                raise ExchangeError(Fault.RESEND_REPEATED)
            resends += 1
            envelope = await self._exchange(wire.seal(body, checksum=True))
            reply = Reply(envelope.answer, in_sequence=False)
        return reply

    async def _ask_in_sequence(self, body: bytes) -> Reply:
        if not self._settings.error_detection:
            envelope = await self._exchange(wire.seal(body, checksum=False))
            return Reply(envelope.answer, in_sequence=False)
        sequence = self._next_sequence
        self._next_sequence = (sequence + 1) % 10
        envelope = await self._exchange(wire.seal(body, checksum=True, sequence=sequence))
        if envelope.sequence not in {None, sequence}:
            raise ExchangeError(Fault.SEQUENCE_WRONG)
        return Reply(envelope.answer, in_sequence=envelope.sequence is not None)

    async def _exchange(self, frame: bytes) -> wire.Envelope:
        try:
            async with asyncio.timeout(self._settings.answer_timeout_s):
                self._writer.write(frame)
                await self._writer.drain()
                answer = await self._read_frame()
        except TimeoutError:
            raise ExchangeError(Fault.ANSWER_LATE) from None
        except OSError:
            raise ExchangeError(Fault.CLOSED_EARLY) from None
        return self._parse(answer)

    async def _read_frame(self) -> bytes:
        while True:
            data = await self._reader.read(_READ_SIZE)
            if not data:
                raise ExchangeError(Fault.CLOSED_EARLY)
            frames = self._feed(data)
            self._refuse_prompt(frames)
            if frames and (frames[1:] or self._frames.partial):
                raise ExchangeError(Fault.UNASKED_ANSWER)
            if frames:
                return frames[0]

    def _feed(self, data: bytes) -> list[bytes]:
        try:
            return self._frames.feed(data)
        except wire.MalformedAnswerError as error:
            raise ExchangeError(error.fault) from None

    def _refuse_prompt(self, frames: list[bytes]) -> None:
        """Only where nothing was answered yet: later a prompt's words may be somebody's data."""
        received = self._frames.partial or b"".join(frames[-1:])
        starts_as_answer = b"".join([*frames, received])[:2].isdigit()
        if not self._answered and not starts_as_answer and wire.is_login_prompt(received):
            raise ExchangeError(Fault.LOGIN_PROMPT)

    def _parse(self, frame: bytes) -> wire.Envelope:
        try:
            envelope = wire.parse(frame, self._settings.dialect)
        except wire.MalformedAnswerError as error:
            raise ExchangeError(error.fault) from None
        self._require_checksum(envelope)
        self._answered = True
        return envelope

    def _require_checksum(self, envelope: wire.Envelope) -> None:
        """A server that sends checksums sends them always, but for 96, which has its own rule."""
        if isinstance(envelope.answer, wire.ResendRequest):
            return
        if self._peer_sends_checksums and not envelope.checksummed:
            raise ExchangeError(Fault.CHECKSUM_MISSING)
        self._peer_sends_checksums = envelope.checksummed


async def _connect(
    settings: Sip2Settings, context: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if context is None:
        return await asyncio.open_connection(settings.host, settings.port)
    return await asyncio.open_connection(
        settings.host,
        settings.port,
        ssl=context,
        server_hostname=settings.tls.server_name or settings.host,
        ssl_shutdown_timeout=_SHUTDOWN_S,
    )


def _certificate_of(writer: asyncio.StreamWriter) -> bytes | None:
    """Return the server's certificate in DER, None without TLS."""
    ssl_object: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return None if ssl_object is None else ssl_object.getpeercert(binary_form=True)
