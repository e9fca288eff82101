import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.web.forms import FormFault, parse_form
from tests.portal.web.portal_under_test import FakeGuest, exchange, get, running_portal


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"card=1&pin=2", {"card": "1", "pin": "2"}),
        (b"", {}),
        (b"card", {"card": ""}),
        (b"card=1&card=2", {"card": "1"}),
        (b"card=%E5%E4", {"card": "\ufffd\ufffd"}),
        (b"card=%C3%A5+%26", {"card": "å &"}),
        (b"card=\xff", {"card": "\ufffd"}),
        (b"card=" + b"a" * 2000, {"card": "a" * 512}),
        (b"&".join(b"a%d=1" % n for n in range(21)), FormFault.TOO_LARGE),
    ],
)
def test_parsing(body: bytes, fields: object) -> None:
    assert parse_form(body) == fields


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_are_too_large(body: bytes) -> None:
    fields = parse_form(body)
    assert fields is FormFault.TOO_LARGE or not isinstance(fields, FormFault)


FORM = "Content-Type: application/x-www-form-urlencoded"

# T37: refused before a byte of the body is unpacked or stored.
REFUSED = [
    ([FORM, "Content-Length: 1000000000"], b"x" * 20_000, 413),
    ([FORM, "Content-Length: 8193"], b"x" * 8193, 413),
    ([FORM, "Transfer-Encoding: chunked"], b"3000\r\n" + b"x" * 0x3000 + b"\r\n0\r\n\r\n", 413),
    (
        [FORM, "Content-Encoding: gzip", "Content-Length: 40"],
        gzip.compress(b"a" * 9999, mtime=0)[:40],
        415,
    ),
    ([FORM, "Content-Encoding: br", "Content-Length: 4"], b"abcd", 415),
    ([FORM, "Content-Encoding: deflate", "Content-Length: 4"], b"abcd", 415),
    (["Content-Type: multipart/form-data; boundary=x", "Content-Length: 5"], b"--x--", 415),
    (["Content-Type: application/json", "Content-Length: 2"], b"{}", 415),
    (["Content-Type: text/plain", "Content-Length: 4"], b"card", 415),
    (["Content-Length: 4"], b"card", 415),
]


@pytest.mark.parametrize(("headers", "body", "status"), REFUSED)
async def test_what_is_no_small_form_is_refused(
    headers: list[str], body: bytes, status: int
) -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        head = "\r\n".join(["POST /card HTTP/1.1", "Host: localhost", *headers, "", ""])
        answer = await exchange(portal.plain_port, head.encode() + body)
        after = await exchange(portal.plain_port, get("/"))
    assert answer.status == status
    assert answer.headers["Connection"] == "close"
    assert "Börja om härifrån" in answer.body
    assert after.status == 200
    assert guest.calls == []


async def test_a_form_cut_short_ends_in_nothing() -> None:
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        head = f"POST /card HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\n"
        bad_chunk = head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        answer = await exchange(portal.plain_port, bad_chunk.encode())
        assert answer.status in {400, 408}
        assert (await exchange(portal.plain_port, get("/"))).status == 200
    assert guest.calls == []
