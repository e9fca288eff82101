from dataclasses import replace

import pytest

from portal.clock import utc_now
from portal.demo.access_point import dialect
from portal.demo.access_point.dialect import (
    Admitted,
    Device,
    Identity,
    Order,
    Redirected,
    Rejected,
    Report,
    Usage,
    Verb,
)
from radius_bridge.access import Grant, Station, ToPortal
from radius_bridge.clients import FamilyName, RadiusClient
from radius_bridge.dictionary import AccountingStatus, ErrorCause, TerminateCause
from radius_bridge.reading import read_question, read_record
from radius_bridge.secret import Secret
from radius_bridge.vendors.cisco import Cisco
from radius_bridge.vendors.family import DynamicKind, DynamicMessage, DynamicVerb
from radius_bridge.vendors.standard import write
from radius_bridge.wire import Attribute, Code, Packet

SECRET = Secret(b"of the branch's access point")
POINT = Identity("192.168.98.2", "filial-ap1", "Exempelby-gast", "02:4b:41:50:00:01")
DEVICE = Device("02:4b:56:00:00:07", "0A0B0C", "5e55")
CLIENT = RadiusClient("filialen", (), SECRET, FamilyName.CISCO)
STATION = Station(
    mac=DEVICE.mac, audit_session_id=DEVICE.audit_session.encode(), nas_ip=POINT.address
)
GRANT = Grant(b"session", 3600)


def test_the_server_reads_the_question_as_mac_authentication() -> None:
    asked = dialect.ask(POINT, DEVICE, bytes(range(16)), SECRET)
    question = read_question(asked, CLIENT, "192.168.98.2")
    assert question.is_mac_authentication
    station = question.station
    assert (station.mac, station.audit_session_id) == (DEVICE.mac, b"0A0B0C")
    assert (station.nas_ip, station.nas_identifier) == (POINT.address, b"filial-ap1")
    assert station.ssid == b"Exempelby-gast"


def test_an_accept_with_a_redirect_holds_the_device() -> None:
    attributes = Cisco().to_portal(ToPortal("https://login.example/via/1?"), STATION)
    answer = dialect.understand(_accept(attributes))
    assert answer == Redirected("https://login.example/via/1?", "ACL_WEBAUTH_REDIRECT")


def test_an_accept_without_one_lets_it_in_and_its_class_goes_back() -> None:
    answer = dialect.understand(_accept(Cisco().grant(GRANT, STATION)))
    assert answer == Admitted(3600, (Attribute(25, b"session"),))


def test_a_redirect_without_its_acl_is_none() -> None:
    redirect = Cisco().to_portal(ToPortal("https://login.example/via/1?"), STATION)
    without = tuple(one for one in redirect if b"url-redirect-acl" not in one.value)
    assert isinstance(dialect.understand(_accept(without)), Admitted)


def test_reject_and_silence_are_told_apart() -> None:
    assert dialect.understand(Packet(Code.ACCESS_REJECT, 0, bytes(16))) is Rejected.REJECTED
    assert dialect.understand(None) is Rejected.SILENCE


def test_the_server_reads_the_report() -> None:
    usage = Usage(90, (1 << 32) + 5, 7, 3, 4)
    echoed = (Attribute(25, b"session"),)
    stop = Report(AccountingStatus.STOP, usage, echoed, TerminateCause.ADMIN_RESET)
    now = utc_now()
    packet = dialect.report(POINT, DEVICE, int(now.timestamp()), stop)
    record = read_record(packet, CLIENT, "192.168.98.2", now)
    assert record.upload_octets == (1 << 32) + 5
    assert record.download_octets == 7
    assert (record.session, record.duration_s) == (b"session", 90)
    assert record.cause is TerminateCause.ADMIN_RESET
    assert record.station.accounting_session_id == b"5e55"


def test_a_start_has_no_counters() -> None:
    start = Report(AccountingStatus.START, Usage(0, 1, 1))
    record = read_record(dialect.report(POINT, DEVICE, 1, start), CLIENT, "", utc_now())
    assert (record.upload_octets, record.duration_s) == (None, None)


@pytest.mark.parametrize(
    ("verb", "understood"),
    [(DynamicVerb.ADMIT, Verb.REAUTHENTICATE), (DynamicVerb.EXPEL, Verb.DISCONNECT)],
)
def test_what_the_server_says_to_a_cisco_controller_is_understood(
    verb: DynamicVerb, understood: Verb
) -> None:
    order = dialect.read_order(_request(Cisco().dynamic(verb, GRANT, STATION)))
    assert order == Order(understood, DEVICE.mac, DEVICE.audit_session)


def test_an_order_without_a_key_or_a_known_command_is_refused() -> None:
    bare = Packet(Code.DISCONNECT_REQUEST, 1, bytes(16))
    assert dialect.read_order(bare) is ErrorCause.MISSING_ATTRIBUTE
    timeout = (write("Calling-Station-Id", DEVICE.mac), write("Session-Timeout", 60))
    other = Packet(Code.COA_REQUEST, 1, bytes(16), timeout)
    assert dialect.read_order(other) is ErrorCause.UNSUPPORTED_SERVICE
    assert dialect.refusal(ErrorCause.UNSUPPORTED_SERVICE) == (Attribute(101, b"\0\0\x01\x95"),)


def test_every_key_of_an_order_must_fit() -> None:
    order = Order(Verb.DISCONNECT, DEVICE.mac, DEVICE.audit_session)
    assert order.names(DEVICE)
    assert replace(order, mac=None).names(DEVICE)
    assert not replace(order, audit_session="0A0B0D").names(DEVICE)
    assert not Order(Verb.DISCONNECT, None, None).names(DEVICE)


def test_an_order_is_of_now() -> None:
    stamped = Packet(Code.COA_REQUEST, 1, bytes(16), (write("Event-Timestamp", 1000),))
    assert dialect.is_timely(stamped, 1300)
    assert not dialect.is_timely(stamped, 1301)
    assert not dialect.is_timely(Packet(Code.COA_REQUEST, 1, bytes(16)), 1000)


def _accept(attributes: tuple[Attribute, ...]) -> Packet:
    return Packet(Code.ACCESS_ACCEPT, 0, bytes(16), attributes)


def _request(message: DynamicMessage | None) -> Packet:
    assert message is not None
    is_change = message.kind is DynamicKind.CHANGE
    code = Code.COA_REQUEST if is_change else Code.DISCONNECT_REQUEST
    return Packet(code, 1, bytes(16), message.attributes)
