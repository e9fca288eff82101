from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.access import AccessQuestion
from radius_bridge.accounting import AccountingRecord
from radius_bridge.clients import RadiusClient
from radius_bridge.credentials import NoPassword, PasswordLogin
from radius_bridge.dictionary import AccountingStatus, TerminateCause, Vendor, named
from radius_bridge.passwords import hide_password
from radius_bridge.reading import Unrecorded, read_question, read_record, read_station
from radius_bridge.secret import Secret
from radius_bridge.values import Value, attribute
from radius_bridge.wire import Attribute, Code, Packet, vendor_attribute

SECRET = Secret(b"a secret of this client")
CLIENT = RadiusClient("entrance", (ip_network("192.0.2.0/24"),), SECRET)
ARRIVED = datetime(2026, 11, 26, 12, 0, 0, tzinfo=UTC)
AUTHENTICATOR = bytes(range(16))
MAC = "02:00:00:00:00:01"


def packet(*attributes: Attribute, code: Code = Code.ACCESS_REQUEST, **named_ones: Value) -> Packet:
    made = [attribute(named(name.replace("_", "-")), value) for name, value in named_ones.items()]
    return Packet(code, 1, AUTHENTICATOR, (*made, *attributes))


def question(*attributes: Attribute, **named_ones: Value) -> AccessQuestion:
    return read_question(packet(*attributes, **named_ones), CLIENT, "192.0.2.7")


def record(*attributes: Attribute, **named_ones: Value) -> AccountingRecord:
    made = read_record(
        packet(*attributes, code=Code.ACCOUNTING_REQUEST, **named_ones),
        CLIENT,
        "192.0.2.7",
        ARRIVED,
    )
    assert isinstance(made, AccountingRecord)
    return made


def test_a_station_is_read_whole() -> None:
    station = read_station(
        packet(
            vendor_attribute(Vendor.CISCO, 1, b"ssid=other"),
            vendor_attribute(Vendor.CISCO, 1, b"audit-session-id=0a0b"),
            User_Name="020000000001",
            Framed_IP_Address=ip_network("10.0.0.9/32").network_address,
            NAS_IP_Address=ip_network("192.0.2.1/32").network_address,
            NAS_Identifier="lib-ap1",
            NAS_Port=7,
            Called_Station_Id="AA-BB-CC-DD-EE-FF:Biblioteket",
            Calling_Station_Id="02-00-00-00-00-01",
            Acct_Session_Id="5A1F",
        ),
        "192.0.2.7",
    )
    assert station.mac == MAC
    assert station.ip == "10.0.0.9"
    assert station.user_name == b"020000000001"
    assert station.accounting_session_id == b"5A1F"
    assert station.audit_session_id == b"0a0b"
    assert (station.source_ip, station.nas_ip) == ("192.0.2.7", "192.0.2.1")
    assert (station.nas_identifier, station.nas_port) == (b"lib-ap1", 7)
    assert (station.called, station.ssid) == (b"aa:bb:cc:dd:ee:ff", b"Biblioteket")


def test_what_is_missing_or_odd_is_absent() -> None:
    odd = [Attribute(kind, b"\x01") for kind in (4, 5, 8, 95, 168)]
    station = read_station(packet(*odd, Attribute(26, b"\0"), Attribute(31, b"10.0.0.9")), "::1")
    assert (station.mac, station.ip, station.nas_ip, station.nas_port) == (None, None, None, None)
    assert (station.called, station.ssid, station.user_name) == (b"", b"", b"")


def test_ipv6_addresses_are_read() -> None:
    station = read_station(packet(Attribute(95, bytes(15) + b"\1"), Attribute(168, bytes(16))), "x")
    assert (station.nas_ip, station.ip) == ("::1", "::")


