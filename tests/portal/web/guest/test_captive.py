import asyncio
import contextlib

import pytest

from tests.portal.web.portal_under_test import Answer, FakeGuest, exchange, running_portal

PORTAL = "https://wifi.library.test"

PROBES = [
    ("captive.apple.com", "/hotspot-detect.html"),
    ("connectivitycheck.gstatic.com", "/generate_204"),
    ("www.msftconnecttest.com", "/connecttest.txt"),
    ("www.msftncsi.com", "/ncsi.txt"),
    ("detectportal.firefox.com", "/success.txt?ipv4"),
    ("fedoraproject.org", "/static/hotspot.txt"),
    ("network-test.debian.org", "/nm"),
    ("connectivity-check.ubuntu.com", "/"),
    ("test.steampowered.com", "/204"),
    ("ctest.cdn.nintendo.net", "/"),
    ("192.0.2.1", "/"),
    ("[2001:db8::1]", "/"),
    ("[2001:db8::1]:80", "/x"),
    ("[::1", "/"),
    ("", "/"),
    ("a b", "/"),
    ("wifi.library.test.evil.example", "/"),
    ("evil.example#wifi.library.test", "/"),
    ("evil.example/wifi.library.test", "/"),
    ("wifi.library.test@evil.example", "/"),
]

AGENTS = ["CaptiveNetworkSupport-480 wispr", "Mozilla/5.0 (Android 14)", "Microsoft NCSI", ""]


def is_captive_redirect(answer: Answer, status: int = 302) -> bool:
    assert answer.status == status
    assert answer.headers["Location"].startswith(f"{PORTAL}:") or answer.headers[
        "Location"
    ].startswith(f"{PORTAL}/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Connection"] == "close"
    assert int(answer.headers["Content-Length"]) > 4
    assert not {"ETag", "Last-Modified", "Set-Cookie"}.intersection(answer.headers)
    return True


@pytest.mark.parametrize(("host", "path"), PROBES)
@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
async def test_every_probe_is_redirected(host: str, path: str, version: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(
            portal.plain_port, f"GET {path} {version}\r\nHost: {host}\r\n\r\n".encode()
        )
    assert is_captive_redirect(answer)
    assert 'href="https://wifi.library.test' in answer.body
    assert "Logga in på wifi" in answer.body
    assert "Log in to Wi-Fi" in answer.body


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("HEAD", 302),
        ("OPTIONS", 302),
        ("PROPFIND", 302),
        ("TRACE", 302),
        ("POST", 303),
        ("PUT", 303),
        ("PATCH", 303),
        ("DELETE", 303),
        ("NONSENSE", 302),
        ("get", 302),
    ],
)
async def test_any_method_is_redirected(method: str, status: int) -> None:
    request = f"{method} /x HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\n\r\n"
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, request.encode())
    assert is_captive_redirect(answer, status)
    assert (answer.body == "") is (method == "HEAD")


@pytest.mark.parametrize(
    "request_head",
    [
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: wifi.library.test\r\n\r\n",
        "GET http://evil.example/x HTTP/1.1\r\nHost: wifi.library.test\r\n\r\n",
        "GET ftp://wifi.library.test/x HTTP/1.1\r\nHost: wifi.library.test\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: wifi.library.test\r\n\r\n",
        "CONNECT wifi.library.test:443 HTTP/1.1\r\nHost: wifi.library.test:443\r\n\r\n",
    ],
)
async def test_odd_request_lines_and_hosts_are_redirected(request_head: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, request_head.encode())
    assert is_captive_redirect(answer)


