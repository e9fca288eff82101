"""Devices that come back, in PostgreSQL (implements services.ports.returning.Returns).

Not the rules (portal/domain/returning.py). The rule to keep: what lets a device in is looked at
again, under its lock, in the transaction that starts the session.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.returning import RememberedDevice, Ticket
from portal.domain.session import Ground
from portal.services.ports import Opening, Started
from portal.services.ports.returning import Known, Names
from portal.storage.database import Database
from portal.storage.sessions import started_of
from portal.storage.statements import load_statements

_SQL = load_statements("returning")


class PostgresReturns:
    """Tickets and remembered devices of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def offer(self, trace: bytes, ticket: Ticket) -> None:
        """See services.ports.returning.Returns."""
        await self._database.fetch(
            _SQL["offer"], trace, ticket.ground, ticket.subject, ticket.until, ticket.silently
        )

    async def known(
        self, devices: Mapping[MacAddress, Names], now: datetime
    ) -> Mapping[MacAddress, Known]:
        """See services.ports.returning.Returns."""
        traces = [names.trace for names in devices.values()]
        live = [name for names in devices.values() for name in names.live]
        rows = await self._database.fetch(_SQL["known"], traces, live, now)
        tickets = {bytes(row["device"]): _ticket(row) for row in rows if row["id"] is None}
        remembered = {bytes(row["device"]): remembered_of(row) for row in rows if row["id"]}
        found = {
            mac: Known(
                tickets.get(names.trace),
                next((remembered[name] for name in names.live if name in remembered), None),
            )
            for mac, names in devices.items()
        }
        return {mac: known for mac, known in found.items() if known != Known()}

    async def take_up(
        self, opening: Opening, remembered: RememberedDevice | None, name: Subject, *, pressed: bool
    ) -> Started | None:
        """See services.ports.returning.Returns."""
        session, trace = opening.session, opening.trace
        memory: tuple[Subject | None, Subject | None, datetime | None] = (None, None, None)
        if remembered is not None:
            memory = (name, remembered.name, remembered.expires_at)
        rows = await self._database.fetch(
            _SQL["take_up"],
            *(session.id, session.ground, session.subject, session.mac, session.site_id),
            *(session.started_at, session.ends_at, session.ends_because),
            *(trace.key_id, trace.device, trace.subject),
            *(opening.most_devices, pressed, *memory),
        )
        return started_of(rows) if rows else None

    async def remember(self, device: RememberedDevice, names: Sequence[Subject], most: int) -> None:
        """See services.ports.returning.Returns."""
        await self._database.fetch(
            _SQL["remember"],
            *(device.name, device.subject, device.id, device.label),
            *(device.added_at, device.named_at, device.last_visit_at, device.expires_at),
            *(list(names), most),
        )

    async def rename(self, old: Subject, new: Subject, now: datetime) -> None:
        """See services.ports.returning.Returns."""
        await self._database.fetch(_SQL["rename"], old, new, now)

    async def pause(self, names: Names, until: datetime) -> None:
        """See services.ports.returning.Returns."""
        await self._database.fetch(_SQL["pause"], list(names.live), until, names.trace)

    async def of_subject(self, subject: Subject, now: datetime) -> list[RememberedDevice]:
        """See services.ports.returning.Returns."""
        return [
            remembered_of(row)
            for row in await self._database.fetch(_SQL["of_subject"], subject, now)
        ]

    async def forget(self, names: Collection[Subject]) -> bool:
        """See services.ports.returning.Returns."""
        return bool(await self._database.fetch(_SQL["forget"], list(names)))

    async def forget_of(self, subject: Subject, device_id: UUID) -> bool:
        """See services.ports.returning.Returns."""
        return bool(await self._database.fetch(_SQL["forget_of"], subject, device_id))

    async def forget_for_staff(
        self, names: Collection[Subject], site_id: SiteId, number: int, staff: str, now: datetime
    ) -> bool:
        """See services.ports.returning.Returns."""
        values = (list(names), now, site_id, number, staff)
        return bool(await self._database.fetch(_SQL["forget_for_staff"], *values))

    async def forget_card(self, subjects: Collection[Subject], now: datetime) -> list[MacAddress]:
        """See services.ports.returning.Returns."""
        rows = await self._database.fetch(_SQL["forget_card"], list(subjects), now)
        return [MacAddress(row["mac"]) for row in rows]


def _ticket(row: asyncpg.Record) -> Ticket:
    return Ticket(Ground(row["ground"]), _subject(row), row["until"], row["silently"])


def remembered_of(row: asyncpg.Record) -> RememberedDevice:
    """Return the device of a row of remembered_device."""
    return RememberedDevice(
        id=UUID(int=row["id"].int),
        name=Subject(row["device"]),
        subject=Subject(row["subject"]),
        label=row["label"],
        added_at=row["added_at"],
        named_at=row["named_at"],
        last_visit_at=row["last_visit_at"],
        expires_at=row["expires_at"],
        paused_until=row["paused_until"],
    )


def _subject(row: asyncpg.Record) -> Subject | None:
    return None if row["subject"] is None else Subject(row["subject"])
