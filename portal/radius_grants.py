"""PURE: a session as an access point is told of it, and a station as the portal keeps it.

Not the decision (portal/services/network_access.py) and not the attributes (radius_bridge/vendors).
The rule to keep: no timer of an access point comes before the session's own end, which is after
any tutoring; Class holds the session's id, CUI a keyed name, and neither tells anything of a guest.
"""

import base64
import hmac
import math
from datetime import datetime, timedelta
from uuid import UUID

from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress
from portal.domain.session import Session
from portal.services.ports.live import Place
from radius_bridge.access import Bandwidth, Grant, Station

MARGIN = timedelta(seconds=2)
"""The access point asks again just after the end, not just before it; as the kernel's time-out."""

ALLOWED_FOR = timedelta(hours=24)
"""A device that is always let in is asked about once a day."""

NO_SESSION = bytes(16)
"""Class of a device that is let in without a session."""

_CUI_BYTES = 16


def grant_of(session: Session, access_point: AccessPoint, now: datetime) -> Grant:
    """Return what lets the session's device in until the session ends."""
    return _grant(session.id.bytes, session.due_at - now, access_point)


def grant_of_allowed(access_point: AccessPoint) -> Grant:
    """Return what lets a device in that needs no session."""
    return _grant(NO_SESSION, ALLOWED_FOR, access_point)


def _grant(class_: bytes, left: timedelta, access_point: AccessPoint) -> Grant:
    idle = access_point.idle_timeout
    return Grant(
        session=class_,
        session_timeout_s=max(1, math.ceil((left + MARGIN).total_seconds())),
        idle_timeout_s=None if idle is None else int(idle.total_seconds()),
        interim_interval_s=int(access_point.interim_interval.total_seconds()),
        bandwidth=Bandwidth(access_point.upload_bit_s, access_point.download_bit_s),
        vlan=access_point.vlan,
        role=access_point.role,
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


def place_of(station: Station, client: str, now: datetime, *, let_in: bool) -> Place | None:
    """Return where a device is; None: the access point does not say which."""
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
