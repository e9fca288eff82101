"""What every answer of the staff site carries, and what happens when something is broken."""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from firewall.lab.authority import Authority
from portal.domain.staff_account import EVERY_ROLE
from portal.services.ports import DatabaseUnavailableError
from portal.storage.database import Database
from portal.web.staff.access import Anyone, Staff
from portal.web.staff.answers import POLICY
from portal.web.staff.routes import ROUTES, Route, Table
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit
from portal.web.tls import make_tls_context
from tests.portal.web.portal_under_test import Answer, exchange, get
from tests.portal.web.staff.staff_under_test import NOW, Person, StaffWorld, running_staff_site

TEMPLATES = Path(__file__).parents[4] / "templates" / "staff"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": POLICY,
}


def lacks(answer: Answer) -> list[str]:
    return [name for name, text in HEADERS.items() if answer.headers.get(name) != text]


def test_the_policy_allows_our_own_files_and_nothing_inline() -> None:
    assert "unsafe" not in POLICY
    assert "frame-ancestors 'none'" in POLICY
    sources = {word for part in POLICY.split(";") for word in part.split()[1:]}
    assert sources == {"'none'", "'self'"}


async def test_headers_of_every_route(world: StaffWorld) -> None:
    kim, nobody = await world.enrol("kim", *EVERY_ROLE), Person(world)
    for route in ROUTES:
        for person in (nobody, kim):
            if route.live:
                answer = await person.head(route.path)  # they have no end
            elif route.method == "GET":
                answer = await person.get(route.path)
            else:
                answer = await person.send(route.path, {})
            assert lacks(answer) == [], route
    assert lacks(await kim.get("/nowhere")) == []


async def test_cookies_are_kept_from_scripts_other_hosts_and_plain_http(world: StaffWorld) -> None:
    kim = Person(world, "kim")
    page = await kim.get("/first")
    done = await kim.post("/first", page, code=await world.make("kim"))
    language = await kim.post("/language", await kim.get("/first"), language="en")
    lines = [*page.cookies, *done.cookies, *language.cookies]
    assert len(lines) == 3
    for line in lines:
        assert line.startswith("__Host-")
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in line.split("; "), line
        assert "Domain" not in line


async def test_tokens_of_a_visit_are_long_and_differ(world: StaffWorld) -> None:
    seen = set()
    for number in range(3):
        person = await world.enrol(f"person{number}")
        seen |= {text for name, text in person.cookies.items()}
    assert len(seen) == 6
    assert {len(text) for text in seen} == {43}  # 256 bits


async def test_the_database_holds_no_token_password_secret_or_code(world: StaffWorld) -> None:
    kim = await world.enrol("kim")
    tables = ("staff_account", "staff_session", "staff_attempt", "staff_recovery_code", "event")
    dump = ""
    for table in tables:
        statement = f"SELECT t::text AS line FROM {table} AS t"  # noqa: S608 - our own names
        for row in await world.database.fetch(statement):
            dump += row["line"]
    held = [*kim.cookies.values(), kim.secret, *kim.recovery, "tre blå"]
    assert len(held) == 14
    for secret in held:
        for form in (secret, secret.encode().hex(), secret.replace("-", "").encode().hex()):
            assert form not in dump
    assert "127.0.0.1" not in dump


async def test_the_files_are_kept_for_ever_under_names_that_change(world: StaffWorld) -> None:
    page = await Person(world).get("/sign-in")
    paths = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.body)
    assert len(paths) == 3
    for path in paths:
        answer = await Person(world).get(path)
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert re.fullmatch(r"/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)", path)
    assert (await Person(world).get("/static/staff.000000000000.css")).status == 404
    assert (await Person(world).get("/static/../base.html")).status == 404


def test_no_template_has_a_script_or_a_style_in_it() -> None:
    printed = TEMPLATES / "month-print.html"  # becomes a PDF, and is in no browser
    for template in set(TEMPLATES.glob("*.html")) - {printed}:
        text = template.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), template
        for script in re.findall(r"<script[^>]*>.*?</script>", text, re.DOTALL):
            assert re.fullmatch(r'<script src="\{\{[^}]+\}\}" defer></script>', script), template
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text


def test_no_file_asks_anything_of_elsewhere() -> None:
    for name in ("staff.css", "staff.js", "live.js"):
        text = (TEMPLATES / name).read_text("utf-8")
        assert not re.search(r"https?:|//[a-z]|url\((?!#)|@import|eval|innerHTML", text)
    assert (TEMPLATES / "staff.css").stat().st_size <= 14_336  # fetched once a release


