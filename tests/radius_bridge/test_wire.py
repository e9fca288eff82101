from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary
from pyrad.packet import Packet as PyradPacket
from scapy.layers.radius import Radius, RadiusAttr_Vendor_Specific, RadiusAttribute

from radius_bridge.wire import (
    EAP_MESSAGE,
    HEADER_OCTETS,
    PACKET_MAX_OCTETS,
    VENDOR_SPECIFIC,
    Attribute,
    Code,
    MalformedPacketError,
    Packet,
    PacketFault,
    Request,
    UnsendableError,
    VendorAttribute,
    cut,
    decode,
    eap_attributes,
    encode,
    encode_attributes,
    split_vendor,
    vendor_attribute,
)
from tests.radius_bridge.vectors import Example, examples, lines_of, numbers

AUTHENTICATOR = bytes(range(16))
OCTET = st.integers(0, 255)
ATTRIBUTE = st.builds(Attribute, OCTET, st.binary(max_size=253))
VENDOR_ATTRIBUTE = st.builds(
    VendorAttribute, st.integers(0, 2**32 - 1), OCTET, st.binary(max_size=247)
)
ATTRIBUTES = st.lists(ATTRIBUTE, max_size=15).map(tuple)
PACKET = st.builds(Packet, OCTET, OCTET, st.binary(min_size=16, max_size=16), ATTRIBUTES)

FEW_NUMBERS = st.builds(Attribute, st.sampled_from((1, 26, 79, 80)), st.binary(max_size=20))
REPEATING = st.lists(FEW_NUMBERS, max_size=12).map(tuple)

example = pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)


@example
def test_examples_of_the_rfcs_are_read_and_written(example: Example) -> None:
    packet = decode(example.octets)
    assert packet.code == int(example.words["code"])
    assert packet.identifier == int(example.words["identifier"])
    assert [number for number, _ in packet.attributes] == numbers(example.words["kinds"])
    assert encode(packet) == example.octets


@example
def test_a_cut_packet_is_refused_and_padding_is_ignored(example: Example) -> None:
    packet = decode(example.octets)
    for length in range(len(example.octets)):
        with pytest.raises(MalformedPacketError) as caught:
            decode(example.octets[:length])
        assert caught.value.fault is PacketFault.TRUNCATED
    for padding in (b"\0", b"\x01", b"\x01\x00", bytes(5000)):
        assert decode(example.octets + padding) == packet
        assert cut(example.octets + padding) == example.octets


@example
def test_attributes_are_cut_byte_by_byte(example: Example) -> None:
    """With a length that fits: what ends inside an attribute is refused, the rest is a part."""
    whole = decode(example.octets).attributes
    ends = [HEADER_OCTETS + len(encode_attributes(whole[:count])) for count in range(len(whole))]
    for length in range(HEADER_OCTETS, len(example.octets)):
        octets = example.octets[:2] + length.to_bytes(2, "big") + example.octets[4:]
        if length in ends:
            assert decode(octets).attributes == whole[: ends.index(length)]
        else:
            with pytest.raises(MalformedPacketError) as caught:
                decode(octets)
            assert caught.value.fault is PacketFault.ATTRIBUTE_LENGTH


@pytest.mark.parametrize("line", list(lines_of("malformed.txt")))
def test_odd_packets(line: str) -> None:
    outcome, _, text = line.partition(" ")
    octets = bytes.fromhex(text.replace("A", AUTHENTICATOR.hex()))
    if outcome.startswith("kinds:"):
        packet = decode(octets)
        kinds = numbers(outcome.removeprefix("kinds:"))
        assert [number for number, _ in packet.attributes] == kinds
        assert packet.vendor(9, 1) == ()
    else:
        with pytest.raises(MalformedPacketError) as caught:
            decode(octets)
        assert caught.value.fault == outcome
        assert str(caught.value) == outcome


def outcome_of(read: type[Request] | Callable[[bytes], Packet], octets: bytes) -> object:
    """What a reader makes of octets, in words that can be compared."""
    try:
        packet = read(octets)
    except MalformedPacketError as problem:
        return problem.fault
    every = [(packet.first(kind), packet.every(kind)) for kind in range(256)]
    header = (packet.code, packet.identifier, packet.authenticator)
    return (*header, every, dict(packet.firsts), packet.eap_message, packet.attributes)