@pytest.mark.parametrize("agent", AGENTS)
async def test_answers_do_not_depend_on_the_user_agent(agent: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        plain = await exchange(portal.plain_port, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        named = await exchange(
            portal.plain_port,
            f"GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: {agent}\r\n\r\n".encode(),
        )
    for answer in (plain, named):
        answer.headers.pop("Date")
    assert named == plain


async def test_the_thousandth_probe_is_treated_like_the_first() -> None:
    guest = FakeGuest(raises=AssertionError("a probe asks nobody"))
    async with running_portal(guest) as portal:
        for _ in range(1000):
            answer = await exchange(portal.plain_port, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            assert answer.status == 302
    assert guest.addresses == []


# T12: nothing in a request may become the target of a redirect.
EVIL = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%5Cevil.example",
    "/%2f%2fevil.example",
    "/%2F/evil.example",
    "/.evil.example",
    "/@evil.example",
    "/;@evil.example",
    "/evil.example/%2e%2e",
    "/..//evil.example",
    "/%2e%2e//evil.example",
    "/./evil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/%0aSet-Cookie:a=b",
    "/%E5%98%8A%E5%98%8DLocation:evil.example",
    "/https:evil.example",
    "/https://evil.example",
    "/https:/%5cevil.example",
    "/javascript:alert(1)",
    "/data:text/html,x",
    "/http://[::ffff:192.0.2.1]",
    "/http://3221225985",
    "/http://0xc0000201",
    "/%68%74%74%70://evil.example",
    "/login//evil.example",
    "/card//evil.example",
]
PARAMETERS = ["next", "url", "userurl", "redirect", "target", "return", "lang", "done", "r", "to"]


@pytest.mark.parametrize("path", EVIL)
async def test_no_path_or_parameter_leads_away(path: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        for host in ("a.example", "localhost"):
            query = "&".join(f"{name}={path}" for name in PARAMETERS)
            for target in (path if path.startswith("/") else f"/{path}", f"/?{query}"):
                answer = await exchange(
                    portal.plain_port,
                    f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
                )
                location = answer.headers.get("Location", "/")
                assert location in {"/", f"{portal.settings.portal_origin}/"}
                assert "Set-Cookie" not in answer.headers
                assert "evil.example" not in answer.body


# T16, T17: what is refused is refused with 4xx, and the process goes on.
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 500 + b"\r\n", 400),
        (b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/9.9.9\r\nHost: a\r\n\r\n", 400),
        (b"GET  /  HTTP/1.1 x\r\n\r\n", 400),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_a_probe_is_refused(request_bytes: bytes, status: int) -> None:
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, request_bytes)
        assert answer.status == status
        assert answer.headers["Connection"] == "close"
        assert answer.body == "This request cannot be understood.\n"
        after = await exchange(portal.plain_port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert is_captive_redirect(after)


@pytest.mark.parametrize("noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"\0\0\0\0\r\n\r\n"])
async def test_what_is_no_http_gets_the_redirect_too(noise: bytes) -> None:
    async with running_portal(FakeGuest()) as portal:
        assert is_captive_redirect(await exchange(portal.plain_port, noise))


async def test_ten_megabytes_of_query_harm_nobody() -> None:
    async with running_portal(FakeGuest()) as portal:
        _, writer = await asyncio.open_connection("127.0.0.1", portal.plain_port)
        writer.write(b"GET /?q=" + b"a" * 10_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # closed long before the end
            await writer.drain()
        writer.transport.abort()
        after = await exchange(portal.plain_port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert is_captive_redirect(after)


@pytest.mark.parametrize("length", [1, 10, 100, 1000, 8000])
async def test_a_query_of_8_kb_is_still_a_probe(length: int) -> None:
    target = "/?" + "q" * length
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(
            portal.plain_port, f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        )
    assert is_captive_redirect(answer)


# T38: a body whose end two servers could see differently is refused, and the connection closed.
SMUGGLED = [
    b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
    b"Content-Length: 5, 6\r\n\r\nabcde",
    b"Content-Length: +5\r\n\r\nabcde",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 0x5\r\n\r\nabcde",
    b"Content-Length: 5 5\r\n\r\nabcde",
    b"Content-Length: \r\n\r\n",
    b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
    b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    b"X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("rest", SMUGGLED)
@pytest.mark.parametrize("host", [b"a.example", b"localhost"])
async def test_smuggling_is_refused(rest: bytes, host: bytes) -> None:
    smuggled = b"GET /logout HTTP/1.1\r\nHost: localhost\r\n\r\n"
    guest = FakeGuest()
    async with running_portal(guest) as portal:
        answer = await exchange(
            portal.plain_port, b"POST /card HTTP/1.1\r\nHost: " + host + b"\r\n" + rest + smuggled
        )
    assert answer.status == 400
    assert answer.headers["Connection"] == "close"
    assert answer.size < 800  # one answer, not two
    assert guest.calls == []


async def test_a_post_meant_for_another_site_is_not_read() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000000000\r\n\r\n"
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, head + b"x" * 100_000)
    assert is_captive_redirect(answer, 303)


@pytest.mark.parametrize("target", ["http://localhost/help", "http://LOCALHOST:80/help", "/help"])
async def test_an_absolute_target_of_our_own_is_our_own_page(target: str) -> None:
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, request.encode())
    assert answer.status == 200
    assert "Hjälp med wifi" in answer.body


async def ask(port: int, *headers: str, method: str = "GET") -> bytes:
    """Return everything that came before the connection was closed."""
    head = [f"{method} /generate_204 HTTP/1.1", "Host: example.org", *headers, "", ""]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join(head).encode())
    try:
        async with asyncio.timeout(60):
            return await reader.read(-1)
    finally:
        writer.transport.abort()


async def test_the_probe_of_a_device_that_comes_back_gets_no_answer_and_an_open_gate() -> None:
    guest = FakeGuest(comes_back=True)
    async with running_portal(guest) as portal:
        assert await ask(portal.plain_port) == b""
        assert await ask(portal.plain_port, method="HEAD") == b""
        async with asyncio.timeout(60):
            while len(guest.calls) < 2:
                await asyncio.sleep(0.01)
    assert guest.calls == ["welcome", "welcome"]
    assert guest.looked_for == ["127.0.0.1", "127.0.0.1"]


async def test_a_page_that_somebody_opens_is_redirected_even_then() -> None:
    """It leads to the status page; an empty page in a browser would help nobody."""
    guest = FakeGuest(comes_back=True)
    async with running_portal(guest) as portal:
        opened = await ask(portal.plain_port, "Upgrade-Insecure-Requests: 1", "Connection: close")
        posted = await ask(portal.plain_port, "Content-Length: 0", method="POST")
    assert opened.startswith(b"HTTP/1.1 302 ")
    assert posted.startswith(b"HTTP/1.1 303 ")
    assert guest.calls == guest.looked_for == []