async def test_another_host_is_not_answered_for(world: StaffWorld) -> None:
    """A name that an attacker makes resolve to us (DNS rebinding) shows nothing."""
    for host in ("evil.example", "127.0.0.1", "localhost.evil.example", ""):
        answer = await exchange(world.port, get("/sign-in", host))
        assert (answer.status, answer.cookies) == (421, ())


async def test_health_and_odd_methods(world: StaffWorld) -> None:
    assert (await Person(world).get("/healthz")).body == "ok\n"
    for method in ("PUT", "DELETE", "TRACE", "OPTIONS"):
        request = get("/sign-in").replace(b"GET", method.encode(), 1)
        answer = await exchange(world.port, request)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    head = await exchange(world.port, get("/sign-in").replace(b"GET", b"HEAD", 1))
    assert (head.status, head.body) == (200, "")


async def fail(_: StaffSite, visit: Visit) -> web.Response:
    raise {"/away": DatabaseUnavailableError("gone"), "/bug": KeyError("secret")}[visit.path]


BROKEN = Table(
    [
        *ROUTES,
        Route("GET", "/away", fail, Anyone()),
        Route("GET", "/bug", fail, Staff(EVERY_ROLE, at_site=False)),
    ]
)


async def test_what_is_broken_is_said_plainly(database: Database, tmp_path: Path) -> None:
    async with running_staff_site(database, tmp_path / "keys", table=BROKEN) as world:
        kim = await world.enrol("kim")
        away = await kim.get("/away")
        assert (away.status, "kan inte nå databasen" in away.body) == (503, True)
        bug = await kim.get("/bug")
        assert (bug.status, "Något gick fel hos oss" in bug.body) == (500, True)
        assert "secret" not in bug.body
        assert lacks(away) == lacks(bug) == []


async def test_without_a_database_a_page_says_so(world: StaffWorld, postgres_cluster: str) -> None:
    kim = await world.enrol("kim")
    world.database._dsn = postgres_cluster.replace("host=", "host=/nowhere")
    await world.database.close()
    answer = await kim.get("/desk")
    assert (answer.status, "Besökare som är uppkopplade märker inget" in answer.body) == (503, True)
    assert "signed" not in answer.body  # nothing of the account


async def test_banners_stand_on_every_page(database: Database, tmp_path: Path) -> None:
    banners = ("banner.internet",)
    async with running_staff_site(database, tmp_path / "keys", banners=banners) as world:
        kim = await world.enrol("kim")
        for path in ("/desk", "/account", "/nowhere"):
            assert "internetanslutning är nere" in (await kim.get(path)).body


async def test_the_language_is_the_browsers_until_one_is_chosen(world: StaffWorld) -> None:
    kim = Person(world, more=("Accept-Language: en-GB",))
    page = await kim.get("/sign-in")
    assert '<html lang="en"' in page.body
    done = await kim.post("/language", page, language="sv", to="/sign-in")
    assert done.headers["Location"] == "/sign-in"
    page = await kim.get("/sign-in")
    assert '<html lang="sv"' in page.body
    await kim.post("/language", page, language="xx")
    assert '<html lang="sv"' in (await kim.get("/sign-in")).body


async def test_only_a_proxy_of_ours_says_who_asks(database: Database, tmp_path: Path) -> None:
    """Or a guesser would be at a new address each time."""
    for proxies, statuses in ((frozenset(), {403, 429}), (frozenset({"127.0.0.1"}), {403})):
        keys = tmp_path / f"keys{len(proxies)}"
        async with running_staff_site(database, keys, proxies=proxies) as world:
            seen = set()
            for number in range(30):
                somebody = Person(world, f"name{number}")
                somebody.more = (f"X-Forwarded-For: 10.0.0.1, 10.9.0.{number}",)
                seen.add((await somebody.give_password()).status)
            assert seen == statuses


async def test_over_tls_browsers_are_told_to_stay_there(
    world: StaffWorld, database: Database, tmp_path: Path
) -> None:
    plain = await Person(world).get("/sign-in")
    assert "Strict-Transport-Security" not in plain.headers
    authority = Authority.create(tmp_path, NOW)
    own = authority.issue(["localhost"], datetime.now(UTC))
    context = make_tls_context(own.chain, own.key)
    trusting = ssl.create_default_context(cafile=str(authority.certificate_file))
    async with running_staff_site(database, tmp_path / "more keys", tls=context) as secure:
        answer = await exchange(secure.port, get("/sign-in"), trusting, name="localhost")
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert (answer.status, lacks(answer)) == (200, [])