@pytest.mark.parametrize("octets", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xff\xff\xff\xfe"])
def test_an_address_that_is_still_to_be_chosen_is_none(octets: bytes) -> None:
    assert read_station(packet(Attribute(8, octets)), "x").ip is None


@pytest.mark.parametrize(
    ("vendor", "kind"), [(Vendor.ARUBA, 5), (Vendor.RUCKUS, 3), (Vendor.FORTINET, 7)]
)
def test_a_vendor_may_name_the_ssid(vendor: Vendor, kind: int) -> None:
    one = vendor_attribute(vendor, kind, b"Biblioteket")
    assert read_station(packet(one), "x").ssid == b"Biblioteket"
    called = Attribute(30, b"aabbccddeeff:Called")
    assert read_station(packet(one, called), "x").ssid == b"Called"


def test_the_first_of_several_counts() -> None:
    station = read_station(packet(Attribute(32, b"one"), Attribute(32, b"two")), "x")
    assert station.nas_identifier == b"one"


@pytest.mark.parametrize("service_type", [None, 1, 2, 10])
@pytest.mark.parametrize("password", [b"", b"02-00-00-00-00-01", b"macpasswd", None])
@pytest.mark.parametrize("name", ["020000000001", "02:00:00:00:00:01", "02-00-00-00-00-01@lib"])
def test_mac_authentication_is_known_by_the_name(
    name: str, password: bytes | None, service_type: int | None
) -> None:
    more = [] if service_type is None else [attribute(named("Service-Type"), service_type)]
    if password is not None:
        more.append(Attribute(2, hide_password(Secret(password), AUTHENTICATOR, SECRET)))
    asked = question(*more, User_Name=name, Calling_Station_Id="02-00-00-00-00-01")
    assert asked.is_mac_authentication
    assert asked.credential is NoPassword.ABSENT


@pytest.mark.parametrize("calling", ["02-00-00-00-00-02", "10.0.0.9", ""])
def test_another_address_is_a_log_in(calling: str) -> None:
    hidden = Attribute(2, hide_password(Secret(b"1234"), AUTHENTICATOR, SECRET))
    asked = question(hidden, User_Name="020000000001", Calling_Station_Id=calling)
    assert not asked.is_mac_authentication
    assert isinstance(asked.credential, PasswordLogin)
    assert "1234" not in repr(asked)


def test_no_address_at_all_is_no_mac_authentication() -> None:
    assert not question().is_mac_authentication


@pytest.mark.parametrize(
    ("cui", "asks", "known"),
    [(None, False, None), (b"\0", True, None), (b"", True, None), (b"abc", True, b"abc")],
)
def test_a_client_asks_for_a_cui_by_sending_one(
    cui: bytes | None, asks: bool, known: bytes | None
) -> None:
    asked = question(*([] if cui is None else [Attribute(89, cui)]))
    assert (asked.asks_for_cui, asked.cui) == (asks, known)


def test_a_record_is_read_whole() -> None:
    made = record(
        Acct_Status_Type=2,
        Class=b"session 1",
        Acct_Multi_Session_Id="m1",
        Acct_Session_Time=60,
        Acct_Terminate_Cause=1,
        Acct_Input_Octets=5,
        Acct_Input_Gigawords=1,
        Acct_Output_Octets=7,
        Calling_Station_Id="02-00-00-00-00-01",
    )
    assert made.status is AccountingStatus.STOP
    assert (made.upload_octets, made.download_octets) == (2**32 + 5, 7)
    assert (made.session, made.multi_session_id) == (b"session 1", b"m1")
    assert (made.duration_s, made.cause) == (60, TerminateCause.USER_REQUEST)
    assert (made.station.mac, made.client) == (MAC, CLIENT)
    assert (made.happened_at, made.arrived_at) == (ARRIVED, ARRIVED)


def test_a_record_without_counters_has_none() -> None:
    made = record(Acct_Status_Type=7, Acct_Input_Gigawords=1, Acct_Terminate_Cause=77)
    assert made.status is AccountingStatus.ACCOUNTING_ON
    assert (made.upload_octets, made.download_octets, made.cause) == (None, None, None)
    assert made.station.accounting_session_id is None


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ((), Unrecorded.INCOMPLETE),
        ((Attribute(40, b"\1"),), Unrecorded.INCOMPLETE),
        ((Attribute(40, b"\0\0\0\x09"),), Unrecorded.UNKNOWN_STATUS),
    ],
)
def test_what_makes_no_record(attributes: tuple[Attribute, ...], why: Unrecorded) -> None:
    request = packet(*attributes, code=Code.ACCOUNTING_REQUEST)
    assert read_record(request, CLIENT, "x", ARRIVED) is why


def seconds(at: datetime) -> int:
    return int(at.timestamp())


@pytest.mark.parametrize(
    ("stamp", "delay_s", "expected"),
    [
        (None, None, ARRIVED),
        (None, 3, ARRIVED - timedelta(seconds=3)),
        (None, 10**9, ARRIVED),
        (ARRIVED - timedelta(seconds=9), 3, ARRIVED - timedelta(seconds=9)),
        (ARRIVED - timedelta(hours=24), None, ARRIVED - timedelta(hours=24)),
        (ARRIVED + timedelta(minutes=5), None, ARRIVED),
        (ARRIVED + timedelta(minutes=6), 3, ARRIVED - timedelta(seconds=3)),
        (datetime(1970, 1, 1, 0, 5, tzinfo=UTC), 3, ARRIVED - timedelta(seconds=3)),
        (datetime(2099, 1, 1, tzinfo=UTC), None, ARRIVED),
    ],
)
def test_a_time_is_believed_where_the_clock_can_be_right(
    stamp: datetime | None, delay_s: int | None, expected: datetime
) -> None:
    said = [] if stamp is None else [attribute(named("Event-Timestamp"), seconds(stamp))]
    if delay_s is not None:
        said.append(attribute(named("Acct-Delay-Time"), delay_s))
    assert record(*said, Acct_Status_Type=3).happened_at == expected


ATTRIBUTES = st.lists(
    st.builds(Attribute, st.integers(0, 255), st.binary(max_size=253)), max_size=20
).map(tuple)


@given(ATTRIBUTES, st.integers(1, 8))
def test_anything_is_read(attributes: tuple[Attribute, ...], status: int) -> None:
    asked = read_question(Packet(1, 1, AUTHENTICATOR, attributes), CLIENT, "192.0.2.7")
    assert asked.is_mac_authentication <= (asked.station.mac is not None)
    read_record(Packet(4, 1, AUTHENTICATOR, attributes), CLIENT, "192.0.2.7", ARRIVED)
    started = Attribute(40, bytes((0, 0, 0, status)))
    told = (started, *attributes)
    made = read_record(Packet(4, 1, AUTHENTICATOR, told), CLIENT, "192.0.2.7", ARRIVED)
    if isinstance(made, AccountingRecord):
        assert made.happened_at <= made.arrived_at
