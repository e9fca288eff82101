"""Every page and state of the guest site, over real HTTP: headers, size, mark-up, what it names."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest

from tests.browser.states import STATES, State
from tests.portal.web.portal_under_test import (
    FORM,
    SETTINGS,
    Answer,
    FakeGuest,
    Portal,
    exchange,
    get,
    post,
    running_portal,
)

LARGEST_PAGE = 14_000
"""Bytes with headers: the first flight of a TCP connection, ten segments (RFC 6928)."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Server": "Kvar",
    "Connection": "close",
}
POLICY = re.compile(
    r"default-src 'none'; base-uri 'none'; form-action 'self'(?: https?://[a-z0-9.]+:(?:\d+|\*))*"
    r"(?P<anywhere> https: http:)?; frame-ancestors 'none'"
    r"(; style-src 'sha256-[A-Za-z0-9+/]{43}=' 'unsafe-inline')?"
)
NEVER = {"ETag", "Last-Modified", "Set-Cookie", "Strict-Transport-Security", "X-Powered-By"}

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Outline(HTMLParser):
    """Reads a page strictly: every element closed, every id once, every reference answered."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        named = dict(attrs)
        assert len(named) == len(attrs), f"an attribute twice in <{tag}>"
        assert not {name for name in named if name.startswith("on") or name == "style"}
        self.ids += [value for name, value in attrs if name == "id" and value]
        for name in ("for", "aria-labelledby", "aria-describedby"):
            self.references += (named.get(name) or "").split()
        for name in ("href", "action", "src"):
            if (target := named.get(name)) is not None:
                self.targets.append(target)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline_of(body: str) -> Outline:
    outline = Outline()
    outline.feed(body)
    outline.close()
    assert outline.open == []
    return outline


async def walk(portal: Portal, state: State, language: str) -> Answer:
    """Open a state's page and send its form, as the browser would, following its redirect."""
    accept = f"Accept-Language: {language}"
    page = await exchange(portal.plain_port, get(state.path, "localhost", accept))
    if "Location" in page.headers:
        return await exchange(portal.plain_port, get(page.headers["Location"], "localhost", accept))
    if not state.press:
        return page
    chosen = dict(re.findall(r'name="(\w+)" value="(\w+)" checked', page.body))
    form = {**chosen, **state.fields, "token": page.token(state.press)}
    answer = await exchange(portal.plain_port, post(state.press, form, "localhost", accept))
    if "Location" in answer.headers:
        return await exchange(
            portal.plain_port, get(answer.headers["Location"], "localhost", accept)
        )
    return answer


OTHERWISE = {
    "service-down": 503,
    "report-away": 503,
    "missing": 404,
    "lost": 403,
    "unbelieved": 403,
}
FOREIGN = {
    "accessibility": [SETTINGS.statement.complaint_url],
    "connect": [FORM["switch_url"]],
}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("language", ["sv", "en"])
async def test_every_page(name: str, language: str) -> None:
    state = STATES[name]
    async with running_portal(state.guest()) as portal:
        answer = await walk(portal, state, language)
    assert answer.status == OTHERWISE.get(name, 200)
    assert answer.size <= LARGEST_PAGE
    assert HEADERS.items() <= answer.headers.items()
    policy = POLICY.fullmatch(answer.headers["Content-Security-Policy"])
    assert policy is not None
    assert bool(policy["anywhere"]) is (name == "connect")
    assert NEVER.isdisjoint(answer.headers)
    assert answer.headers["Content-Language"] == language
    outline = outline_of(answer.body)
    assert outline.tags.count("h1") == outline.tags.count("main") == 1
    assert "script" not in outline.tags
    assert len(outline.ids) == len(set(outline.ids))
    assert set(outline.references) <= set(outline.ids)
    foreign = [target for target in outline.targets if urlsplit(target).netloc]
    assert foreign == FOREIGN.get(name, [])
    for target in outline.targets:
        if target.startswith("#"):
            assert target[1:] in outline.ids


@pytest.mark.parametrize("path", ["/accessibility", "/privacy", "/rules", "/help"])
async def test_every_link_leads_to_a_page(path: str) -> None:
    async with running_portal(FakeGuest()) as portal:
        page = await exchange(portal.plain_port, get(path))
        for target in outline_of(page.body).targets:
            if target.startswith("/"):
                linked = await exchange(portal.plain_port, get(target))
                assert linked.status == 200, target


ROUTES = [
    ("GET", "/", 200),
    ("HEAD", "/", 200),
    ("GET", "/card", 200),
    ("GET", "/connect", 200),
    ("GET", "/status", 200),
    ("GET", "/extend", 200),
    ("GET", "/logout", 200),
    ("GET", "/wait", 200),
    ("GET", "/wait/still", 200),
    ("GET", "/help", 200),
    ("GET", "/rules", 200),
    ("GET", "/privacy", 200),
    ("GET", "/accessibility", 200),
    ("GET", "/captive-portal/api", 200),
    ("GET", "/healthz", 200),
    ("GET", "/favicon.ico", 404),
    ("GET", "/card/", 404),
    ("GET", "//", 404),
    ("GET", "/.git/config", 404),
    ("GET", "/../../etc/passwd", 404),
    ("GET", "/%2e%2e/etc/passwd", 404),
    ("POST", "/", 405),
    ("POST", "/help", 405),
    ("POST", "/wait", 405),
    ("POST", "/nowhere", 405),
    ("PUT", "/card", 405),
    ("DELETE", "/", 405),
    ("TRACE", "/", 405),
    ("OPTIONS", "/", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), ROUTES)
async def test_headers_of_every_route(method: str, path: str, status: int) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    async with running_portal(FakeGuest()) as portal:
        answer = await exchange(portal.plain_port, f"{request}Content-Length: 0\r\n\r\n".encode())
    assert answer.status == status
    assert HEADERS.items() <= answer.headers.items()
    assert POLICY.fullmatch(answer.headers["Content-Security-Policy"])
    assert NEVER.isdisjoint(answer.headers)
    assert "Content-Length" in answer.headers
    assert (answer.headers.get("Allow") == "GET, HEAD, POST") is (status == 405)
    if method == "HEAD":
        assert answer.body == ""


async def test_what_cannot_be_typed_on_a_phone_is_not_asked_for() -> None:
    async with running_portal(FakeGuest()) as portal:
        body = (await exchange(portal.plain_port, get("/"))).body
    card = re.search(r'<input id="card"[^>]*>', body)
    pin = re.search(r'<input id="pin"[^>]*>', body)
    assert card
    assert pin
    for attribute in (
        'type="text"',
        'inputmode="numeric"',
        'autocomplete="username"',
        'autocapitalize="off"',
        'spellcheck="false"',
        'enterkeyhint="next"',
    ):
        assert attribute in card[0]
    for attribute in ('type="password"', 'inputmode="numeric"', 'autocomplete="current-password"'):
        assert attribute in pin[0]
    assert "maxlength" not in body
    assert "placeholder" not in body
    assert "autofocus" not in body
    assert "_blank" not in body
