"""The ways to the organisation's ticket system: a webhook, and e-mail.

Not what is said (ticket_message.py). Fails open: a system that is away is told later.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from portal.domain.identity import Secret, SiteId
from portal.forwarding.mail import TIMEOUT_S, MailNotTakenError, MailServer
from portal.forwarding.ticket_message import SIGNATURE_HEADER, sign, to_json, to_letter
from portal.services.fault_telling import TicketSystemUnavailableError
from portal.services.ports import Clock
from portal.services.ports.fault_reports import Untold


@dataclass(frozen=True, slots=True)
class Names:
    """What organisation and sites are called."""

    organisation: str
    sites: Mapping[SiteId, str]

    def of(self, untold: Untold) -> tuple[str, str]:
        """Return the organisation's name and the site's."""
        site_id = untold.ticket.report.site_id
        return self.organisation, self.sites.get(site_id, site_id)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Implements services.fault_telling.TicketSystem: a POST with a signed JSON body."""

    url: str
    secret: Secret
    names: Names
    clock: Clock
    name: str = "webhook"

    async def tell(self, untold: Untold) -> None:
        """See services.fault_telling.TicketSystem."""
        body = to_json(untold, *self.names.of(untold))
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: sign(body, self.secret.reveal().encode(), self.clock()),
        }
        limit = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, trust_env=False) as session,
                session.post(self.url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                if not 200 <= answer.status < 300:
                    raise TicketSystemUnavailableError(f"the webhook answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            raise TicketSystemUnavailableError(type(problem).__name__) from problem


@dataclass(frozen=True, slots=True)
class Mail:
    """Implements services.fault_telling.TicketSystem: a letter."""

    server: MailServer
    sender: str
    recipient: str
    names: Names
    name: str = "mail"

    async def tell(self, untold: Untold) -> None:
        """See services.fault_telling.TicketSystem."""
        letter = to_letter(untold, self.names.of(untold), self.sender, self.recipient)
        try:
            await self.server.deliver(letter)
        except MailNotTakenError as problem:
            raise TicketSystemUnavailableError(str(problem)) from problem
