"""The way of a letter: by SMTP (RFC 5321) to the organisation's own mail server.

Not what it says. The rule to keep: over STARTTLS or not at all, unless somebody wrote that the
server is on this machine.
"""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

from portal.domain.identity import Secret

TIMEOUT_S = 15.0


class MailNotTakenError(Exception):
    """The server did not take it, or nobody knows. Its text is the kind of the fault alone."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """``starttls``: refuse to go on without TLS. ``user`` "": no log-in."""

    host: str
    port: int
    starttls: bool = True
    user: str = ""
    password: Secret = field(default_factory=lambda: Secret(""))
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    async def deliver(self, letter: EmailMessage) -> None:
        """Hand a letter over.

        Raises:
            MailNotTakenError: it was not taken, or nobody knows.
        """
        try:
            await asyncio.to_thread(self._send, letter)
        except (smtplib.SMTPException, OSError) as problem:
            raise MailNotTakenError(type(problem).__name__) from problem

    def _send(self, letter: EmailMessage) -> None:
        with smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S) as server:
            if self.starttls:
                server.starttls(context=self.context)
            if self.user:
                server.login(self.user, self.password.reveal())
            server.send_message(letter)
