from pathlib import Path

import pytest

from portal.demo.access_point.redirector import mac_of, requested, response

URL = "https://login.example/via/1?"
HEAD = b"GET /hotspot-detect.html HTTP/1.1\r\nUser-Agent: x\r\nhost: captive.apple.com\r\n\r\n"


def test_a_held_device_is_led_to_the_portal_with_what_it_asked_for() -> None:
    asked = "http%3A%2F%2Fcaptive.apple.com%2Fhotspot-detect.html"
    head, _, body = response(HEAD, URL).partition(b"\r\n\r\n")
    assert f"Location: {URL}&redirect_url={asked}".encode() in head.split(b"\r\n")
    assert head.startswith(b"HTTP/1.1 302 ")
    assert body == b""


def test_a_device_that_is_not_known_yet_is_led_nowhere() -> None:
    assert response(HEAD, None).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("head", [b"\r\n\r\n", b"GET\r\n\r\n", b"\xff\xfe /\r\n\r\n"])
def test_rubbish_is_answered_too(head: bytes) -> None:
    assert requested(head) == "http:///"
    assert response(head, URL).startswith(b"HTTP/1.1 302 ")


def test_the_mac_behind_an_address_is_the_kernel_s(tmp_path: Path) -> None:
    table = tmp_path / "arp"
    table.write_text(
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "172.20.0.17      0x1         0x2         02:4b:56:00:00:07     *        br0\n"
    )
    assert mac_of("172.20.0.17", table) == "02:4b:56:00:00:07"
    assert mac_of("172.20.0.18", table) == ""
