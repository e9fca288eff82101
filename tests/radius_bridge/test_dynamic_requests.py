from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.dynamic_requests import (
    Accepted,
    Missing,
    NotSent,
    Outcome,
    Refused,
    SessionUnknown,
    Silent,
    Unsupported,
    dynamic_request,
    outcome_of,
)
from radius_bridge.vendors.family import DynamicKind, DynamicMessage
from radius_bridge.wire import Attribute, Code, Packet

NOW = datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
KEYS = (Attribute(31, b"AA-BB-CC-DD-EE-FF"), Attribute(44, b"4D5C"))


def reply(code: int, *attributes: Attribute) -> Packet:
    return Packet(code, 7, bytes(16), attributes)


def cause(number: int) -> Attribute:
    return Attribute(101, number.to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("kind", "code"),
    [(DynamicKind.CHANGE, Code.COA_REQUEST), (DynamicKind.DISCONNECT, Code.DISCONNECT_REQUEST)],
)
def test_a_request_holds_what_the_family_says_and_the_moment(kind: DynamicKind, code: Code) -> None:
    request = dynamic_request(DynamicMessage(kind, KEYS), NOW)
    assert request.code == code
    assert request.attributes == (*KEYS, Attribute(55, (1795712400).to_bytes(4, "big")))


@pytest.mark.parametrize(
    ("packet", "outcome"),
    [
        (reply(Code.DISCONNECT_ACK), Accepted()),
        (reply(Code.COA_ACK), Accepted()),
        (reply(Code.DISCONNECT_ACK, cause(201)), Accepted()),
        (reply(Code.DISCONNECT_NAK, cause(503)), SessionUnknown()),
        (reply(Code.COA_NAK, cause(503)), SessionUnknown()),
        (reply(Code.COA_NAK, cause(401)), Unsupported(401)),
        (reply(Code.COA_NAK, cause(405)), Unsupported(405)),
        (reply(Code.COA_NAK, cause(406)), Unsupported(406)),
        (reply(Code.DISCONNECT_NAK, cause(504)), Refused(504)),
        (reply(Code.COA_NAK, cause(99)), Refused(99)),
        (reply(Code.COA_NAK), Refused(None)),
        (reply(Code.COA_NAK, Attribute(101, b"\1\xf7")), Refused(None)),
        (reply(Code.COA_NAK, Attribute(101, b"")), Refused(None)),
        (Missing.SILENCE, Silent()),
        (Missing.NO_ROOM, NotSent()),
    ],
)
def test_a_reply_means(packet: Packet | Missing, outcome: Outcome) -> None:
    assert outcome_of(packet) == outcome


@given(
    st.sampled_from([41, 42, 44, 45]),
    st.lists(st.builds(Attribute, st.integers(0, 255), st.binary(max_size=6)), max_size=4),
)
def test_every_reply_means_something(code: int, attributes: list[Attribute]) -> None:
    assert isinstance(
        outcome_of(reply(code, *attributes)), Accepted | SessionUnknown | Unsupported | Refused
    )
