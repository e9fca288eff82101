"""The stores in memory: what portal/storage does, without a database and without concurrency.

They pass tests/portal/storage/test_contracts.py together with the real ones.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

from portal.domain.arrivals import NUMBER_IS_KEPT, choose_number
from portal.domain.clock_jump import SMALLEST_JUMP, ClockReading, move
from portal.domain.identity import Device, MacAddress, SiteId, Subject
from portal.domain.returning import QUIET_BEFORE_SUCCESSION, RememberedDevice, Ticket
from portal.domain.session import EndReason, Ground, Session, holds
from portal.domain.sign_in_limits import (
    CARDS_WINDOW,
    DAY,
    DEVICE_WINDOW,
    SITE_RATE_WINDOW,
    SITE_WINDOW,
    Tally,
)
from portal.domain.tutoring import Group
from portal.domain.typed_code import CodeLimits
from portal.domain.verification import Verification
from portal.services.ports import Event, LastEnd, Opening, Reservation, Started, Trace
from portal.services.ports.courtesy import Confirmation
from portal.services.ports.returning import Known, Names
from portal.services.ports.tutoring_groups import (
    CodeAnswer,
    CodeTried,
    GroupFull,
    GroupOver,
    JoinAnswer,
    Joined,
    NewGroup,
)
from portal.services.ports.typed_codes import CodesBusy, DeviceWaits, UnknownCode

UNDECIDED = timedelta(seconds=30)
MEMORY = timedelta(days=30)


@dataclass
class Attempt:
    id: int
    card: Subject
    device: Subject
    site_id: SiteId
    at: datetime
    outcome: Verification | None = None

    @property
    def is_wrong(self) -> bool:
        return self.outcome in {None, Verification.BAD_CREDENTIALS}


@dataclass
class MemoryAttempts:
    attempts: dict[int, Attempt] = field(default_factory=dict)
    known: dict[tuple[Subject, Subject], datetime] = field(default_factory=dict)
    ids: "count[int]" = field(default_factory=lambda: count(1))

    async def reserve(
        self, card: Subject, device: Subject, site_id: SiteId, now: datetime
    ) -> Reservation:
        tally = self._tally(card, device, site_id, now)
        attempt = Attempt(next(self.ids), card, device, site_id, now)
        self.attempts[attempt.id] = attempt
        return Reservation(attempt.id, tally)

    async def settle(self, reservation_id: int, outcome: Verification) -> None:
        self.attempts[reservation_id].outcome = outcome

    async def release(self, reservation_id: int) -> None:
        self.attempts.pop(reservation_id, None)

    def knows(self, card: Subject, device: Subject, now: datetime) -> bool:
        last = self.known.get((card, device))
        return last is not None and last > now - MEMORY

    def _tally(self, card: Subject, device: Subject, site_id: SiteId, now: datetime) -> Tally:
        def since(window: timedelta) -> list[Attempt]:
            return [a for a in self.attempts.values() if a.at > now - window]

        def undecided(found: list[Attempt]) -> int:
            return sum(a.outcome is None and a.at > now - UNDECIDED for a in found)

        def after_success(found: list[Attempt]) -> list[Attempt]:
            last = max((a.id for a in found if a.outcome is Verification.OK), default=0)
            return [a for a in found if a.is_wrong and a.id > last]

        of_card = [a for a in since(DAY) if a.card == card]
        pair = after_success([a for a in of_card if a.device == device])
        strangers = [a for a in of_card if a.is_wrong and not self.knows(card, a.device, now)]
        card_wrong = after_success(of_card)
        on_device = [a for a in since(DEVICE_WINDOW) if a.device == device and a.is_wrong]
        others = [a for a in on_device if a.card != card and a.at > now - CARDS_WINDOW]
        return Tally(
            device_is_known=self.knows(card, device, now),
            pair_wrong=len(pair),
            pair_last_at=max((a.at for a in pair), default=None),
            strangers_wrong=len(strangers),
            strangers_first_at=min((a.at for a in strangers), default=None),
            card_wrong=len(card_wrong),
            card_first_at=min((a.at for a in card_wrong), default=None),
            device_wrong=len(on_device),
            device_first_at=min((a.at for a in on_device), default=None),
            cards_tried=len({a.card for a in others}),
            cards_first_at=min((a.at for a in others), default=None),
            site_checks=sum(a.site_id == site_id for a in since(SITE_RATE_WINDOW)),
            site_wrong=sum(a.site_id == site_id and a.is_wrong for a in since(SITE_WINDOW)),
            pair_undecided=undecided(pair),
            strangers_undecided=undecided(strangers),
            card_undecided=undecided(card_wrong),
            device_undecided=undecided(on_device),
        )


@dataclass
class MemorySessions:
    attempts: MemoryAttempts
    live: dict[MacAddress, Session] = field(default_factory=dict)
    traces: dict[UUID, bytes] = field(default_factory=dict)
    past: list[Session] = field(default_factory=list)
    elsewhere: set[tuple[UUID, SiteId]] = field(default_factory=set)
    begun: "list[Callable[[Trace], object]]" = field(default_factory=list)
    """Are told of the trace of every session that begins."""

    async def start(self, opening: Opening) -> Started:
        new, now = opening.session, opening.session.started_at
        self._note_success(opening, now)
        self._end_where(lambda s: s.due_at <= now and self._concerns(s, new))
        running = self.live.get(new.mac)
        if running is not None:
            stays = new.subject is None or running.subject == new.subject
            if stays or running.is_protected(now):
                again = running.succeeded and running.subject == new.subject  # it takes a place
                put_out = self.make_room(new.subject, opening.most_devices, now) if again else ()
                seen = self._seen_again(running, new, now)
                self.live[new.mac] = seen
                return Started(seen, is_new=False, put_out=put_out)
            self._end(running, EndReason.REPLACED, now)
        elif opening.continues is not None:
            new = self._succeed(new, opening.continues, now)
        put_out = self.make_room(new.subject, opening.most_devices, now)
        self.live[new.mac] = new
        self.traces[new.id] = opening.trace.device
        for tell in self.begun:
            tell(opening.trace)
        return Started(new, is_new=True, put_out=put_out)

    def _seen_again(self, running: Session, new: Session, now: datetime) -> Session:
        came_by_itself = running.ground is Ground.REMEMBERED and new.ground is Ground.CARD
        shown = came_by_itself and running.subject == new.subject
        return replace(
            running,
            last_seen_at=max(running.last_seen_at, now),
            succeeded=False,
            ground=new.ground if shown else running.ground,
        )

    def _succeed(self, new: Session, session_id: UUID, now: datetime) -> Session:
        old = next((s for s in self.live.values() if s.id == session_id), None)
        quiet_since = now - QUIET_BEFORE_SUCCESSION
        if old is None or old.succeeded or old.last_seen_at > quiet_since:
            return new
        if old.subject != new.subject or old.mac == new.mac:
            return new
        here = old.site_id == new.site_id
        self.live[old.mac] = replace(
            old,
            succeeded=True,
            group_id=None,
            upload_bytes=0,
            download_bytes=0,
            tutored_as=None if here else old.tutored_as,
        )
        return replace(
            new,
            ends_at=old.ends_at if here else new.ends_at,
            ends_because=old.ends_because if here else new.ends_because,
            extensions=old.extensions,
            protected_until=old.protected_until,
            group_id=old.group_id,
            upload_bytes=old.upload_bytes,
            download_bytes=old.download_bytes,
            tutored_as=old.tutored_as if here else None,
        )

    async def find(self, mac: MacAddress) -> Session | None:
        return self.live.get(mac)

    async def of_devices(self, macs: Sequence[MacAddress]) -> Mapping[MacAddress, Session]:
        return {mac: self.live[mac] for mac in macs if mac in self.live}

    async def of_subject(self, subject: Subject) -> list[Session]:
        return [session for session in self.live.values() if session.subject == subject]

    async def last_end(self, devices: Sequence[bytes], since: datetime) -> LastEnd | None:
        ended = [
            (s.ended_at, LastEnd(s.end_reason, s.ground))
            for s in self.past
            if self.traces[s.id] in devices and s.ended_at is not None and s.ended_at >= since
            if s.end_reason is not None
        ]
        return max(ended, key=lambda end: end[0])[1] if ended else None

    async def extend(
        self, session: Session, ends_at: datetime, ends_because: EndReason, now: datetime
    ) -> Session | None:
        current = self.live.get(session.mac)
        if current is None or (current.id, current.ends_at) != (session.id, session.ends_at):
            return None
        del now  # the event's time; nothing here reads events
        longer = replace(
            current, ends_at=ends_at, ends_because=ends_because, extensions=current.extensions + 1
        )
        self.live[session.mac] = longer
        return longer

    async def end(self, session_id: UUID, reason: EndReason, now: datetime) -> Session | None:
        for session in list(self.live.values()):
            if session.id == session_id and (
                reason is not EndReason.ABSENT or holds(session, reason, now)
            ):
                return self._end(session, reason, max(now, session.started_at))
        return None

    async def admit_at(self, session_id: UUID, site_id: SiteId) -> None:
        if any(session.id == session_id for session in self.live.values()):
            self.elsewhere.add((session_id, site_id))

    async def end_due(self, site_ids: Sequence[SiteId], now: datetime) -> list[Session]:
        return self._end_where(lambda s: s.due_at <= now and s.site_id in site_ids)

    async def admitted(
        self, site_ids: Sequence[SiteId], now: datetime
    ) -> list[tuple[MacAddress, datetime]]:
        return [
            (s.mac, s.due_at)
            for s in self.live.values()
            if s.due_at > now
            and (s.site_id in site_ids or any((s.id, at) in self.elsewhere for at in site_ids))
        ]

    def _note_success(self, opening: Opening, now: datetime) -> None:
        if opening.attempt is not None:
            self.attempts.attempts[opening.attempt].outcome = Verification.OK
        if opening.device is not None and opening.session.subject is not None:
            self.attempts.known[opening.session.subject, opening.device] = now

    def make_room(
        self, subject: Subject | None, most: int, now: datetime
    ) -> tuple[MacAddress, ...]:
        if subject is None:
            return ()
        mine = [
            s
            for s in self.live.values()
            if s.subject == subject and not s.succeeded and s.due_at > now
        ]
        may_go = sorted(
            (s for s in mine if not s.is_protected(now)), key=lambda s: (s.last_seen_at, s.id)
        )
        gone = may_go[: max(len(mine) - (most - 1), 0)]
        for session in gone:
            self._end(session, EndReason.REPLACED, now)
        return tuple(session.mac for session in gone)

    def _concerns(self, session: Session, new: Session) -> bool:
        same_card = new.subject is not None and session.subject == new.subject
        return same_card or session.mac == new.mac

    def _end_where(self, condition: Callable[[Session], bool]) -> list[Session]:
        due = [session for session in self.live.values() if condition(session)]
        return [self._end(session, session.ends_because, session.due_at) for session in due]

    def _end(self, session: Session, reason: EndReason, at: datetime) -> Session:
        del self.live[session.mac]
        # As record_end does: a clock that stepped back ends no session before its start.
        ended = replace(session, ended_at=max(at, session.started_at), end_reason=reason)
        self.past.append(ended)
        return ended


@dataclass
class MemoryCourtesies:
    sessions: MemorySessions
    given: dict[Subject, datetime] = field(default_factory=dict)

    async def take(self, device: Subject, since: datetime, now: datetime) -> bool:
        if device in self.given and self.given[device] >= since:
            return False
        self.given[device] = now
        return True

    async def confirm(self, confirmation: Confirmation, now: datetime) -> Started | None:
        attempts, session = self.sessions.attempts, confirmation.session
        attempts.attempts[confirmation.attempt].outcome = Verification.OK
        attempts.known[confirmation.subject, confirmation.device] = now
        current = self.sessions.live.get(session.mac)
        if current is None or (current.id, current.ground) != (session.id, Ground.COURTESY):
            return None
        put_out = self.sessions.make_room(confirmation.subject, confirmation.most_devices, now)
        ends_at, ends_because = confirmation.ends
        confirmed = replace(
            current,
            ground=Ground.CARD,
            subject=confirmation.subject,
            ends_at=ends_at,
            ends_because=ends_because,
        )
        self.sessions.live[session.mac] = confirmed
        return Started(confirmed, is_new=False, put_out=put_out)


@dataclass
class MemoryArrivals:
    numbers: dict[tuple[SiteId, MacAddress], tuple[int, datetime]] = field(default_factory=dict)
    steps: dict[tuple[SiteId, MacAddress], list[str]] = field(default_factory=dict)

    async def see(
        self, device: Device, now: datetime, kind: str = "", *, is_online: bool = False
    ) -> int | None:
        del kind, is_online  # read by the desk alone, which has the real one
        self.numbers = {k: v for k, v in self.numbers.items() if v[1] > now - NUMBER_IS_KEPT}
        key = (device.site_id, device.mac)
        if key in self.numbers:
            number, last = self.numbers[key]
            self.numbers[key] = (number, max(now, last))
            return number
        taken = {number for (site_id, _), (number, _) in self.numbers.items() if site_id == key[0]}
        drawn = choose_number(taken, 0.5)
        if drawn is not None:
            self.numbers[key] = (drawn, now)
            self.steps[key] = []
        return drawn

    async def add_step(self, device: Device, step: str, now: datetime) -> None:
        key = (device.site_id, device.mac)
        if key in self.numbers:
            number, last = self.numbers[key]
            self.numbers[key] = (number, max(now, last))
            self.steps[key] = [*self.steps[key], step][-10:]


@dataclass
class MemoryGroups:
    sessions: MemorySessions
    groups: dict[UUID, tuple[Group, Subject]] = field(default_factory=dict)
    guesses: list[tuple[datetime, Subject, SiteId]] = field(default_factory=list)
    codes: dict[UUID, bytes] = field(default_factory=dict)

    async def keep_code(self, group: Group, sealed: bytes) -> None:
        self.codes.setdefault(group.id, sealed)

    async def kept_code(self, group: Group) -> bytes | None:
        return None if self.groups[group.id][0].ended_at else self.codes.get(group.id)

    async def start(self, group: NewGroup, by: str) -> Group | None:
        del by  # the event's; nothing here reads events
        live = [(g, c) for g, c in self._of(group.site_id) if g.ended_at is None]
        if any(code == group.code for _, code in live):
            return None
        number = next(n for n in count(1) if all(g.number != n for g, _ in live))
        values = (group.starts_at, group.ends_at, group.most_devices)
        started = Group(group.id, group.site_id, number, *values)
        self.groups[group.id] = (started, group.code)
        return started

    def hold_back(
        self, device: Subject, site_id: SiteId, limits: CodeLimits, now: datetime
    ) -> DeviceWaits | CodesBusy | None:
        recent = [at for at, guesser, _ in self.guesses if guesser == device]
        mine = sorted((at for at in recent if at > now - limits.device_window), reverse=True)
        if len(mine) >= limits.per_device:
            return DeviceWaits(min(mine[limits.per_device - 1], now) + limits.device_window)
        sites = [site for at, _, site in self.guesses if at > now - limits.window]
        if sites.count(site_id) >= limits.per_site or len(sites) >= limits.everywhere:
            return CodesBusy()
        return None

    async def try_code(self, tried: CodeTried, limits: CodeLimits, now: datetime) -> CodeAnswer:
        held_back = self.hold_back(tried.device, tried.site_id, limits, now)
        if held_back is not None:
            return held_back
        found = [g for g, code in self._of(tried.site_id) if code == tried.code]
        if found:
            return max(found, key=lambda g: (g.ended_at is None, g.ends_at))
        self.guesses.append((now, tried.device, tried.site_id))
        return UnknownCode()

    async def join(self, group: Group, opening: Opening) -> JoinAnswer:
        now, mac = opening.session.started_at, opening.session.mac
        current = self.groups[group.id][0]
        if not current.takes_in(now):
            return GroupOver()
        others = [s for s in self._members(group) if s.mac != mac and not s.succeeded]
        if sum(s.due_at > now for s in others) >= current.most_devices:
            return GroupFull()
        started = await self.sessions.start(opening)
        held = max(started.session.protected_until or current.ends_at, current.ends_at)
        joined = replace(started.session, group_id=group.id, protected_until=held, succeeded=False)
        self.sessions.live[mac] = joined
        return Joined(joined, started.is_new)

    async def live(self, site_id: SiteId, now: datetime) -> list[tuple[Group, int]]:
        live = [group for group, _ in self._of(site_id) if group.ended_at is None]
        return [
            (g, sum(not s.succeeded and s.due_at > now for s in self._members(g)))
            for g in sorted(live, key=lambda g: g.number)
        ]

    async def members(self, group: Group) -> list[Session]:
        return self._members(group)

    async def prolong(
        self, group: Group, until: datetime, by: str, now: datetime
    ) -> tuple[Group, Sequence[Session]] | None:
        del by, now
        current, code = self.groups[group.id]
        if current.ended_at is not None:
            return None
        longer = replace(current, ends_at=max(current.ends_at, until))
        self.groups[group.id] = (longer, code)
        for s in self._members(group):
            held = max(s.protected_until or longer.ends_at, longer.ends_at)
            self.sessions.live[s.mac] = replace(s, protected_until=held)
        return longer, self._members(group)

    async def end(
        self,
        group: Group,
        ends: Mapping[UUID, tuple[datetime, EndReason]],
        by: str,
        now: datetime,
    ) -> Sequence[Session] | None:
        del by
        current, code = self.groups[group.id]
        if current.ended_at is not None:
            return None
        self.groups[group.id] = (replace(current, ended_at=max(now, current.starts_at)), code)
        left = [self._left(session, ends) for session in self._members(group)]
        self.sessions.live |= {session.mac: session for session in left}
        return left

    @staticmethod
    def _left(session: Session, ends: Mapping[UUID, tuple[datetime, EndReason]]) -> Session:
        if session.tutored_as is not None:
            return replace(session, group_id=None)
        at, because = ends.get(session.id, (session.ends_at, session.ends_because))
        return replace(
            session, group_id=None, protected_until=None, ends_at=at, ends_because=because
        )

    def _of(self, site_id: SiteId) -> list[tuple[Group, Subject]]:
        return [(g, code) for g, code in self.groups.values() if g.site_id == site_id]

    def _members(self, group: Group) -> list[Session]:
        members = [s for s in self.sessions.live.values() if s.group_id == group.id]
        return sorted(members, key=lambda s: s.id)


@dataclass
class MemoryEvents:
    events: list[Event] = field(default_factory=list)

    async def record(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class MemoryClocks:
    """One machine's clock for the sessions of a memory store."""

    sessions: MemorySessions
    started_at: dict[SiteId, datetime] = field(default_factory=dict)
    doubted: set[SiteId] = field(default_factory=set)

    async def settle(
        self, site_ids: Sequence[SiteId], machine_start: str, reading: ClockReading
    ) -> Mapping[SiteId, timedelta]:
        del machine_start
        jumps = {}
        for site_id in site_ids:
            before = self.started_at.setdefault(site_id, reading.started_at)
            jump = reading.started_at - before
            if abs(jump) >= SMALLEST_JUMP:
                self.started_at[site_id] = reading.started_at
                jumps[site_id] = jump
                for mac, session in self.sessions.live.items():
                    if session.site_id == site_id:
                        self.sessions.live[mac] = move(session, jump)
        self.doubted |= jumps.keys()
        return jumps

    async def in_doubt(self, site_ids: Sequence[SiteId]) -> list[SiteId]:
        return [site_id for site_id in site_ids if site_id in self.doubted]

    async def believe_closing(self, site_id: SiteId, ends_at: datetime | None) -> int:
        del ends_at
        self.doubted.discard(site_id)
        return 0


