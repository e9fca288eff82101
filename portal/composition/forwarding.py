"""Composes the way of events to the organisation's log collector; by default there is none."""

import asyncio
import os
import socket
from datetime import timedelta
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from portal import metrics
from portal.clock import utc_now
from portal.composition.start import StartError
from portal.config import Config, Faults, Syslog
from portal.domain.identity import Secret, SiteId
from portal.forwarding.audit_letter import AuditMail
from portal.forwarding.mail import MailServer
from portal.forwarding.syslog_channel import Collector, SyslogChannel
from portal.forwarding.syslog_message import Dress
from portal.forwarding.ticket_systems import Mail, Names, Webhook
from portal.services.audit_letters import AuditLetters
from portal.services.fault_telling import FaultTelling, TicketSystem
from portal.services.forwarding import Forwarding, forward_nothing
from portal.storage.audit import PostgresAudit
from portal.storage.database import Database
from portal.storage.letters import PostgresLetters
from portal.storage.outbox import PostgresOutbox
from portal.storage.tickets import PostgresTickets
from portal.web import health


def compose_forwarding(config: Config, database: Database) -> Forwarding | None:
    """Return who forwards; None: nobody does.

    Raises:
        StartError: a certificate file cannot be used.
    """
    section = config.syslog
    if section is None:
        return None
    try:
        channel = SyslogChannel(_collector(section), _dress(section))
    except OSError as problem:
        raise StartError(f"[syslog]: {problem}") from problem
    return Forwarding(PostgresOutbox(database), channel, utc_now)


def start_forwarding(
    group: asyncio.TaskGroup,
    forwarding: Forwarding | None,
    registry: CollectorRegistry,
    database: Database,
) -> list[health.Check]:
    """Start it, and return what is to be refreshed at a scrape. Without it nothing waits."""
    outbox = PostgresOutbox(database)
    if forwarding is None:
        group.create_task(forward_nothing(outbox), name="forward nothing")
        return []
    group.create_task(forwarding.work(), name="forward events")
    shown = metrics.ForwardingMetrics(registry, forwarding.tally)

    async def refresh() -> None:
        shown.note(None)
        shown.note(await outbox.waiting())

    return [refresh]


def _collector(section: Syslog) -> Collector:
    return Collector(
        section.host,
        section.port,
        section.ca_file,
        section.client_certificate_file,
        section.client_key_file,
    )


def _dress(section: Syslog) -> Dress:
    return Dress(socket.gethostname(), os.getpid(), section.facility, section.enterprise_number)


def compose_fault_telling(config: Config, database: Database) -> FaultTelling | None:
    """Return who tells the ticket system of faults; None: there is none."""
    section, systems = config.faults, list[TicketSystem]()
    names = Names(config.organisation.name, {SiteId(site.id): site.name for site in config.sites})
    if section.webhook_url:
        secret = Secret(section.webhook_secret.get_secret_value())
        systems.append(Webhook(section.webhook_url, secret, names, utc_now))
    if section.mail_to:
        systems.append(Mail(_mail_server(section), section.mail_from, section.mail_to, names))
    answer_within = timedelta(hours=section.answer_within_h)
    tickets = PostgresTickets(database)
    return FaultTelling(tickets, systems, answer_within, utc_now) if systems else None


def compose_audit_letters(config: Config, database: Database) -> AuditLetters | None:
    """Return who writes to the data protection contact; None: nobody does."""
    if not config.privacy.weekly_letter_to:
        return None
    box = AuditMail(
        _mail_server(config.faults),
        config.faults.mail_from,
        config.privacy.weekly_letter_to,
        config.organisation.name,
        config.organisation.default_language,
    )
    return AuditLetters(
        PostgresLetters(database),
        PostgresAudit(database),
        box,
        ZoneInfo(config.organisation.time_zone),
        socket.gethostname(),
        utc_now,
    )


def _mail_server(section: Faults) -> MailServer:
    return MailServer(
        section.smtp_host,
        section.smtp_port,
        section.smtp_tls,
        section.smtp_user,
        Secret(section.smtp_password.get_secret_value()),
    )
