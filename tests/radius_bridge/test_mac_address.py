import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.mac_address import (
    bare,
    dashed,
    is_name_of,
    read_called,
    read_device,
    read_mac,
    read_name,
)

MAC = "aa:bb:cc:dd:ee:0f"
SPELLINGS = (
    b"AA-BB-CC-DD-EE-0F",
    b"aa-bb-cc-dd-ee-0f",
    b"AA:BB:CC:DD:EE:0F",
    b"aa:bb:cc:dd:ee:0f",
    b"AABBCCDDEE0F",
    b"aabbccddee0f",
    b"AABB.CCDD.EE0F",
    b"AABB:CCDD:EE0F",
    b"aabb-ccdd-ee0f",
    b"AABBCC-DDEE0F",
    b"AABBCC:DDEE0F",
    b"AA BB CC DD EE 0F",
)
RUBBISH = (
    b"",
    b"192.0.2.17",
    b"2001:db8::1",
    b"aa:bb:cc:dd:ee",
    b"aa:bb:cc:dd:ee:ff:00",
    b"aa-bb:cc-dd:ee-ff",
    b"aabbccddeefg",
    b" aabbccddee0f",
    b"aabbccddee0f\n",
    b"aabbccddee0f\0",
    "aabbccddee0\u0661".encode(),
    b"20000000000001",
    b"\xff" * 17,
)

spelling = pytest.mark.parametrize("text", SPELLINGS, ids=bytes.decode)


@spelling
def test_every_spelling_is_the_same_device(text: bytes) -> None:
    assert read_mac(text) == MAC
    assert read_device(text) == MAC
    assert read_name(text) == MAC


@pytest.mark.parametrize("text", RUBBISH)
def test_what_is_no_address_is_none(text: bytes) -> None:
    assert read_mac(text) is None
    assert read_device(text) is None


@spelling
@pytest.mark.parametrize("suffix", [b"@hotspot", b"-lib", b"/x", b" "])
def test_a_user_name_may_have_a_suffix(text: bytes, suffix: bytes) -> None:
    assert read_name(text + suffix) == MAC
    assert read_mac(text + suffix) is None


def test_a_longer_word_is_no_address() -> None:
    assert read_name(b"aabbccddee0f00") is None
    assert read_name(b"aa:bb:cc:dd:ee:0fx") is None
    assert read_name(b"20000000000001") is None
    assert read_name(b"alice") is None


@pytest.mark.parametrize("text", [b"00-00-00-00-00-00", b"ff:ff:ff:ff:ff:ff", b"01005e000001"])
def test_an_address_of_nobody_or_of_many_is_no_device(text: bytes) -> None:
    assert read_device(text) is None
    assert read_mac(text) is not None


def test_a_made_up_address_is_a_device() -> None:
    assert read_device(b"02-00-00-00-00-01") == "02:00:00:00:00:01"


@spelling
@pytest.mark.parametrize(
    "ssid", [b"", b"Biblioteket", b"a:b:c", b"\xff\0\r\n<b>", "Småland".encode()]
)
def test_the_ssid_stands_behind_the_address(text: bytes, ssid: bytes) -> None:
    assert read_called(text + b":" + ssid) == (MAC.encode(), ssid)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", (b"", b"")),
        (b"AA-BB-CC-DD-EE-0F", (MAC.encode(), b"")),
        (b"ap-entrance:Biblioteket", (b"ap-entrance", b"Biblioteket")),
        (b"hotspot1", (b"hotspot1", b"")),
        (b"192.0.2.1", (b"192.0.2.1", b"")),
        (b"2001:db8::1", (b"2001:db8::1", b"")),
        (b"aabbccddee0fx:y", (b"aabbccddee0fx", b"y")),
    ],
)
def test_other_names_of_an_access_point(text: bytes, expected: tuple[bytes, bytes]) -> None:
    assert read_called(text) == expected


@given(st.binary(max_size=253) | st.text("0123456789abcdefABCDEF-:. ", max_size=40).map(str.encode))
def test_anything_is_read_or_none(text: bytes) -> None:
    mac = read_mac(text)
    assert mac is None or read_mac(mac.encode()) == mac
    assert read_device(text) in {mac, None}
    assert mac is None or read_name(text) == mac
    called, ssid = read_called(text)
    assert len(called) + len(ssid) <= len(text) + 5


@given(st.binary(min_size=6, max_size=6), st.sampled_from("-:. "), st.booleans())
def test_every_address_in_every_spelling(octets: bytes, separator: str, upper: bool) -> None:
    for group in (1, 2, 3, 6):
        text = octets.hex(separator, group) if group < 6 else octets.hex()
        spelled = (text.upper() if upper else text).encode()
        assert read_mac(spelled) == octets.hex(":")
        assert is_name_of(spelled, octets.hex(":"))
        assert is_name_of(spelled + b"@guest", octets.hex(":"))
        assert not is_name_of(spelled + b"0", octets.hex(":"))
        assert not is_name_of(spelled, "3c:5a:b4:01:02:03") or octets.hex() == "3c5ab4010203"


def test_an_address_is_written_as_access_points_want_it() -> None:
    assert dashed("3c:5a:b4:01:02:03") == "3C-5A-B4-01-02-03"
    assert bare("3c:5a:b4:01:02:03") == "3c5ab4010203"