@dataclass
class MemoryReturns:
    sessions: MemorySessions
    tickets: dict[bytes, Ticket] = field(default_factory=dict)
    devices: dict[Subject, RememberedDevice] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sessions.begun.append(lambda trace: self.tickets.pop(trace.device, None))

    async def offer(self, trace: bytes, ticket: Ticket) -> None:
        self.tickets[trace] = ticket

    async def known(
        self, devices: Mapping[MacAddress, Names], now: datetime
    ) -> Mapping[MacAddress, Known]:
        found = {}
        for mac, names in devices.items():
            ticket = self.tickets.get(names.trace)
            remembered = [self.devices[name] for name in names.live if name in self.devices]
            known = Known(
                ticket if ticket is not None and ticket.until > now else None,
                next((device for device in remembered if device.expires_at > now), None),
            )
            if known != Known():
                found[mac] = known
        return found

    async def take_up(
        self, opening: Opening, remembered: RememberedDevice | None, name: Subject, *, pressed: bool
    ) -> Started | None:
        new, now = opening.session, opening.session.started_at
        running = self.sessions.live.get(new.mac)
        if running is not None and running.due_at > now:
            return Started(running, is_new=False)
        others = [
            s
            for s in self.sessions.live.values()
            if new.subject is not None and s.subject == new.subject
            if not s.succeeded and s.due_at > now
        ]
        if len(others) >= opening.most_devices and not pressed:
            return None
        if remembered is None:
            ticket = self.tickets.get(opening.trace.device)
            if ticket is None or not (ticket.silently or pressed) or ticket.until <= now:
                return None
            if ticket.subject != new.subject:
                return None
        elif not self._visit(remembered, name, now):
            return None
        return await self.sessions.start(opening)

    def _visit(self, after: RememberedDevice, name: Subject, now: datetime) -> bool:
        device = self.devices.get(name)
        if device is None or device.subject != after.subject or device.expires_at <= now:
            return False
        if device.paused_until is not None and device.paused_until > now:
            return False
        del self.devices[name]
        seen = max(device.last_visit_at, now)
        self.devices[after.name] = replace(after, last_visit_at=seen, paused_until=None)
        return True

    async def remember(self, device: RememberedDevice, names: Sequence[Subject], most: int) -> None:
        await self.forget(names)
        mine = sorted(
            (d for d in self.devices.values() if d.subject == device.subject),
            key=lambda d: d.last_visit_at,
            reverse=True,
        )
        for surplus in mine[most - 1 :]:
            del self.devices[surplus.name]
        self.devices[device.name] = device

    async def rename(self, old: Subject, new: Subject, now: datetime) -> None:
        for device in list(self.devices.values()):
            if device.subject == old:
                self.devices[device.name] = replace(device, subject=new, named_at=now)

    async def pause(self, names: Names, until: datetime) -> None:
        self.tickets.pop(names.trace, None)
        for name in names.live:
            if name in self.devices:
                self.devices[name] = replace(self.devices[name], paused_until=until)

    async def of_subject(self, subject: Subject, now: datetime) -> list[RememberedDevice]:
        mine = [d for d in self.devices.values() if d.subject == subject and d.expires_at > now]
        return sorted(mine, key=lambda d: d.added_at, reverse=True)

    async def forget(self, names: Collection[Subject]) -> bool:
        gone = [self.devices.pop(name, None) for name in names]
        return any(device is not None for device in gone)

    async def forget_of(self, subject: Subject, device_id: UUID) -> bool:
        mine = [d for d in self.devices.values() if (d.subject, d.id) == (subject, device_id)]
        return await self.forget([device.name for device in mine])

    async def forget_for_staff(
        self, names: Collection[Subject], site_id: SiteId, number: int, staff: str, now: datetime
    ) -> bool:
        del site_id, number, staff, now  # the event; nothing here reads events
        return await self.forget(names)

    async def forget_card(self, subjects: Collection[Subject], now: datetime) -> list[MacAddress]:
        await self.forget([d.name for d in self.devices.values() if d.subject in subjects])
        gone = [t for t, ticket in self.tickets.items() if ticket.subject in subjects]
        for trace in gone:
            del self.tickets[trace]
        out = [
            s
            for s in self.sessions.live.values()
            if s.subject in subjects and s.ground is Ground.REMEMBERED and not s.is_protected(now)
        ]
        for session in out:
            await self.sessions.end(session.id, EndReason.REVOKED, now)
        return [session.mac for session in out]
