from io import StringIO
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary
from pyrad.packet import AuthPacket

from radius_bridge.dictionary import DEFINITIONS, DataType, Definition, named
from radius_bridge.values import (
    MalformedValueError,
    Value,
    attribute,
    decode_value,
    encode_value,
    join_tag,
    split_tag,
)
from radius_bridge.wire import Attribute, Packet, UnsendableError, decode, encode, split_vendor

VALUES: dict[DataType, st.SearchStrategy[Value]] = {
    DataType.TEXT: st.text(max_size=60),
    DataType.OCTETS: st.binary(max_size=240),
    DataType.INTEGER: st.integers(0, 2**32 - 1),
    DataType.INTEGER64: st.integers(0, 2**64 - 1),
    DataType.TIME: st.integers(0, 2**32 - 1),
    DataType.IPV4_ADDRESS: st.ip_addresses(v=4),
    DataType.IPV6_ADDRESS: st.ip_addresses(v=6),
    DataType.IPV6_PREFIX: st.builds(
        lambda address, bits: IPv6Network((address, bits), strict=False),
        st.ip_addresses(v=6),
        st.integers(0, 128),
    ),
    DataType.INTERFACE_ID: st.binary(min_size=8, max_size=8),
}
WIDTHS = {"integer": 4, "time": 4, "ipv4_address": 4, "integer64": 8, "interface_id": 8}
BY_TYPE = {one.data_type: one for one in DEFINITIONS if not one.tagged}
TAGGED = [one for one in DEFINITIONS if one.tagged]
SOME = st.sampled_from(DEFINITIONS)


@given(SOME.flatmap(lambda one: st.tuples(st.just(one), VALUES[one.data_type])))
def test_what_is_written_is_read(case: tuple[Definition, Value]) -> None:
    definition, value = case
    octets = encode_value(definition, value)
    assert decode_value(definition, octets) == value


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        ("User-Name", "Åsa", "c38573 61"),
        ("Class", b"\0\xff", "00ff"),
        ("Session-Timeout", 3600, "00000e10"),
        ("Event-Timestamp", 0xFFFF_FFFF, "ffffffff"),
        ("UBNT-Data-Rate-DL", 2**32, "0000000100000000"),
        ("NAS-IP-Address", IPv4Address("192.0.2.1"), "c0000201"),
        ("NAS-IPv6-Address", IPv6Address("2001:db8::1"), "20010db8000000000000000000000001"),
        ("Framed-IPv6-Prefix", IPv6Network("2001:db8:0:1::/64"), "0040 20010db800000001"),
        ("Framed-IPv6-Prefix", IPv6Network("::/0"), "0000"),
        ("Framed-Interface-Id", bytes(range(8)), "0001020304050607"),
    ],
)
def test_each_type_is_written_and_read(name: str, value: Value, octets: str) -> None:
    assert encode_value(named(name), value) == bytes.fromhex(octets)
    assert decode_value(named(name), bytes.fromhex(octets)) == value


@given(SOME, st.binary(max_size=253))
def test_any_octets_are_a_value_or_the_one_exception(definition: Definition, octets: bytes) -> None:
    split_tag(definition, octets)
    try:
        value = decode_value(definition, octets)
    except MalformedValueError:
        return
    if definition.data_type is not DataType.IPV6_PREFIX:
        assert encode_value(definition, value) == octets


@pytest.mark.parametrize("data_type", [DataType(name) for name in WIDTHS])
def test_a_value_has_exactly_its_length(data_type: DataType) -> None:
    width = WIDTHS[data_type]
    for length in range(width + 3):
        if length == width:
            decode_value(BY_TYPE[data_type], bytes(length))
        else:
            with pytest.raises(MalformedValueError):
                decode_value(BY_TYPE[data_type], bytes(length))


@pytest.mark.parametrize(
    ("octets", "prefix"),
    [
        ("0000", "::/0"),
        ("0040 20010db800000001", "2001:db8:0:1::/64"),
        ("0040 20010db8000000010000000000000000", "2001:db8:0:1::/64"),
        ("0038 20010db80000ff", "2001:db8:0:ff00::/56"),
        ("0030 20010db8ffffffff", "2001:db8:ffff::/48"),
        ("0080 20010db8000000010000000000000001", "2001:db8:0:1::1/128"),
        ("", None),
        ("00", None),
        ("0081 20010db8000000010000000000000000", None),
        ("0040 20010db8000000", None),
        ("0040 20010db800000001000000000000000000", None),
    ],
)
def test_prefixes(octets: str, prefix: str | None) -> None:
    definition = named("Framed-IPv6-Prefix")
    if prefix is None:
        with pytest.raises(MalformedValueError):
            decode_value(definition, bytes.fromhex(octets))
    else:
        assert decode_value(definition, bytes.fromhex(octets)) == IPv6Network(prefix)


def test_text_that_is_not_utf8_is_named_but_never_shown() -> None:
    with pytest.raises(MalformedValueError, match=r"^Called-Station-Id is not UTF-8$"):
        decode_value(named("Called-Station-Id"), b"hush\xff")
    odd = b"\0\r\n<b>"
    assert decode_value(named("NAS-Identifier"), odd) == odd.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Session-Timeout", -1),
        ("Session-Timeout", 2**32),
        ("Session-Timeout", "3600"),
        ("UBNT-Data-Rate-DL", 2**64),
        ("User-Name", "x" * 254),
        ("User-Name", b"nemo"),
        ("Class", "text"),
        ("Framed-Interface-Id", bytes(7)),
        ("NAS-IP-Address", IPv6Address("::1")),
        ("NAS-IPv6-Address", IPv4Address("192.0.2.1")),
        ("Framed-IPv6-Prefix", IPv6Address("::1")),
    ],
)
def test_what_an_attribute_cannot_hold(name: str, value: Value) -> None:
    with pytest.raises(UnsendableError):
        attribute(named(name), value)


