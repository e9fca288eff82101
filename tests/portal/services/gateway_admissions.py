"""Gateways' lists in memory, beside the sessions in memory."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from portal.domain.gateway_admission import Admission
from portal.domain.session import Session
from portal.services.ports import DatabaseUnavailableError
from portal.services.ports.gateways import Gateway, Listed


@dataclass(frozen=True)
class _Kept:
    gateway: Gateway
    admission: Admission
    listed_at: datetime | None = None
    told_until: datetime | None = None
    is_out: bool = False


@dataclass
class MemoryGatewayAdmissions:
    """``running`` gives the session of an id; None: it is over."""

    running: Callable[[UUID], Session | None]
    is_away: bool = False
    kept: dict[tuple[str, bytes], _Kept] = field(default_factory=dict)

    async def find(self, client: str, rhid: bytes) -> Admission | None:
        """See services.ports.gateways.GatewayAdmissions."""
        self._answer()
        kept = self.kept.get((client, rhid))
        return None if kept is None else kept.admission

    async def ask(self, gateway: Gateway, rhid: bytes, session_id: UUID, now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        self._answer()
        key = (gateway.client, rhid)
        earlier = self.kept.get(key, _Kept(gateway, Admission(session_id, now)))
        new = Admission(session_id, now)
        self.kept[key] = replace(earlier, gateway=gateway, admission=new, is_out=False)

    async def to_let_in(
        self, gateway: Gateway, since: datetime, now: datetime, most: int
    ) -> Sequence[Listed]:
        """See services.ports.gateways.GatewayAdmissions."""
        self._answer()
        due: list[tuple[tuple[bool, datetime, datetime], Listed]] = []
        for (_, rhid), kept in self.kept.items():
            admission, session = kept.admission, self._running(kept, now)
            waits = admission.acknowledged_at is None and admission.asked_at >= since
            if kept.gateway == gateway and waits and session is not None:
                order = (kept.listed_at is not None, kept.listed_at or now, admission.asked_at)
                due.append((order, Listed(rhid, session)))
        listed = [one for _, one in sorted(due, key=lambda pair: pair[0])][:most]
        for one in listed:
            key = (gateway.client, one.rhid)
            until = max(one.session.due_at, self.kept[key].told_until or one.session.due_at)
            self.kept[key] = replace(self.kept[key], listed_at=now, told_until=until)
        return listed

    async def let_in(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        self._answer()
        for key, kept in self._of(gateway, rhids).items():
            if kept.listed_at is not None and kept.admission.acknowledged_at is None:
                said = replace(kept.admission, acknowledged_at=now)
                self.kept[key] = replace(kept, admission=said)

    async def to_put_out(self, gateway: Gateway, now: datetime, most: int) -> Sequence[bytes]:
        """See services.ports.gateways.GatewayAdmissions."""
        self._answer()
        return [
            rhid
            for (_, rhid), kept in self.kept.items()
            if kept.gateway == gateway and not kept.is_out
            if kept.told_until is not None and kept.told_until > now
            if self._running(kept, now) is None
        ][:most]

    async def put_out(self, gateway: Gateway, rhids: Collection[bytes], now: datetime) -> None:
        """See services.ports.gateways.GatewayAdmissions."""
        del now
        self._answer()
        for key, kept in self._of(gateway, rhids).items():
            if kept.told_until is not None:
                self.kept[key] = replace(kept, is_out=True)

    def _of(self, gateway: Gateway, rhids: Collection[bytes]) -> dict[tuple[str, bytes], _Kept]:
        keys = [(gateway.client, rhid) for rhid in rhids]
        return {k: self.kept[k] for k in keys if k in self.kept and self.kept[k].gateway == gateway}

    def _running(self, kept: _Kept, now: datetime) -> Session | None:
        session = self.running(kept.admission.session_id)
        return session if session is not None and session.due_at > now else None

    def _answer(self) -> None:
        if self.is_away:
            raise DatabaseUnavailableError
