"""Vouchers in PostgreSQL (implements services.ports.vouchers.VoucherStore).

Not the rules (portal/domain/voucher.py), and not the counting of places and guesses, which stands
under its locks in migrations/0004_vouchers.sql. The rule to keep: a change and the event that says
who made it are one transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from portal.domain.identity import MacAddress, SiteId, Subject
from portal.domain.returning import QUIET_BEFORE_SUCCESSION
from portal.domain.session import EndReason, Session
from portal.domain.typed_code import CodeLimits
from portal.domain.voucher import Lasts, Serial, Voucher
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode
from portal.services.ports.vouchers import (
    Making,
    NewVoucher,
    NewVouchers,
    RedeemAnswer,
    Redemption,
    Revoked,
    Sealed,
    VoucherAnswer,
    VoucherChanged,
    VoucherFull,
    VoucherTried,
    VoucherUsed,
)
from portal.storage.database import Database
from portal.storage.sessions import RETRIES, session_of
from portal.storage.statements import load_statements

_SQL = load_statements("vouchers")

CHUNK = 100
"""Vouchers a statement: each far within its time-out, and a progress that can be seen."""


class _CodeTakenError(Exception):
    """Undoes the making: another voucher has one of these codes already."""


class PostgresVouchers:
    """The vouchers of the whole organisation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def make(
        self, new: NewVouchers, by: str, now: datetime, progress: Callable[[int], None]
    ) -> list[Voucher] | None:
        """See services.ports.vouchers.VoucherStore."""
        try:
            async with self._database.connection() as connection, connection.transaction():
                return await _make(connection, new, by, now, progress)
        except _CodeTakenError:
            return None

    async def try_code(
        self, tried: VoucherTried, limits: CodeLimits, now: datetime
    ) -> VoucherAnswer:
        """See services.ports.vouchers.VoucherStore."""
        row = await self._database.fetch_row(
            _SQL["try_code"],
            *(list(tried.codes), tried.device, tried.site_id, now),
            *(limits.per_device, limits.device_window),
            *(limits.per_site, limits.everywhere, limits.window, limits.alarm_at),
        )
        match row and row["what"]:
            case "known" if row is not None and row["id"] is not None:
                return voucher_of(row)
            case "unknown" | "known":  # deleted between the two
                return UnknownCode()
            case "waits" if row is not None:
                return DeviceWaits(row["wait_until"])
            case "busy":
                return CodesBusy()
        raise DatabaseUnavailableError("try_voucher_code gave no row")

    async def by_token(self, tokens: Sequence[Subject]) -> Voucher | None:
        """See services.ports.vouchers.VoucherStore."""
        return await self._one("by_token", list(tokens))

    async def by_code(self, codes: Sequence[Subject]) -> Voucher | None:
        """See services.ports.vouchers.VoucherStore."""
        return await self._one("by_code", list(codes))

    async def by_serial(self, serial: Serial) -> Voucher | None:
        """See services.ports.vouchers.VoucherStore."""
        return await self._one("by_serial", serial.letters, serial.number)

    async def by_subject(self, subject: Subject) -> Voucher | None:
        """See services.ports.vouchers.VoucherStore."""
        return await self._one("by_subject", subject)

    async def has_place(self, voucher: Voucher, device: Subject) -> bool:
        """See services.ports.vouchers.VoucherStore."""
        return await self._database.fetch_row(_SQL["has_place"], voucher.id, device) is not None

    async def redeem(self, wish: Redemption) -> RedeemAnswer:
        """See services.ports.vouchers.VoucherStore."""
        for _ in range(RETRIES):
            try:
                return await self._redeem(wish)
            except DatabaseUnavailableError as error:
                if not isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                    raise
        raise DatabaseUnavailableError("deadlocks")

    async def _redeem(self, wish: Redemption) -> RedeemAnswer:
        opening = wish.opening
        session, trace = opening.session, opening.trace
        rows = await self._database.fetch(
            _SQL["redeem"],
            *(wish.voucher.id, session.id, session.ground, session.subject, session.mac),
            *(session.site_id, session.started_at, session.ends_at, session.ends_because),
            *(trace.key_id, trace.device, trace.subject),
            *(wish.ends_at, wish.device, opening.continues, wish.before),
            session.started_at - QUIET_BEFORE_SUCCESSION,
        )
        *replaced, last = rows
        match last["what"]:
            case "changed":
                return VoucherChanged()
            case "full":
                return VoucherFull()
        return VoucherUsed(
            session=session_of(last),
            is_new=last["what"] == "started",
            put_out=tuple(MacAddress(row["mac"]) for row in replaced),
        )

    async def recent(self, site_id: SiteId, most: int) -> list[Voucher]:
        """See services.ports.vouchers.VoucherStore."""
        return await self._several("recent", site_id, most)

    async def makings(self, site_id: SiteId, most: int) -> list[Making]:
        """See services.ports.vouchers.VoucherStore."""
        rows = await self._database.fetch(_SQL["makings"], site_id, most)
        return [Making(voucher_of(row), int(row["count"])) for row in rows]

    async def of_series(self, letters: str) -> list[Voucher]:
        """See services.ports.vouchers.VoucherStore."""
        return await self._several("of_series", letters)

    async def live(self, site_id: SiteId, now: datetime) -> int:
        """See services.ports.vouchers.VoucherStore."""
        row = await self._database.fetch_row(_SQL["live"], site_id, now)
        return 0 if row is None else int(row["count"])

    async def undo(
        self, site_id: SiteId, making: UUID, since: datetime, by: str, now: datetime
    ) -> int:
        """See services.ports.vouchers.VoucherStore."""
        row = await self._database.fetch_row(_SQL["undo"], site_id, making, since, now, by)
        return 0 if row is None else int(row["count"])

    async def revoke(
        self, vouchers: Sequence[Voucher], by: str, now: datetime, *, only_unused: bool
    ) -> Revoked:
        """See services.ports.vouchers.VoucherStore."""
        ids, first = [voucher.id for voucher in vouchers], vouchers[0]
        async with self._database.connection() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["revoke"], ids, only_unused, now)
            put_out = tuple(MacAddress(row["device"]) for row in rows if row["device"])
            count = len(rows) - len(put_out)
            if count:
                serial = str(first.serial) if len(ids) == 1 else first.serial.letters
                values = (now, first.site_id, serial, count, len(put_out), by)
                await connection.execute(_SQL["note_revocation"], *values)
        return Revoked(count, put_out)

    async def prolong(
        self,
        longer: Voucher,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> list[Session] | None:
        """See services.ports.vouchers.VoucherStore."""
        told = [(session_id, *end) for session_id, end in ends.items()]
        columns = [[row[index] for row in told] for index in range(3)]
        rows = await self._database.fetch(
            _SQL["prolong"],
            *(longer.id, longer.use_before, longer.lasts.until, longer.ends_at),
            *columns,
            *(now, by),
        )
        return [session_of(row) for row in rows if not row["is_voucher"]] if rows else None

    async def sealed(self, vouchers: Sequence[Voucher]) -> Mapping[UUID, Sealed]:
        """See services.ports.vouchers.VoucherStore."""
        ids = [voucher.id for voucher in vouchers]
        rows = await self._database.fetch(_SQL["sealed"], ids)
        return {UUID(int=row["id"].int): Sealed(row["key_id"], row["sealed"]) for row in rows}

    async def note_reprint(self, voucher: Voucher, by: str, now: datetime) -> None:
        """See services.ports.vouchers.VoucherStore."""
        await self._note("voucher_reprinted", voucher.site_id, str(voucher.serial), by, now)

    async def replace(
        self, old: Voucher, new: NewVoucher, by: str, now: datetime
    ) -> Voucher | None:
        """See services.ports.vouchers.VoucherStore."""
        names = new.names
        try:
            rows = await self._database.fetch(
                _SQL["replace"],
                *(old.id, new.id, new.id, names.key_id, names.code, names.token),
                *(names.subject, names.sealed, now, by),
            )
        except asyncpg.UniqueViolationError as error:
            raise DatabaseUnavailableError("a code that was drawn is taken") from error
        # its devices moved in that statement, which does not see it
        return await self._one("by_subject", old.subject) if rows else None

    async def note_export(
        self, site_id: SiteId, letters: str, by: str, now: datetime, *, with_codes: bool
    ) -> None:
        """See services.ports.vouchers.VoucherStore."""
        kind = "voucher_codes_exported" if with_codes else "vouchers_exported"
        await self._note(kind, site_id, letters, by, now)

    async def pauses(self, sessions: Sequence[Session], now: datetime) -> Mapping[UUID, timedelta]:
        """See services.ports.vouchers.VoucherStore."""
        ids = [session.id for session in sessions]
        rows = await self._database.fetch(_SQL["pauses"], ids, now)
        return {
            UUID(int=row["id"].int): row["paused"]
            for row in rows
            if row["paused"] is not None and row["paused"] > timedelta(0)
        }

    async def _one(self, name: str, *values: object) -> Voucher | None:
        row = await self._database.fetch_row(_SQL[name], *values)
        return None if row is None else voucher_of(row)

    async def _several(self, name: str, *values: object) -> list[Voucher]:
        return [voucher_of(row) for row in await self._database.fetch(_SQL[name], *values)]

    async def _note(self, kind: str, site_id: SiteId, what: str, by: str, now: datetime) -> None:
        await self._database.fetch(_SQL["note"], now, kind, site_id, what, by)


async def _make(
    connection: asyncpg.Connection,
    new: NewVouchers,
    by: str,
    now: datetime,
    progress: Callable[[int], None],
) -> list[Voucher]:
    count = len(new.each)
    series = await connection.fetchrow(_SQL["take_serials"], new.site_id, count, now)
    letters, first = series["series"], series["first_number"]
    alike = (new.making, new.site_id, new.is_everywhere, new.preset, new.most_devices)
    clocks = (now, new.starts_at, new.use_before, new.lasts.length, new.lasts.until)
    made: list[Voucher] = []
    for start in range(0, count, CHUNK):
        each = new.each[start : start + CHUNK]
        values = (letters, first + start, *alike, *clocks, *_columns(each))
        rows = await connection.fetch(_SQL["make"], *values)
        if len(rows) < len(each):
            raise _CodeTakenError
        made += map(voucher_of, rows)
        progress(len(made))
    told = (now, new.site_id, letters, first, count, new.preset, by)
    await connection.execute(_SQL["note_making"], *told)
    return sorted(made, key=lambda voucher: voucher.serial.number)


def _columns(each: Sequence[NewVoucher]) -> list[list[object]]:
    """Return ids, key ids, codes, tokens, subjects and seals."""
    names = [new.names for new in each]
    return [
        [new.id for new in each],
        [each.key_id for each in names],
        [each.code for each in names],
        [each.token for each in names],
        [each.subject for each in names],
        [each.sealed for each in names],
    ]


def voucher_of(row: asyncpg.Record) -> Voucher:
    """Return the voucher of a row of voucher, with the number of its devices."""
    return Voucher(
        id=UUID(int=row["id"].int),
        making=UUID(int=row["making"].int),
        serial=Serial(row["letters"], row["number"]),
        site_id=SiteId(row["site_id"]),
        subject=Subject(row["subject"]),
        key_id=row["key_id"],
        lasts=Lasts(row["length"], row["until"]),
        most_devices=row["most_devices"],
        made_at=row["made_at"],
        starts_at=row["starts_at"],
        use_before=row["use_before"],
        is_everywhere=row["is_everywhere"],
        preset=row["preset"],
        first_used_at=row["first_used_at"],
        ends_at=row["ends_at"],
        revoked_at=row["revoked_at"],
        devices=row["devices"],
        is_sealed=row["sealed"] is not None,
    )
