from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.access import Bandwidth, Grant, Station, ToPortal
from radius_bridge.clients import FamilyName
from radius_bridge.vendors.family import DynamicKind, DynamicVerb
from radius_bridge.vendors.registry import dynamic_port_of, family_of
from radius_bridge.wire import Attribute, Packet, decode, encode, vendor_attribute
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PLAIN_GRANT, RECORD

STANDARD = family_of(FamilyName.STANDARD)


def test_a_grant_says_when_to_ask_again_who_it_is_and_how_fast() -> None:
    assert lines_of(STANDARD.grant(GRANT, PHONE)) == [
        *ENDS,
        *CLASS,
        "WISPr-Bandwidth-Max-Up = 2000000",
        "WISPr-Bandwidth-Max-Down = 8000000",
    ]


def test_role_vlan_cui_and_proof_are_sent_where_there_are_any() -> None:
    proof = (vendor_attribute(311, 26, b"\x07S=407A5589115FD0D6209F510FE9C04566932CDA56"),)
    grant = replace(PLAIN_GRANT, cui=b"c4f1", role="guests", vlan="120", proof=proof)
    assert lines_of(STANDARD.grant(grant, PHONE))[3:] == [
        *CLASS,
        "Chargeable-User-Identity = c4f1",
        "Filter-Id = guests",
        "Tunnel-Type = 13",
        "Tunnel-Medium-Type = 6",
        "Tunnel-Private-Group-Id = 120",
        "MS-CHAP2-Success = \x07S=407A5589115FD0D6209F510FE9C04566932CDA56",
    ]


def test_an_interval_under_a_minute_is_a_minute() -> None:
    grant = replace(PLAIN_GRANT, interim_interval_s=10)
    assert "Acct-Interim-Interval = 60" in lines_of(STANDARD.grant(grant, PHONE))


def test_a_session_that_ends_now_never_reads_as_one_without_end() -> None:
    grant = replace(PLAIN_GRANT, session_timeout_s=0, reauthenticates=False)
    lines = lines_of(STANDARD.grant(grant, PHONE))
    assert "Session-Timeout = 1" in lines
    assert not [one for one in lines if one.startswith("Termination-Action")]


def test_a_stranger_gets_a_reject_or_the_vlan_where_a_gateway_shows_the_portal() -> None:
    assert STANDARD.to_portal(ToPortal("https://wifi.example.org/?"), PHONE) is None
    decision = ToPortal("https://wifi.example.org/?", vlan="99")
    assert lines_of(STANDARD.to_portal(decision, PHONE)) == [
        "Session-Timeout = 1800",
        "Termination-Action = 1",
        "Tunnel-Type = 13",
        "Tunnel-Medium-Type = 6",
        "Tunnel-Private-Group-Id = 99",
    ]


def test_a_disconnect_holds_only_what_finds_the_session() -> None:
    """RFC 5176 section 3: identification attributes, and no others."""
    message = STANDARD.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "Acct-Session-Id = 655f0a1b00000001",
        "User-Name = 3C-5A-B4-01-02-03",
        "NAS-IP-Address = 192.0.2.10",
    ]
    before_accounting = PHONE._replace(accounting_session_id=None, nas_ip=None)
    assert lines_of(STANDARD.dynamic(DynamicVerb.EXPEL, None, before_accounting)) == [
        "Calling-Station-Id = 3C-5A-B4-01-02-03",
        "User-Name = 3C-5A-B4-01-02-03",
        "NAS-Identifier = lib-ap1",
    ]


def test_new_limits_come_by_coa_whole() -> None:
    message = STANDARD.dynamic(DynamicVerb.CHANGE, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.CHANGE
    assert lines_of(message)[3:7] == ENDS


@pytest.mark.parametrize("name", list(FamilyName))
@pytest.mark.parametrize("verb", list(DynamicVerb))
def test_nobody_in_particular_is_never_disconnected(name: FamilyName, verb: DynamicVerb) -> None:
    """A request without a key would mean everybody at the access point."""
    nobody = Station(source_ip="192.0.2.10", nas_ip="192.0.2.10", nas_identifier=b"lib-ap1")
    assert family_of(name).dynamic(verb, GRANT, nobody) is None


def test_octets_are_counted_as_the_rfc_says() -> None:
    """RFC 2866 section 5.3: input is what the access point received, so the device's upload."""
    assert STANDARD.counted(RECORD, Packet(4, 1, bytes(16))) == RECORD


def test_cisco_and_meraki_listen_elsewhere() -> None:
    ports = {name: dynamic_port_of(name) for name in FamilyName}
    assert {name for name, port in ports.items() if port == 1700} == {"cisco", "meraki"}
    assert set(ports.values()) == {1700, 3799}


COUNTS = st.none() | st.integers(0, 2**40)
GRANTS = st.builds(
    Grant,
    session=st.binary(min_size=1, max_size=64),
    session_timeout_s=st.integers(-(2**40), 2**40),
    reauthenticates=st.booleans(),
    idle_timeout_s=COUNTS,
    interim_interval_s=st.integers(-5, 2**40),
    cui=st.none() | st.binary(max_size=253),
    bandwidth=st.builds(Bandwidth, COUNTS, COUNTS),
    vlan=st.none() | st.text("abc123-_", min_size=1, max_size=63),
    role=st.none() | st.text("abc123-_", min_size=1, max_size=63),
)
NAMES = st.binary(max_size=253)
STATIONS = st.builds(
    Station,
    mac=st.none() | st.just("3c:5a:b4:01:02:03"),
    ip=st.none() | st.ip_addresses().map(str) | st.text(max_size=40),
    user_name=NAMES,
    accounting_session_id=st.none() | NAMES,
    audit_session_id=st.none() | NAMES,
    nas_ip=st.none() | st.ip_addresses().map(str),
    nas_identifier=st.none() | NAMES,
)


@given(st.sampled_from(FamilyName), GRANTS, STATIONS, st.sampled_from(DynamicVerb))
def test_every_family_writes_what_can_be_sent_whatever_it_is_told(
    name: FamilyName, grant: Grant, station: Station, verb: DynamicVerb
) -> None:
    family = family_of(name)
    told = family.dynamic(verb, None if verb is DynamicVerb.EXPEL else grant, station)
    decision = ToPortal("https://wifi.example.org/cwa/Wm9l?", role="portal", vlan="99")
    sent: list[tuple[Attribute, ...]] = [
        family.grant(grant, station),
        family.to_portal(decision, station) or (),
        () if told is None else told.attributes,
    ]
    for attributes in sent:
        assert decode(encode(Packet(2, 1, bytes(16), attributes))).attributes == attributes
