"""Composes the way of events to the organisation's log collector; by default there is none."""

import asyncio
import os
import socket

from prometheus_client import CollectorRegistry

from portal import metrics
from portal.clock import utc_now
from portal.composition.start import StartError
from portal.config import Config, Syslog
from portal.forwarding.syslog_channel import Collector, SyslogChannel
from portal.forwarding.syslog_message import Dress
from portal.services.forwarding import Forwarding
from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.storage.outbox import PostgresOutbox
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
        group.create_task(_turn_off(outbox), name="forward nothing")
        return []
    group.create_task(forwarding.work(), name="forward events")
    shown = metrics.ForwardingMetrics(registry, forwarding.tally)

    async def refresh() -> None:
        shown.note(None)
        shown.note(await outbox.waiting())

    return [refresh]


async def _turn_off(outbox: PostgresOutbox) -> None:
    """Forget what waited for a collector that is no longer configured."""
    while True:
        try:
            await outbox.turn(on=False)
        except DatabaseUnavailableError:
            await asyncio.sleep(5.0)
        else:
            return


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