@given(attributes=ATTRIBUTES | REPEATING, noise=st.binary(max_size=8), at=st.integers(0, 400))
def test_a_request_is_read_as_any_packet_is(
    attributes: tuple[Attribute, ...], noise: bytes, at: int
) -> None:
    """A server cuts out only what it is asked for: the same values, the same refusals."""
    whole = encode(Packet(1, 7, AUTHENTICATOR, attributes))
    spoilt = whole[:at] + noise + whole[at + len(noise) :]
    for octets in (whole, whole + noise, spoilt, noise):
        assert outcome_of(Request, octets) == outcome_of(decode, octets)
    assert Request(whole + noise).octets == whole
    with pytest.raises(AttributeError):
        _ = Request(whole).nothing


@pytest.mark.parametrize("length", [19, 20, 4096, 4097])
def test_the_limits_of_a_packet(length: int) -> None:
    full = encode_attributes([Attribute(25, bytes(253))] * 15 + [Attribute(25, bytes(249))])
    octets = bytes((1, 7)) + length.to_bytes(2, "big") + AUTHENTICATOR + full
    assert len(octets) == PACKET_MAX_OCTETS
    if length in {20, 4096}:
        assert encode(decode(octets)) == octets[:length]
    else:
        with pytest.raises(MalformedPacketError):
            decode(octets + b"\0")


@given(PACKET)
def test_what_is_written_is_read(packet: Packet) -> None:
    octets = encode(packet)
    assert decode(octets) == packet
    assert decode(octets + b"\0\0") == packet


@given(st.binary(max_size=300) | PACKET.map(encode), st.data())
def test_anything_is_a_value_or_the_one_exception(octets: bytes, data: st.DataObject) -> None:
    spoilt = bytearray(octets)
    for _ in range(data.draw(st.integers(0, 3)) if spoilt else 0):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(OCTET)
    try:
        packet = decode(bytes(spoilt))
    except MalformedPacketError:
        return
    assert encode(packet) == cut(bytes(spoilt))
    packet.vendor(9, 1)
    assert (packet.eap_message is None) == (packet.first(EAP_MESSAGE) is None)


@given(st.lists(VENDOR_ATTRIBUTE, max_size=5))
def test_attributes_of_vendors_are_found_in_order(inner: list[VendorAttribute]) -> None:
    packet = Packet(1, 0, AUTHENTICATOR, tuple(vendor_attribute(*one) for one in inner))
    for vendor, kind, _ in inner:
        expected = [one.value for one in inner if (one.vendor, one.kind) == (vendor, kind)]
        assert list(packet.vendor(vendor, kind)) == expected


def test_several_attributes_in_one_of_a_vendor() -> None:
    value = bytes.fromhex("00000009 0104 6162 0103 63 0202")
    assert split_vendor(value) == (
        VendorAttribute(9, 1, b"ab"),
        VendorAttribute(9, 1, b"c"),
        VendorAttribute(9, 2, b""),
    )
    packet = Packet(1, 0, AUTHENTICATOR, (Attribute(VENDOR_SPECIFIC, value),))
    assert packet.vendor(9, 1) == (b"ab", b"c")
    for length in range(len(value)):
        whole = length in {8, 11}
        assert (split_vendor(value[:length]) is not None) == whole
    assert split_vendor(value + b"\x01") is None


@given(st.binary(max_size=253))
def test_opaque_octets_of_a_vendor_are_kept(value: bytes) -> None:
    packet = decode(encode(Packet(1, 0, AUTHENTICATOR, (Attribute(VENDOR_SPECIFIC, value),))))
    assert packet.first(VENDOR_SPECIFIC) == value
    inner = split_vendor(value)
    if inner is not None:
        parts = [bytes((one.kind, len(one.value) + 2)) + one.value for one in inner]
        assert value == inner[0].vendor.to_bytes(4, "big") + b"".join(parts)


@given(st.binary(min_size=1, max_size=1000))
def test_an_eap_message_is_cut_and_joined(message: bytes) -> None:
    packet = Packet(1, 0, AUTHENTICATOR, (Attribute(1, b"x"), *eap_attributes(message)))
    assert decode(encode(packet)).eap_message == message
    assert Packet(1, 0, AUTHENTICATOR).eap_message is None


