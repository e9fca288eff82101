"""Composes the parts of the RADIUS bridge: what it remembers, what it answers, what it tells.

Not the running (radius.py). The rule to keep: everything that a reload of the clients reaches is
reached through `Bridge.serve`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Never

import structlog

from portal import settings
from portal.access_points.dynamic_desk import DeskDoors, DynamicDesk
from portal.access_points.ledger import RadiusLedger
from portal.access_points.policy import PolicyKeys, PolicySettings, RadiusPolicy
from portal.access_points.settings import Bridged
from portal.clock import utc_now
from portal.composition.database import journal_directory
from portal.composition.doors import compose_doors
from portal.composition.start import StartError
from portal.config import Config
from portal.config_radius import Radius
from portal.domain.access_point import AccessPoint
from portal.no_gate import NoGate
from portal.services.accounting import Accounting
from portal.services.doors import Doors
from portal.services.hearing import Hearing
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.live_picture import LivePicture
from portal.services.network_access import NetworkAccess
from portal.services.places import Places
from portal.services.ports import LibrarySystem
from portal.services.radius_presence import RadiusPresence
from portal.services.return_tickets import ReturnTickets
from portal.storage.accounting import PostgresAccounts
from portal.storage.accounting_journal import DiskJournal
from portal.storage.database import Database
from portal.storage.live import PostgresLive
from portal.web.guest.settings import origin
from radius_bridge.clients import FamilyName
from radius_bridge.datagram_exchanges import DatagramExchanges
from radius_bridge.dynamic_authorization import DynamicAuthorizer
from radius_bridge.dynamic_requests import NotSent, Outcome
from radius_bridge.pipeline import Moment, Pipeline
from radius_bridge.responder import Limits, Responder
from radius_bridge.tls_context import (
    Revoked,
    TlsFiles,
    TlsFilesError,
    load_context,
    read_revoked,
)
from radius_bridge.tls_server import TlsServer
from radius_bridge.vendors.family import DynamicMessage
from radius_bridge.vendors.registry import family_of

_log = structlog.get_logger()

SOON_OVER = timedelta(days=7)
LOOK_AT_REVOKED_EVERY_S = 6 * 3600.0

VIA = "/via/"
"""Where the guest site takes a visit's token (portal/web/guest)."""


@dataclass(frozen=True, slots=True)
class Databases:
    """One door a purpose: no answer waits behind a batch of records, or behind all sessions."""

    quick: Database
    accounts: Database
    patient: Database


@dataclass(frozen=True, slots=True)
class Memory:
    """What the process knows, and where it keeps it."""

    databases: Databases
    doors: Doors
    picture: LivePicture
    places: Places
    hearing: Hearing
    accounting: Accounting
    access: NetworkAccess


def compose_memory(
    config: Config, databases: Databases, keys: KeyRing, library: LibrarySystem | None
) -> Memory:
    """Return what is behind every answer."""
    doors = compose_doors(config, databases.quick, NoGate(), keys, library)
    picture = LivePicture(PostgresLive(databases.patient), utc_now)
    journal = DiskJournal(journal_directory(config))
    return Memory(
        databases,
        doors,
        picture,
        Places(PostgresLive(databases.quick)),
        Hearing(PostgresLive(databases.quick), utc_now),
        Accounting(PostgresAccounts(databases.accounts), journal),
        NetworkAccess(doors, picture, utc_now),
    )


@dataclass(slots=True)
class Bridge:
    """What stands between the sockets and the services; serves nobody before `serve`.

    ``desk`` and ``presence`` None: another worker tells access points, and judges absence.
    """

    policy: RadiusPolicy
    responder: Responder
    tls: TlsServer | None = None
    desk: DynamicDesk | None = None
    presence: RadiusPresence | None = None
    exchanges: DatagramExchanges | None = None
    served: Bridged = Bridged()  # noqa: RUF009 - frozen

    def serve(self, served: Bridged) -> None:
        """Serve these clients from the next request on."""
        self.served = served
        self.policy.serve(served.access_points)
        self.responder.reload(served.clients)
        if self.tls is not None:
            self.tls.follow_clients()
        if self.desk is not None:
            self.desk.serve(served.clients, served.access_points, family_of)
        if self.presence is not None:
            self.presence.access_points = served.access_points

    async def tell(self, client_name: str, address: str, message: DynamicMessage) -> Outcome:
        """Say something to a client's access point at this address."""
        client = self.served.clients.named(client_name)
        if client is None or self.exchanges is None:
            return NotSent()
        return await DynamicAuthorizer(
            utc_now, self.exchanges, self.tls, self.responder.pipeline.counters
        ).send(client, address, message)


