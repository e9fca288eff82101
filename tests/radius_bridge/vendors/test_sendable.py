"""Whatever an access point says of a device: what every family says back can be written."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.access import Station, ToPortal
from radius_bridge.clients import FamilyName
from radius_bridge.reading import read_station
from radius_bridge.vendors.family import DynamicKind, DynamicVerb, Reach
from radius_bridge.vendors.registry import family_of
from radius_bridge.wire import Attribute, Code, Packet, encode, vendor_attribute
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import GRANT, PHONE

SAID = st.none() | st.binary(max_size=300) | st.binary(min_size=225, max_size=300)
"""More than a packet can hold too: what is kept in a database comes back by another way."""

STATIONS = st.builds(
    Station,
    mac=st.none() | st.just(PHONE.mac),
    ip=st.sampled_from([None, "10.1.0.50", "2001:db8::50", "10.1.0"]),
    user_name=SAID.map(lambda octets: octets or b""),
    accounting_session_id=SAID,
    audit_session_id=SAID,
    nas_ip=st.sampled_from([None, "192.0.2.10", "2001:db8::10"]),
    nas_identifier=SAID,
    called=st.binary(max_size=253),
    ssid=st.binary(max_size=253),
)
LONGEST = "\uffdc" * 63
"""The longest name that the configuration takes, in octets."""
NAMED = replace(GRANT, role=LONGEST, vlan=LONGEST)
ROLES = st.sampled_from([None, "guests"])
AUDITED = PHONE._replace(audit_session_id=b"0A000001")
URL = "https://wifi.example.org/cwa/Wm9l?"


def can_be_written(attributes: tuple[Attribute, ...]) -> bool:
    return bool(encode(Packet(Code.COA_REQUEST, 7, bytes(16), attributes)))


@pytest.mark.parametrize("name", FamilyName)
@given(station=STATIONS)
def test_every_dialect_says_what_can_be_sent(name: FamilyName, station: Station) -> None:
    family = family_of(name)
    assert can_be_written(family.grant(NAMED, station))
    for decision in (ToPortal(URL), ToPortal(URL, LONGEST, LONGEST)):
        assert can_be_written(family.to_portal(decision, station) or ())
    for verb in DynamicVerb:
        message = family.dynamic(verb, None if verb is DynamicVerb.EXPEL else NAMED, station)
        assert message is None or can_be_written(message.attributes)


@pytest.mark.parametrize("name", FamilyName)
@given(station=STATIONS.map(lambda one: one._replace(mac=PHONE.mac)), role=ROLES)
def test_what_is_promised_of_a_session_can_be_said(
    name: FamilyName, station: Station, role: str | None
) -> None:
    """An end is written into an Accept for as long as nothing else can be said later."""
    family, grant = family_of(name), replace(GRANT, role=role)
    change = family.dynamic(DynamicVerb.CHANGE, grant, station)
    expel = family.dynamic(DynamicVerb.EXPEL, None, station)
    is_changed = change is not None and change.kind is DynamicKind.CHANGE
    reach = family.reach(station, role)
    assert (reach is Reach.CHANGE) == is_changed
    assert (reach is Reach.NOTHING) == (expel is None)


@pytest.mark.parametrize("name", FamilyName)
def test_nothing_is_promised_of_what_cannot_be_named(name: FamilyName) -> None:
    assert family_of(name).reach(Station(), "guests") is Reach.NOTHING


@pytest.mark.parametrize("name", FamilyName)
def test_a_change_lifts_an_idle_timeout(name: FamilyName) -> None:
    """What a CoA leaves out may stay as it was.

    A re-authentication brings all anew, and chilli lifts what is left out.
    """
    grant = replace(GRANT, idle_timeout_s=None, role="guests")
    message = family_of(name).dynamic(DynamicVerb.CHANGE, grant, AUDITED)
    if message is None or message.kind is not DynamicKind.CHANGE:
        return
    lines = lines_of(message)
    if name is not FamilyName.COOVACHILLI and "reauthenticate" not in str(lines):
        assert f"Idle-Timeout = {GRANT.session_timeout_s}" in lines


@pytest.mark.parametrize("name", [FamilyName.CISCO, FamilyName.MERAKI])
@given(key=st.binary(min_size=1, max_size=230))
def test_a_controllers_key_comes_back_octet_for_octet(name: FamilyName, key: bytes) -> None:
    told = vendor_attribute(9, 1, b"audit-session-id=" + key)
    calling = Attribute(31, b"3C-5A-B4-01-02-03")
    station = read_station(Packet(Code.ACCESS_REQUEST, 7, bytes(16), (calling, told)), "192.0.2.10")
    for verb in DynamicVerb:
        message = family_of(name).dynamic(verb, GRANT, station)
        assert message is not None
        assert told in message.attributes