# RFC 2868 section 3: octets 0x00 to 0x1F are a tag, anything above is the first of the value.
@pytest.mark.parametrize(
    ("name", "octets", "tag", "rest"),
    [
        ("Tunnel-Private-Group-Id", "00 3432", 0, "3432"),
        ("Tunnel-Private-Group-Id", "1f 3432", 31, "3432"),
        ("Tunnel-Private-Group-Id", "20 3432", 0, "203432"),
        ("Tunnel-Private-Group-Id", "", 0, ""),
        ("Tunnel-Type", "00 00000d", 0, "0000000d"),
        ("Tunnel-Type", "01 00000d", 1, "0000000d"),
        ("Tunnel-Type", "ff 00000d", 255, "0000000d"),
        ("Tunnel-Type", "", 0, "00"),
        ("Tunnel-Password", "00 8001", 0, "8001"),
        ("Tunnel-Password", "80 8001", 128, "8001"),
        ("Tunnel-Password", "", 0, ""),
    ],
)
def test_tags(name: str, octets: str, tag: int, rest: str) -> None:
    assert split_tag(named(name), bytes.fromhex(octets)) == (tag, bytes.fromhex(rest))


@given(st.sampled_from(TAGGED), st.integers(0, 31), st.integers(0, 2**24 - 1))
def test_a_tag_is_joined_and_split(definition: Definition, tag: int, number: int) -> None:
    value = number.to_bytes(4, "big") if definition.data_type is DataType.INTEGER else b"42"
    assert split_tag(definition, join_tag(definition, tag, value)) == (tag, value)


@pytest.mark.parametrize(
    ("name", "value", "tag"),
    [
        ("Tunnel-Type", 13, 32),
        ("Tunnel-Type", 13, -1),
        ("Tunnel-Type", 2**24, 0),
        ("Tunnel-Private-Group-Id", "\x1f42", 0),
        ("Session-Timeout", 60, 1),
    ],
)
def test_tags_that_cannot_be(name: str, value: Value, tag: int) -> None:
    with pytest.raises(UnsendableError):
        attribute(named(name), value, tag)


def test_a_vlan_as_access_points_expect_it() -> None:
    packet = Packet(
        2,
        0,
        bytes(16),
        (
            attribute(named("Tunnel-Type"), 13),
            attribute(named("Tunnel-Medium-Type"), 6),
            attribute(named("Tunnel-Private-Group-Id"), "42"),
            attribute(named("Tunnel-Private-Group-Id"), ""),
            attribute(named("Tunnel-Private-Group-Id"), "42", 1),
        ),
    )
    vlan = "40060000000d" + "410600000006" + "51043432" + "5102" + "5105013432"
    assert encode(packet)[20:].hex() == vlan


def test_an_attribute_of_a_vendor_is_wrapped() -> None:
    made = attribute(named("WISPr-Bandwidth-Max-Down"), 8_000_000)
    assert isinstance(made, Attribute)
    inner = split_vendor(made.value)
    assert inner is not None
    assert [tuple(one) for one in inner] == [(14122, 8, (8_000_000).to_bytes(4, "big"))]


def test_pyrad_reads_what_we_write_and_we_what_it_writes() -> None:
    words = """
        ATTRIBUTE User-Name 1 string
        ATTRIBUTE Framed-IP-Address 8 ipaddr
        ATTRIBUTE Session-Timeout 27 integer
        ATTRIBUTE Event-Timestamp 55 date
        ATTRIBUTE Tunnel-Type 64 integer has_tag
        ATTRIBUTE NAS-IPv6-Address 95 ipv6addr
        VENDOR UBNT 41112
        BEGIN-VENDOR UBNT
        ATTRIBUTE UBNT-Data-Rate-DL 1 integer64
        END-VENDOR UBNT
    """
    theirs = AuthPacket(dict=Dictionary(StringIO(words)), secret=b"x", authenticator=bytes(16))
    cases: list[tuple[str, object, Value]] = [
        ("User-Name", "Åsa", "Åsa"),
        ("Framed-IP-Address", "192.0.2.7", IPv4Address("192.0.2.7")),
        ("Session-Timeout", 3600, 3600),
        ("Event-Timestamp", 1_795_000_000, 1_795_000_000),
        ("NAS-IPv6-Address", "2001:db8::7", IPv6Address("2001:db8::7")),
        ("UBNT-Data-Rate-DL", 8_000_000_000, 8_000_000_000),
    ]
    for name, foreign, _ in cases:
        theirs.AddAttribute(name, foreign)
    theirs.AddAttribute("Tunnel-Type:1", 13)
    ours = (
        *(attribute(named(name), value) for name, _, value in cases),
        attribute(named("Tunnel-Type"), 13, 1),
    )
    written = decode(theirs.RequestPacket())
    proofs = 80
    assert sorted(one for one in written.attributes if one.kind != proofs) == sorted(ours)