@pytest.mark.parametrize(
    "packet",
    [
        Packet(1, 0, bytes(15)),
        Packet(256, 0, bytes(16)),
        Packet(1, -1, bytes(16)),
        Packet(1, 0, bytes(16), (Attribute(256, b""),)),
        Packet(1, 0, bytes(16), (Attribute(1, b"hush" * 64),)),
        Packet(1, 0, bytes(16), (Attribute(1, bytes(253)),) * 16),
    ],
)
def test_what_cannot_be_written_is_refused(packet: Packet) -> None:
    with pytest.raises(UnsendableError) as caught:
        encode(packet)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [(2**32, 1, b""), (-1, 1, b""), (9, 256, b""), (9, 1, bytes(248))]
)
def test_what_no_vendor_can_say(wrong: tuple[int, int, bytes]) -> None:
    with pytest.raises(UnsendableError):
        vendor_attribute(*wrong)


def test_no_value_shows_in_a_repr() -> None:
    inner = vendor_attribute(311, 25, b"hush")
    packet = Packet(Code.ACCESS_REQUEST, 1, b"0123456789abcdef", (Attribute(2, b"hush"), inner))
    assert repr(packet.attributes[0]) == "Attribute(kind=2, octets=4)"
    assert repr(split_vendor(inner.value)) == "(VendorAttribute(311, kind=25, octets=4),)"
    assert "hush" not in repr(packet)
    assert "0123456789abcdef" not in repr(packet)


@example
def test_scapy_reads_the_same(example: Example) -> None:
    packet, theirs = decode(example.octets), Radius(example.octets)
    assert (packet.code, packet.identifier) == (theirs.code, theirs.id)
    assert packet.authenticator == theirs.authenticator
    raw = [(one.type, bytes(one)[2:]) for one in theirs.attributes]
    assert raw == list(map(tuple, packet.attributes))


@given(
    st.lists(
        st.tuples(st.sampled_from([1, 11, 18, 25, 30, 31]), st.binary(min_size=1, max_size=253))
    ),
    st.lists(VENDOR_ATTRIBUTE.filter(lambda one: one.vendor != 311), max_size=3),
)
def test_scapy_writes_what_is_read(
    plain: list[tuple[int, bytes]], inner: list[VendorAttribute]
) -> None:
    theirs = Radius(
        code=1,
        id=9,
        authenticator=AUTHENTICATOR,
        attributes=[RadiusAttribute(type=kind, value=value) for kind, value in plain[:12]]
        + [
            RadiusAttr_Vendor_Specific(vendor_id=vendor, vendor_type=kind, value=value)
            for vendor, kind, value in inner
        ],
    )
    packet = decode(bytes(theirs))
    ours = (*(Attribute(*one) for one in plain[:12]), *(vendor_attribute(*one) for one in inner))
    assert packet == Packet(1, 9, AUTHENTICATOR, ours)
    for one in inner:
        assert one.value in packet.vendor(one.vendor, one.kind)


@given(PACKET)
def test_pyrad_reads_the_same(packet: Packet) -> None:
    theirs = PyradPacket(dict=Dictionary())
    theirs.DecodePacket(encode(packet))
    assert (theirs.code, theirs.id) == (packet.code, packet.identifier)
    assert theirs.authenticator == packet.authenticator
    for kind in {kind for kind, _ in packet.attributes} - {VENDOR_SPECIFIC}:
        assert tuple(dict.__getitem__(theirs, kind)) == packet.every(kind)


@given(st.lists(VENDOR_ATTRIBUTE, min_size=1, max_size=5))
def test_pyrad_finds_the_same_attributes_of_vendors(inner: list[VendorAttribute]) -> None:
    packet = Packet(1, 0, AUTHENTICATOR, tuple(vendor_attribute(*one) for one in inner))
    theirs = PyradPacket(dict=Dictionary())
    theirs.DecodePacket(encode(packet))
    for vendor, kind, _ in inner:
        found = dict.__getitem__(theirs, (vendor, kind))
        assert tuple(found) == packet.vendor(vendor, kind)
