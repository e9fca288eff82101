"""A mail server of the tests: speaks as much of SMTP (RFC 5321, 3207, 4954) as a letter needs."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class MailServer:
    """What it was given. ``wants``: user and password, asked for after TLS only."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    wants: tuple[str, str] | None = None
    refuses: bool = False
    tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        encrypted, known, sender, recipient = False, self.wants is None, "", ""
        writer.write(b"220 mail.test\r\n")
        while line := (await reader.readuntil(b"\r\n")).decode().strip():
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    writer.write(self._greeting(encrypted=encrypted))
                case "STARTTLS":
                    writer.write(b"220 go\r\n")
                    await writer.drain()
                    await writer.start_tls(self.tls)  # type: ignore[arg-type]
                    encrypted = True
                case "AUTH":
                    _, user, password = base64.b64decode(rest.split(" ")[1]).decode().split("\0")
                    known = (user, password) == self.wants
                    writer.write(b"235 ok\r\n" if known else b"535 no\r\n")
                case "MAIL" if not known or self.refuses:
                    writer.write(b"550 no\r\n")
                case "MAIL":
                    sender = rest.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n")
                case "RCPT":
                    recipient = rest.partition("<")[2].partition(">")[0]
                    writer.write(b"250 ok\r\n")
                case "DATA":
                    writer.write(b"354 go\r\n")
                    self._take(await reader.readuntil(b"\r\n.\r\n"), (sender, recipient))
                    writer.write(b"250 taken\r\n")
                case "QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                case _:
                    writer.write(b"250 ok\r\n")

    def _greeting(self, *, encrypted: bool) -> bytes:
        lines = ["mail.test"]
        lines += ["STARTTLS"] if self.tls and not encrypted else []
        lines += ["AUTH PLAIN"] if self.wants and encrypted else []
        *first, last = lines
        return "".join([*(f"250-{text}\r\n" for text in first), f"250 {last}\r\n"]).encode()

    def _take(self, data: bytes, envelope: tuple[str, str]) -> None:
        letter = message_from_bytes(data[:-5], policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        self.envelopes.append(envelope)


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[MailServer]:
    made = MailServer(tls=tls)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