def compose_answers(
    config: Config, section: Radius, memory: Memory, keys: KeyRing, tasks: asyncio.TaskGroup
) -> Bridge:
    """Return a bridge that answers.

    Raises:
        StartError: a key cannot be used.
    """
    policy_settings, account_key = _from_keys(config, keys)
    policy = RadiusPolicy(policy_settings, memory.access, memory.places, tasks, utc_now)
    policy.hears = memory.hearing.hears

    def access_points() -> Mapping[str, AccessPoint]:
        return policy.access_points

    ledger = RadiusLedger(account_key, memory.accounting, memory.places, access_points)
    families = {name: family_of(name) for name in FamilyName}
    pipeline = Pipeline(Bridged().clients, families, reject_delay_s=section.reject_delay_s)
    limits = Limits(ask_timeout_s=settings.login_budget_s(config))
    return Bridge(policy, Responder(pipeline, policy, ledger, _moment, limits))


def with_tellings(
    bridge: Bridge, config: Config, memory: Memory, tasks: asyncio.TaskGroup
) -> Bridge:
    """Have the bridge tell access points too, and judge absence where there is no gate."""
    store = PostgresLive(memory.databases.quick)
    online = memory.doors.sessions.of_devices
    doors = DeskDoors(memory.picture, memory.places, store, online, bridge.tell)
    bridge.desk = DynamicDesk(doors, tasks, utc_now)
    bridge.exchanges = bridge.exchanges or DatagramExchanges()
    gated = frozenset(settings.gate_sites(config))
    bridge.presence = RadiusPresence(
        memory.doors.sessions,
        PostgresAccounts(memory.databases.accounts),
        {site_id: site for site_id, site in memory.doors.sites.items() if site_id not in gated},
        ReturnTickets(memory.doors).ended,
    )
    return bridge


def compose_tls(section: Radius, responder: Responder) -> TlsServer | None:
    """Return the server of RADIUS/TLS; None where no certificate is configured.

    Raises:
        StartError: a file cannot be used.
    """
    files = tls_files(section)
    if files is None:
        return None
    try:
        context = load_context(files)
        looked_at(files, utc_now())
    except TlsFilesError as problem:
        raise StartError(f"[radius]: {problem}") from problem
    return TlsServer(responder, [(a, section.tls_port) for a in section.addresses], context)


def looked_at(files: TlsFiles, now: datetime) -> Revoked:
    """Return the list of revoked certificates, and say when it is over its time.

    Raises:
        TlsFilesError: it cannot be used.
    """
    revoked = read_revoked(files)
    until = revoked.good_until
    if until is not None and until < now:
        # until there is a newer one, no access point can connect anew
        _log.error("radius_revocation_list_is_over", since=until.isoformat())
    elif until is not None and until < now + SOON_OVER:
        _log.warning("radius_revocation_list_is_over_soon", at=until.isoformat())
    return revoked


async def look_at_revoked(files: TlsFiles) -> Never:
    """Say in time that the list ends: from then on no access point can connect anew."""
    while True:
        await asyncio.sleep(LOOK_AT_REVOKED_EVERY_S)
        try:
            looked_at(files, utc_now())
        except TlsFilesError as problem:
            _log.error("radius_revocation_list_unreadable", reason=str(problem))


def tls_files(section: Radius) -> TlsFiles | None:
    """Return the files of RADIUS/TLS; None where there are none."""
    files = (section.certificate_file, section.private_key_file, section.client_ca_file)
    certificate, key, authority = files
    if certificate is None or key is None or authority is None:
        return None
    return TlsFiles(certificate, key, authority, section.client_crl_file)


def _from_keys(config: Config, keys: KeyRing) -> tuple[PolicySettings, bytes]:
    try:
        made = PolicyKeys(*(keys.radius_key(purpose) for purpose in ("visit", "login", "cui")))
        account_key = keys.radius_key("accounting")
    except KeyRingError as problem:
        raise StartError(str(problem)) from problem
    portal_url = origin("https", config.portal.host_name, config.portal.https_port) + VIA
    return PolicySettings(made, portal_url, config.organisation.default_language), account_key


def _moment() -> Moment:
    return Moment(monotonic(), utc_now())
