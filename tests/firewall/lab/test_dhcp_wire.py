from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_InfoRequest, DHCP6OptClientId, DHCP6OptOptReq
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from firewall.lab import dhcp_wire

MAC = bytes.fromhex("024b56000001")


def _options(layer: DHCP) -> dict[str, Any]:
    return {option[0]: option[1] for option in layer.options if isinstance(option, tuple)}


def test_scapy_reads_a_discover() -> None:
    message = dhcp_wire.encode(dhcp_wire.DISCOVER, 0x12345678, MAC)
    frame = Ether(dhcp_wire.broadcast_frame(MAC, message))
    assert (frame.dst, frame.src) == ("ff:ff:ff:ff:ff:ff", "02:4b:56:00:00:01")
    checksum = frame[IP].chksum
    del frame[IP].chksum
    assert Ether(bytes(frame))[IP].chksum == checksum
    assert (frame[UDP].sport, frame[UDP].dport) == (68, 67)
    assert frame[BOOTP].xid == 0x12345678
    options = _options(frame[DHCP])
    assert options["message-type"] == dhcp_wire.DISCOVER
    assert dhcp_wire.CAPTIVE_PORTAL in options["param_req_list"]


def test_scapy_reads_a_request_for_an_address() -> None:
    message = dhcp_wire.encode(
        dhcp_wire.REQUEST,
        1,
        MAC,
        requested="10.44.0.20",
        server="10.44.0.1",
        asked_for=dhcp_wire.ASKED_FOR_BY_OLD_PHONES,
    )
    options = _options(BOOTP(message)[DHCP])
    assert options["requested_addr"] == "10.44.0.20"
    assert options["server_id"] == "10.44.0.1"
    assert dhcp_wire.CAPTIVE_PORTAL not in options["param_req_list"]


def test_an_answer_of_scapys_is_read() -> None:
    uri = b"https://login.library.example/captive-portal/api"
    answer = BOOTP(op=2, xid=7, yiaddr="10.44.0.20", chaddr=MAC) / DHCP(
        options=[("message-type", "ack"), ("lease_time", 43200), (114, uri), "pad", "end"]
    )
    frame = Ether() / IP(dst="10.44.0.20") / UDP(sport=67, dport=68) / answer
    payload = dhcp_wire.payload_of(bytes(frame))
    assert payload is not None
    message = dhcp_wire.decode(payload)
    assert message is not None
    assert (message.kind, message.transaction, message.address) == (5, 7, "10.44.0.20")
    assert message.options[114] == uri
    assert message.options[51] == struct.pack("!I", 43200)


def test_an_option_in_pieces_is_put_together() -> None:
    head = b"\x02" + bytes(235) + dhcp_wire.COOKIE
    message = dhcp_wire.decode(head + b"\x72\x02ab\x00\x72\x01c\xff")
    assert message is not None
    assert message.options[114] == b"abc"


@pytest.mark.parametrize(
    "payload", [b"", b"\x01" + bytes(235) + dhcp_wire.COOKIE + b"\xff", b"\x02" + bytes(300)]
)
def test_what_is_no_answer(payload: bytes) -> None:
    assert dhcp_wire.decode(payload) is None


@given(st.binary(max_size=80))
@example(b"\x35\x00")  # a message type without a type
def test_any_options_are_borne(options: bytes) -> None:
    message = dhcp_wire.decode(b"\x02" + bytes(235) + dhcp_wire.COOKIE + options)
    assert message is not None


@given(st.binary(max_size=120))
@example(bytes(12) + b"\x08\x00\x4f" + bytes(8) + b"\x11" + bytes(20))  # header beyond the end
def test_any_frame_is_borne(frame: bytes) -> None:
    dhcp_wire.payload_of(frame)


def test_scapy_reads_an_information_request() -> None:
    request = DHCP6_InfoRequest(dhcp_wire.encode_information_request(0xABCDEF, MAC))
    assert request.trid == 0xABCDEF
    assert request[DHCP6OptClientId].duid.lladdr == "02:4b:56:00:00:01"
    assert request[DHCP6OptOptReq].reqopts == [23, 103]
    silent = DHCP6_InfoRequest(dhcp_wire.encode_information_request(1, MAC, portal=False))
    assert silent[DHCP6OptOptReq].reqopts == [23]


def test_a_reply_is_read_and_only_ones_own() -> None:
    reply = bytes([7]) + (5).to_bytes(3, "big") + struct.pack("!2H", 103, 2) + b"hi"
    assert dhcp_wire.decode_reply(reply, 5) == {103: b"hi"}
    assert dhcp_wire.decode_reply(reply, 6) is None
