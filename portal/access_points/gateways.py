"""Gateways that cannot be spoken to and ask instead: openNDS at levels 3 and 4.

Not the questions' form (radius_bridge/vendors/opennds_authmon.py), not what is kept
(services/ports/gateways.py). The rules to keep: what a gateway is to be told stands in the database
until it says that it is done, so that a restart loses nothing; and whom it is told of is judged
when it asks, not when the visitor pressed the button. Fails closed: who is not listed stays out.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from portal.access_points.grants import MARGIN_S
from portal.domain.access_point import AccessPoint
from portal.domain.gateway_admission import LISTED_FOR, Waiting, judge
from portal.domain.passage import Passage
from portal.domain.session import Session
from portal.services.ports.gateways import Gateway, GatewayAdmissions, Listed
from radius_bridge.secret import Secret
from radius_bridge.vendors.opennds import return_hash
from radius_bridge.vendors.opennds_authmon import (
    ACKNOWLEDGED,
    MOST_LISTED,
    Ask,
    Entry,
    Question,
    answer,
    answer_out,
)

Networks = tuple[IPv4Network | IPv6Network, ...]


class AskingGateways:
    """What all of them are told."""

    def __init__(self, admissions: GatewayAdmissions) -> None:
        self._admissions = admissions

    async def ask(
        self, passage: Passage, key: Secret, session: Session, now: datetime, *, pressed: bool
    ) -> Waiting:
        """Have a passage's device let in, and say how far that is."""
        client, told = passage.visit.client, passage.told
        rhid = bytes.fromhex(return_hash(told["hid"], key))
        found = await self._admissions.find(client, rhid)
        judged = judge(found, session.id, now, pressed=pressed)
        if judged.is_anew:
            gateway = Gateway(client, bytes.fromhex(told["gateway"]))
            await self._admissions.ask(gateway, rhid, session.id, now)
        return judged.waiting

    async def answer(self, access_point: AccessPoint, question: Question, now: datetime) -> str:
        """Answer a gateway whose name is known."""
        gateway = Gateway(access_point.name, bytes.fromhex(question.gateway))
        rhids = [bytes.fromhex(rhid) for rhid in question.rhids]
        match question.ask:
            case Ask.WHOM_TO_LET_IN:
                return _list(access_point, await self._to_let_in(gateway, now), now)
            case Ask.WHOM_TO_LET_IN_ONCE:
                listed = await self._to_let_in(gateway, now)
                await self._admissions.let_in(gateway, [one.rhid for one in listed], now)
                return _list(access_point, listed, now)
            case Ask.LET_IN:
                if rhids:
                    await self._admissions.let_in(gateway, rhids, now)
            case Ask.WHOM_TO_PUT_OUT:
                gone = await self._admissions.to_put_out(gateway, now, MOST_LISTED)
                return answer_out(rhid.hex() for rhid in gone)
            case Ask.PUT_OUT:
                if rhids:
                    await self._admissions.put_out(gateway, rhids, now)
        return ACKNOWLEDGED

    async def _to_let_in(self, gateway: Gateway, now: datetime) -> list[Listed]:
        since = now - LISTED_FOR
        return list(await self._admissions.to_let_in(gateway, since, now, MOST_LISTED))


def _list(access_point: AccessPoint, listed: list[Listed], now: datetime) -> str:
    return answer(_entry(access_point, one, now) for one in listed)


def _entry(access_point: AccessPoint, one: Listed, now: datetime) -> Entry:
    """Return the exact end, rounded up to the minutes that a gateway counts in."""
    left_s = (one.session.due_at - now).total_seconds() + MARGIN_S
    rates: Mapping[str, int | None] = {
        "upload_kbit_s": access_point.upload_bit_s,
        "download_kbit_s": access_point.download_bit_s,
    }
    in_kbit = {name: (bit_s or 0) // 1000 for name, bit_s in rates.items()}
    return Entry(one.rhid.hex(), math.ceil(left_s / 60), **in_kbit)
