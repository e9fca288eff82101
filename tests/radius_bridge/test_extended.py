import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.extended import ExtendedAttribute, extended_attributes, read_extended
from radius_bridge.wire import Attribute, Packet, UnsendableError, decode, encode

SHORT = st.builds(
    ExtendedAttribute, st.integers(241, 244), st.integers(0, 255), st.binary(max_size=252)
)
LONG = st.builds(
    ExtendedAttribute, st.integers(245, 246), st.integers(0, 255), st.binary(max_size=900)
)


def packet(*attributes: Attribute) -> Packet:
    return decode(encode(Packet(1, 0, bytes(16), attributes)))


@given(st.lists(SHORT | LONG, max_size=4))
def test_what_is_written_is_read(extended: list[ExtendedAttribute]) -> None:
    written = [piece for one in extended for piece in extended_attributes(one)]
    assert list(read_extended(packet(Attribute(1, b"nemo"), *written))) == extended


@given(st.lists(st.builds(Attribute, st.integers(240, 247), st.binary(max_size=253)), max_size=9))
def test_anything_is_read(attributes: list[Attribute]) -> None:
    found = read_extended(packet(*attributes))
    assert len(found) <= len(attributes)
    assert sum(len(one.value) for one in found) <= sum(len(value) for _, value in attributes)
    for one in found:
        assert one.vendor is None or one.vendor[2] == one.value[5:]


# RFC 6929 section 2.2: pieces share their numbers and follow one another; the last has no M bit.
@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ([], []),
        ([(241, "")], []),
        ([(241, "01")], [(241, 1, "")]),
        ([(245, "01")], []),
        ([(245, "0100")], [(245, 1, "")]),
        ([(245, "0180aa"), (245, "0100bb")], [(245, 1, "aabb")]),
        ([(245, "0180aa"), (245, "0180bb"), (245, "0100cc")], [(245, 1, "aabbcc")]),
        ([(245, "0180aa")], []),
        ([(245, "0180aa"), (245, "0200bb")], [(245, 2, "bb")]),
        ([(245, "0180aa"), (246, "0100bb")], [(246, 1, "bb")]),
        ([(245, "0180aa"), (1, "bb"), (245, "0100cc")], [(245, 1, "cc")]),
        ([(245, "0180aa"), (241, "05bb"), (245, "0100cc")], [(241, 5, "bb"), (245, 1, "cc")]),
        ([(245, "0180aa"), (245, "01"), (245, "0100cc")], [(245, 1, "cc")]),
        ([(245, "0100aa"), (245, "0100bb")], [(245, 1, "aa"), (245, 1, "bb")]),
        ([(240, "01aa"), (247, "0100aa")], []),
    ],
)
def test_pieces(attributes: list[tuple[int, str]], found: list[tuple[int, int, str]]) -> None:
    read = read_extended(
        packet(*(Attribute(kind, bytes.fromhex(text)) for kind, text in attributes))
    )
    assert [(one.kind, one.extended_kind, one.value.hex()) for one in read] == found


@pytest.mark.parametrize(
    ("kind", "length", "lengths"),
    [
        (241, 0, [1]),
        (241, 252, [253]),
        (245, 0, [2]),
        (245, 251, [253]),
        (245, 252, [253, 3]),
        (246, 600, [253, 253, 100]),
    ],
)
def test_how_a_value_is_cut(kind: int, length: int, lengths: list[int]) -> None:
    one = ExtendedAttribute(kind, 8, bytes(length))
    pieces = extended_attributes(one)
    assert [len(value) for _, value in pieces] == lengths
    assert read_extended(packet(*pieces)) == (one,)


def test_extended_attributes_of_vendors() -> None:
    assert ExtendedAttribute(241, 26, bytes.fromhex("0000000907aabb")).vendor == (9, 7, b"\xaa\xbb")
    assert ExtendedAttribute(241, 26, bytes.fromhex("0000000907")).vendor == (9, 7, b"")
    assert ExtendedAttribute(241, 26, bytes.fromhex("00000009")).vendor is None
    assert ExtendedAttribute(241, 25, bytes.fromhex("0000000907")).vendor is None


@pytest.mark.parametrize(
    "wrong",
    [
        ExtendedAttribute(241, 256, b""),
        ExtendedAttribute(245, -1, b""),
        ExtendedAttribute(241, 1, bytes(253)),
        ExtendedAttribute(240, 1, b""),
        ExtendedAttribute(247, 1, b""),
    ],
)
def test_what_cannot_be_written(wrong: ExtendedAttribute) -> None:
    with pytest.raises(UnsendableError):
        extended_attributes(wrong)


def test_no_value_shows() -> None:
    assert repr(ExtendedAttribute(245, 1, b"hush")) == "ExtendedAttribute(245.1, octets=4)"
