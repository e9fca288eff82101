"""PURE: a session as an access point is told of it, and a station as the portal keeps it.

Not the decision (portal/services/network_access.py) and not the attributes (radius_bridge/vendors).
The rule to keep: no timer of an access point comes before the session's own end, which is after
any tutoring; Class holds the session's id, CUI a keyed name, and neither tells anything of a guest.
"""

import base64
import hmac
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.ports.live import Place
from radius_bridge.access import Bandwidth, Grant, Station
from radius_bridge.vendors.family import Reach

MARGIN_S = 2.0
"""The access point asks again just after the end, not just before it; as the kernel's time-out."""

ALLOWED_FOR_S = 24 * 3600
"""A device that is always let in is asked about once a day."""

LONG_END_S = 12 * 3600
"""What is let in where it can be put out but given no other end. Kvar ends the session itself; this
bounds it when nobody of us is left to do so. No library is open for longer in a day, so that no
visit that is prolonged, by its guest or by a tutor, is cut short by its access point."""

NO_SESSION = bytes(16)
"""Class of a device that is let in without a session."""

_CUI_BYTES = 16
_EXPEL = Reach.EXPEL


class Terms(NamedTuple):
    """What all grants at an access point have in common, made once."""

    idle_timeout_s: int | None
    interim_interval_s: int
    bandwidth: Bandwidth
    vlan: str | None
    role: str | None


def terms_of(access_point: AccessPoint) -> Terms:
    """Return what an access point's devices may do."""
    idle = access_point.idle_timeout
    return Terms(
        idle_timeout_s=None if idle is None else int(idle.total_seconds()),
        interim_interval_s=int(access_point.interim_interval.total_seconds()),
        bandwidth=Bandwidth(access_point.upload_bit_s, access_point.download_bit_s),
        vlan=access_point.vlan,
        role=access_point.role,
    )


def grant_of(session: Session, terms: Terms, now: datetime, reach: Reach = Reach.CHANGE) -> Grant:
    """Return what lets the session's device in until the session ends.

    ``reach``: what can be done about it later. Who is helped by a tutor may sit still for as long
    as it takes; that may begin at any time, so whoever cannot be told of it gets no Idle-Timeout.
    """
    left_s = max(1, math.ceil((session.due_at - now).total_seconds() + MARGIN_S))
    idle_s = terms.idle_timeout_s
    if idle_s is not None and (reach is not Reach.CHANGE or session.is_protected(now)):
        idle_s = None
    return Grant(
        session=session.id.bytes,
        session_timeout_s=max(left_s, LONG_END_S) if reach is _EXPEL else left_s,
        idle_timeout_s=idle_s,
        interim_interval_s=terms.interim_interval_s,
        bandwidth=terms.bandwidth,
        vlan=terms.vlan,
        role=terms.role,
    )


def changed_grant(grant: Grant, in_for: timedelta) -> Grant:
    """Return the grant as a CoA holds it, for a device that has been in for so long.

    Some count Session-Timeout from the session's start (CoovaChilli, `session_interval`), some from
    the CoA. Neither may come too early; where it comes late, we have put the device out by then.
    """
    in_for_s = max(0, math.ceil(in_for.total_seconds()))
    return replace(grant, session_timeout_s=grant.session_timeout_s + in_for_s)


def grant_of_allowed(terms: Terms) -> Grant:
    """Return what lets a device in that needs no session."""
    return Grant(
        session=NO_SESSION,
        session_timeout_s=ALLOWED_FOR_S,
        idle_timeout_s=terms.idle_timeout_s,
        interim_interval_s=terms.interim_interval_s,
        bandwidth=terms.bandwidth,
        vlan=terms.vlan,
        role=terms.role,
    )


def session_id_of(class_: bytes | None) -> UUID | None:
    """Return the session that Class names; None: none of ours."""
    if class_ is None or len(class_) != len(NO_SESSION) or class_ == NO_SESSION:
        return None
    return UUID(bytes=class_)


def cui_of(key: bytes, session: Session) -> bytes:
    """Return the Chargeable-User-Identity of a session's owner: 22 characters (RFC 4372).

    A session without an owner is its device's; then no two visits to be charged are alike.
    """
    owner = b"session" + session.id.bytes if session.subject is None else session.subject
    name = hmac.digest(key, owner, "sha256")[:_CUI_BYTES]
    return base64.urlsafe_b64encode(name).rstrip(b"=")


def place_of(
    station: Station,
    client: str,
    now: datetime,
    *,
    let_in: bool,
    told_of: tuple[datetime | None, bool | None] = (None, None),
) -> Place | None:
    """Return where a device is; None: the access point does not say which.

    ``told_of``: until when it lets the device in, and whether it drops a silent one.
    """
    if station.mac is None:
        return None
    return Place(
        mac=MacAddress(station.mac),
        access_point=client,
        heard_at=now,
        let_in=let_in,
        ip=station.ip,
        user_name=station.user_name,
        accounting_session_id=station.accounting_session_id,
        audit_session_id=station.audit_session_id,
        source_ip=station.source_ip,
        nas_ip=station.nas_ip,
        nas_identifier=station.nas_identifier,
        nas_port=station.nas_port,
        called=station.called,
        ssid=station.ssid,
        granted_until=told_of[0],
        has_idle_timeout=told_of[1],
    )


def station_of(place: Place) -> Station:
    """Return the station again."""
    return Station(
        mac=place.mac,
        ip=place.ip,
        user_name=place.user_name,
        accounting_session_id=place.accounting_session_id,
        audit_session_id=place.audit_session_id,
        source_ip=place.source_ip,
        nas_ip=place.nas_ip,
        nas_identifier=place.nas_identifier,
        nas_port=place.nas_port,
        called=place.called,
        ssid=place.ssid,
    )
