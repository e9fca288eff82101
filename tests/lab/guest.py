"""What a guest does with a phone, over raw HTTP: open the page, fill in the form, look around.

Not a browser: one request a connection, no cookies, no redirects followed. The rule to keep:
nothing here knows more than what stands on the page or on the wire.
"""

import asyncio
import html
import json
import re
import urllib.parse
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import asyncpg

from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from portal.composition.database import dsn
from portal.demo.world import World

CARD, PIN = "20000000000001", "1234"
FORM = (("Content-Type", "application/x-www-form-urlencoded"),)
SWEDISH = (("Accept-Language", "sv"),)
_TOKEN = re.compile(r'<input type="hidden" name="token" value="([^"]+)">')


class Guest:
    """A phone and the portal it sees. Every answer is as it came off the wire."""

    def __init__(self, world: World, phone: Phone) -> None:
        self.world = world
        self.phone = phone

    @property
    def origin(self) -> str:
        return self.world.portal_origin

    def get(self, path: str = "/", *, origin: str = "", family: int | None = None) -> HttpAnswer:
        """GET a page of the portal."""
        return self.phone.http((origin or self.origin) + path, headers=SWEDISH, family=family)

    def post(
        self, path: str, fields: dict[str, str], *, origin: str = "", family: int | None = None
    ) -> HttpAnswer:
        """POST a form as a browser encodes it."""
        return self.phone.http(
            (origin or self.origin) + path,
            method="POST",
            headers=(*SWEDISH, *FORM),
            body=urllib.parse.urlencode(fields).encode(),
            family=family,
        )

    def token(self, path: str = "/", *, action: str = "/card", origin: str = "") -> str:
        """Open a page and return the hidden token of the form with that action."""
        page = self.get(path, origin=origin)
        assert page.status == 200, page
        return token_of(page, action)

    def sign_in(
        self,
        card: str = CARD,
        pin: str = PIN,
        *,
        origin: str = "",
        family: int | None = None,
    ) -> HttpAnswer:
        """Open the login page, send card and PIN, return the answer: 303 when let in."""
        token = self.token(origin=origin)
        fields = {"token": token, "card": card, "pin": pin}
        return self.post("/card", fields, origin=origin, family=family)

    def press(self, action: str) -> HttpAnswer:
        """Press a button of the status page: ``/logout`` or ``/extend``."""
        return self.post(action, {"token": self.token("/status", action=action)})

    def sign_out(self) -> HttpAnswer:
        return self.press("/logout")

    def api(self) -> dict[str, object]:
        """Ask the RFC 8908 API as a phone does."""
        accept = (("Accept", "application/captive+json"),)
        answer = self.phone.http(self.world.lab.captive_portal_uri, headers=accept)
        assert answer.status == 200, answer
        return dict(json.loads(answer.body))

    def is_captive(self) -> bool:
        """What the API says."""
        return bool(self.api()["captive"])

    def is_admitted(self) -> bool:
        """What the kernel says, whoever is running."""
        return self.phone.mac in admitted(self.world)


def token_of(page: HttpAnswer, action: str) -> str:
    """Return the hidden token of the form with that action."""
    for form in text_of(page).split("<form")[1:]:
        head, _, rest = form.partition(">")
        found = re.search(r'action="([^"]*)"', head)
        if found and html.unescape(found[1]).partition("?")[0] == action:
            token = _TOKEN.search(rest.partition("</form")[0])
            assert token is not None, form
            return token[1]
    raise AssertionError(f"no form for {action} on the page: {text_of(page)}")


def text_of(answer: HttpAnswer) -> str:
    return answer.body.decode()


def admitted(world: World) -> set[str]:
    """Return the MAC addresses that the kernel lets through, by `nft`."""
    return {_key(item) for item in _elements(world)}


def _elements(world: World) -> list[Any]:
    listed = world.lab.gateway.run(["nft", "-j", "list", "map", "inet", "kvar", "admitted"])
    return [item[0] for item in json.loads(listed.stdout)["nftables"][-1]["map"].get("elem", [])]


def _key(item: object) -> str:
    """An element with a time-out is an object, one without is its bare key."""
    return str(item["elem"]["val"]) if isinstance(item, dict) else str(item)


def until(condition: Callable[[], object], what: str, within_s: float = 60.0) -> None:
    """Poll until something holds; a bound for a hanging test, not a measure of speed."""
    end = monotonic() + within_s
    while not condition():
        assert monotonic() < end, f"never happened: {what}"
        sleep(0.05)  # who asks starts a process, mostly


def connections(world: World, *addresses: str) -> list[str]:
    """Return what the gateway's connection tracking holds from these addresses, a line each."""
    found = []
    for address in addresses:
        family = "ipv6" if ":" in address else "ipv4"
        listed = world.lab.gateway.run(["conntrack", "-L", "-f", family, "-s", address])
        found += listed.stdout.splitlines()
    return found


def addresses_of(phone: Phone) -> tuple[str, ...]:
    assert phone.lease is not None
    return phone.lease.address, *phone.ipv6_addresses()


def run_sql(world: World, statement: str, *values: object) -> None:
    """Change a row of the running database: how tests make time pass."""

    async def run() -> None:
        connection = await asyncpg.connect(dsn(world.config), timeout=30)
        try:
            await connection.execute(statement, *values, timeout=30)
        finally:
            await connection.close()

    asyncio.run(run())


def fetch_sql(world: World, query: str, *values: object) -> Any:
    """Return the one value that a query of the running database gives."""

    async def run() -> Any:
        connection = await asyncpg.connect(dsn(world.config), timeout=30)
        try:
            return await connection.fetchval(query, *values, timeout=30)
        finally:
            await connection.close()

    return asyncio.run(run())


def end_in(guest: Guest, seconds: float) -> None:
    """Make the session of the guest's phone end so soon, and tell the keeper as services do."""
    run_sql(
        guest.world,
        "WITH moved AS (UPDATE live_session SET ends_at = now() + make_interval(secs => $2) "
        "WHERE mac = $1::text::macaddr RETURNING site_id, id) "
        "SELECT pg_notify('kvar_session', 'extended ' || site_id || ' ' || id) FROM moved",
        guest.phone.mac,
        seconds,
    )


def kernel_time_left_s(guest: Guest) -> float:
    """Return after how long the kernel alone would put the phone out."""
    for item in _elements(guest.world):
        if isinstance(item, dict) and item["elem"]["val"] == guest.phone.mac:
            return float(item["elem"]["expires"])
    raise AssertionError("the phone is not admitted")
