import struct
from ipaddress import ip_address

import pytest

from firewall import routing
from firewall.netlink import Message, decode_messages, encode_attribute
from firewall.routing import FailClosedRule, Link, Neighbour, OwnAddress


@pytest.mark.parametrize("family", routing.FAMILIES)
def test_a_rule_comes_back_as_it_was_written(family):
    rule = FailClosedRule(family, "guest0", 3)
    (message,) = decode_messages(routing.encode_add_rule(rule, 1))
    assert routing.decode_rule(message) == rule


def test_other_rules_are_not_ours():
    (ours,) = decode_messages(routing.encode_add_rule(FailClosedRule(routing.IPV4, "guest0", 3), 1))
    unreachable = ours.payload[:7] + b"\7" + ours.payload[8:]
    assert routing.decode_rule(Message(32, 0, 1, 0, unreachable)) is None
    marked = ours.payload + encode_attribute(10, struct.pack("=I", 1))
    assert routing.decode_rule(Message(32, 0, 1, 0, marked)) is None
    elsewhere = ours.payload + encode_attribute(6, struct.pack("=I", 101))
    assert routing.decode_rule(Message(32, 0, 1, 0, elsewhere)) is None
    assert routing.decode_rule(Message(32, 0, 1, 0, b"")) is None


def test_links_come_and_go():
    payload = struct.pack("=BBHiII", 0, 0, 1, 7, 0, 0) + encode_attribute(3, b"guest0\0")
    new, gone = (
        Message(routing.NEW_LINK, 0, 1, 0, payload),
        Message(routing.DEL_LINK, 0, 1, 0, payload),
    )
    assert routing.decode_link(new) == Link(7, "guest0", gone=False)
    assert routing.decode_link(gone) == Link(7, "guest0", gone=True)


def test_a_bridges_port_is_no_link_of_its_own():
    payload = struct.pack("=BBHiII", 7, 0, 1, 7, 0, 0) + encode_attribute(3, b"port1\0")
    assert routing.decode_link(Message(routing.NEW_LINK, 0, 1, 0, payload)) is None
    assert routing.decode_link(Message(routing.NEW_RULE, 0, 1, 0, payload)) is None
    assert routing.decode_link(Message(routing.NEW_LINK, 0, 1, 0, b"")) is None


@pytest.mark.parametrize("text", ["10.77.0.101", "2001:db8::65", "fe80::1"])
@pytest.mark.parametrize(
    ("state", "resolved"), [(0x02, True), (0x04, True), (0x20, False), (1, False)]
)
def test_a_neighbour_is_known_when_it_has_answered(text, state, resolved):
    address, mac = ip_address(text), bytes.fromhex("020000000001")
    payload = struct.pack("=BBHiHBB", 2, 0, 0, 7, state, 0, 0)
    payload += encode_attribute(1, address.packed) + encode_attribute(2, mac)
    message = Message(routing.NEW_NEIGHBOUR, 0, 1, 0, payload)
    expected = Neighbour(7, address, mac if resolved else None, reachable=state == 0x02)
    assert routing.decode_neighbour(message) == expected


def test_a_neighbour_needs_an_address():
    payload = struct.pack("=BBHiHBB", 2, 0, 0, 7, 2, 0, 0)
    assert routing.decode_neighbour(Message(routing.NEW_NEIGHBOUR, 0, 1, 0, payload)) is None
    assert routing.decode_neighbour(Message(routing.NEW_NEIGHBOUR, 0, 1, 0, b"")) is None
    assert routing.decode_neighbour(Message(routing.NEW_LINK, 0, 1, 0, payload)) is None


def test_questions_have_their_kinds():
    questions = (
        routing.encode_dump_rules(1),
        routing.encode_dump_links(1),
        routing.encode_get_neighbour(7, ip_address("10.0.0.1"), 1),
    )
    kinds = [message.kind for data in questions for message in decode_messages(data)]
    assert kinds == [routing.GET_RULE, routing.GET_LINK, routing.GET_NEIGHBOUR]


@pytest.mark.parametrize(
    ("attributes", "packed"),
    [
        ({1: "0a4d0001", 2: "0a4d0001"}, "0a4d0001"),
        ({1: "0a4d0002", 2: "0a4d0001"}, "0a4d0001"),  # point to point: 1 is the other end
        ({1: "20010db8" + "00" * 11 + "01"}, "20010db8" + "00" * 11 + "01"),
    ],
)
def test_an_address_of_our_own_has_its_network(attributes, packed):
    payload = struct.pack("=BBBBI", 2, 24, 0, 0, 7)
    for kind, value in attributes.items():
        payload += encode_attribute(kind, bytes.fromhex(value))
    message = Message(routing.NEW_ADDRESS, 0, 1, 0, payload)
    assert routing.decode_own_address(message) == OwnAddress(7, bytes.fromhex(packed), 24)


def test_an_address_that_cannot_be_is_none():
    too_long = struct.pack("=BBBBI", 2, 33, 0, 0, 7) + encode_attribute(2, bytes(4))
    nothing = struct.pack("=BBBBI", 2, 24, 0, 0, 7)
    for payload in (too_long, nothing, b""):
        assert routing.decode_own_address(Message(routing.NEW_ADDRESS, 0, 1, 0, payload)) is None
    assert routing.decode_own_address(Message(routing.NEW_LINK, 0, 1, 0, too_long)) is None
