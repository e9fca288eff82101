"""Who may ask what: tokens, scopes, sites, budgets; and that a browser's visit gives nothing."""

import asyncio
import logging
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import structlog

from firewall.lab.authority import Authority
from portal.domain.api_token import Scope
from portal.services import api_tokens
from portal.web.api.operations import OPERATIONS
from portal.web.tls import make_tls_context
from tests.portal.web.api.api_under_test import ApiWorld, Program, pointers, problem, told
from tests.portal.web.portal_under_test import exchange, get
from tests.portal.web.staff.staff_under_test import BRANCH, BUS, CITY, NOW, running_staff_site

WITH_SCOPES = [each for each in OPERATIONS if each.scopes]
BODIES = {"extend_voucher": {"hours": 1}, "create_vouchers": {}, "revoke_series": {}}


def path_of(path: str) -> str:
    return path.removeprefix("/api/v1").format(serial="A-0001", letters="A")


async def test_whoever_has_no_good_token_is_told_so_and_nothing_else(api: ApiWorld) -> None:
    gone = await api.program(name="gone")
    over = await api.program(name="over", days=1)
    api.staff.time.passes(days=1)
    await api.desk.revoke("gone", api.staff.time())
    port = api.staff.port
    answers = [
        await Program(port, token).get("/token")
        for token in (gone.token, over.token, "kvar_" + "x" * 43, "secret", "\xe5\xff")
    ]
    for answer in answers:
        assert problem(answer) == (401, "no_good_token")
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert answer.body == answers[0].body
    for more in ((), ("Authorization: Basic eDp5",), ("Authorization: Bearer",)):
        answer = await Program(port, "").get("/token", *more)
        assert problem(answer) == (401, "no_good_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    good = await api.program(name="good")
    twice = await good.get("/token", f"Authorization: Bearer {good.token}")
    assert problem(twice) == (401, "no_good_token")


async def test_a_token_says_what_it_may_do(api: ApiWorld) -> None:
    program = await api.program(Scope.READ, Scope.CODES, sites=(BUS, CITY))
    answer = await program.get("/token")
    assert told(answer) == {
        "name": "cinema",
        "scopes": ["vouchers:codes", "vouchers:read"],
        "sites": ["city", "bus"],
        "expires_at": "2027-11-26T09:00:00Z",
    }
    for name, text in {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    }.items():
        assert answer.headers[name] == text


async def test_a_browsers_visit_gives_nothing_here(api: ApiWorld) -> None:
    kim = await api.staff.enrol("kim")
    cookie = "; ".join(f"{name}={value}" for name, value in kim.cookies.items())
    browser = Program(api.staff.port, "")
    for each in OPERATIONS:
        if each.scopes is not None:
            path, body = path_of(each.path), BODIES.get(each.id)
            text = None if body is None else "{}"
            answer = await browser.send(each.method, path, text, f"Cookie: {cookie}")
            assert problem(answer) == (401, "no_good_token")
            assert not answer.cookies


@pytest.mark.parametrize("operation", WITH_SCOPES, ids=lambda each: each.id)
@pytest.mark.parametrize("scope", Scope)
async def test_every_operation_wants_its_scopes_and_leaves_one_event(
    api: ApiWorld, operation: object, scope: Scope
) -> None:
    each = next(one for one in WITH_SCOPES if one is operation)
    assert each.scopes
    maker = await api.program(name="maker")
    await maker.post("/vouchers", {})
    program = await api.program(scope)
    path, body = path_of(each.path), BODIES.get(each.id)
    if each.method == "GET":
        answer = await program.get(path)
    else:
        answer = await program.post(path, body)
    events = await api.staff.events("api_refused")
    if each.scopes <= {scope}:
        assert answer.status in {200, 201, 409}, answer  # 409: no batch
        assert events == []
        return
    assert problem(answer) == (403, "scope_missing")
    needed = " ".join(sorted(each.scopes))
    said = f'Bearer error="insufficient_scope", scope="{needed}"'
    assert answer.headers["WWW-Authenticate"] == said
    detail = f'{{"why": "scope_missing", "token": "cinema", "operation": "{each.id}"}}'
    assert events == [{"site_id": "", "detail": detail}]


async def test_a_token_works_at_its_sites_alone(api: ApiWorld) -> None:
    city = await api.program(name="of-city")
    anywhere = await api.program(name="of-all", sites=None)
    assert (await city.get("/vouchers")).status == 200
    assert (await city.get("/vouchers?site=city")).status == 200
    for site in ("branch", "nowhere", "%0d%0aforged"):
        assert problem(await city.get(f"/vouchers?site={site}")) == (403, "other_site")
    assert len(await api.staff.events("api_refused")) == 3
    assert "forged" not in repr(await api.staff.events("api_refused"))
    assert problem(await anywhere.get("/vouchers")) == (422, "site_missing")
    assert problem(await anywhere.get("/vouchers?site=nowhere")) == (404, "no_such_site")
    assert (await anywhere.get("/vouchers?site=branch")).status == 200


async def test_what_is_good_everywhere_is_not_for_a_token_of_one_site(api: ApiWorld) -> None:
    city = await api.program(name="of-city")
    branch = await api.program(name="of-branch", sites=(BRANCH,))
    anywhere = await api.program(name="of-all", sites=None)
    assert problem(await city.post("/vouchers", {"everywhere": True})) == (403, "other_site")
    assert (await anywhere.post("/vouchers?site=city", {"everywhere": True})).status == 201
    (event,) = await api.staff.events("api_refused")
    assert '"why": "other_site"' in str(event["detail"])
    there = "/vouchers/A-0001"
    answers = [
        await branch.get(there),
        await branch.post(f"{there}/revoke"),
        await branch.post(f"{there}/extend", {"hours": 1}),
        await branch.post(f"{there}/reprint"),
    ]
    assert {problem(answer) for answer in answers} == {(404, "no_such_voucher")}
    assert told(await city.get("/vouchers/A-0001"))["state"] == "unused"


async def test_a_busy_token_is_held_up_and_told_for_how_long(api: ApiWorld) -> None:
    busy, other = await api.program(name="busy"), await api.program(name="other")
    for _ in range(api_tokens.BURST):
        assert (await busy.get("/token")).status == 200
    answer = await busy.get("/token")
    assert problem(answer) == (429, "too_many")
    assert answer.headers["Retry-After"] == "1"
    assert (await other.get("/token")).status == 200
    api.staff.time.passes(seconds=1)
    assert (await busy.get("/token")).status == 200


async def test_many_wrong_tokens_are_held_up_at_their_address(api: ApiWorld) -> None:
    wrong = Program(api.staff.port, "kvar_" + "x" * 43)
    for _ in range(api_tokens.WRONG_BURST):
        assert (await wrong.get("/token")).status == 401
    answer = await wrong.get("/token")
    assert problem(answer) == (429, "too_many")
    assert answer.headers["Retry-After"] == "10"
    alarms = await api.staff.events("many_wrong_api_tokens")
    assert alarms == [{"site_id": "", "detail": "{}"}]


async def test_last_use_is_written_once_a_minute(api: ApiWorld) -> None:
    program, seen = await api.program(), set()
    started = api.staff.time()
    for _ in range(5):
        await program.get("/token")
        seen.add((await api.desk.store.all())[0].last_used_at)
        api.staff.time.passes(seconds=29)
    assert seen == {started, started + timedelta(seconds=87)}


async def test_while_the_database_is_away_it_says_when_to_come_back(api: ApiWorld) -> None:
    program = await api.program()
    await api.staff.database.fetch("ALTER TABLE api_token RENAME TO away")
    await api.staff.database.fetch(
        "CREATE FUNCTION down() RETURNS SETOF away LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION USING ERRCODE = '57P01'; END$$"
    )
    await api.staff.database.fetch("CREATE VIEW api_token AS SELECT * FROM down()")
    answer = await program.get("/token")
    assert problem(answer) == (503, "away")
    assert answer.headers["Retry-After"] == "5"


async def test_staffs_pages_have_connections_left_however_many_programs_ask(
    api: ApiWorld, postgres_dsn: str
) -> None:
    kim = await api.staff.enrol("kim")
    program = await api.program()
    other = await asyncpg.connect(postgres_dsn)
    async with other.transaction():
        await other.execute("LOCK TABLE voucher")
        asking = [asyncio.ensure_future(program.get("/vouchers")) for _ in range(10)]
        free: set[int] = set()
        while not all(one.done() for one in asking):  # each gives up after a while
            free.add(api.staff.database._slots.qsize())
            await other.execute("SELECT 1")
        assert min(free) == 2
        assert (await kim.get("/account")).status == 200
    await other.close()
    answers = await asyncio.gather(*asking)
    assert {answer.status for answer in answers} == {503}


async def test_a_fault_of_our_own_is_said_as_a_problem_too(api: ApiWorld) -> None:
    program = await api.program()
    await api.staff.database.fetch("ALTER TABLE voucher RENAME TO lost")
    assert problem(await program.get("/vouchers")) == (500, "broken")
    assert (await program.get("/token")).status == 200


async def test_what_is_not_there_is_said_without_a_token(api: ApiWorld) -> None:
    nobody = Program(api.staff.port, "")
    for path in (
        "/",
        "/voucher",
        "/vouchers/",
        "/vouchers/A-1",
        "/vouchers/4085127730",
        "/../desk",
    ):
        assert problem(await nobody.get(path)) == (404, "no_such_path")
    answer = await nobody.send("DELETE", "/vouchers", None)
    assert problem(answer) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    answer = await nobody.get("/vouchers/A-0001/revoke")
    assert (answer.headers["Allow"], answer.status) == ("POST", 405)
    elsewhere = b"GET /api/v1/token HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    assert problem(await exchange(api.staff.port, elsewhere)) == (421, "other_host")
    absolute = b"GET http://localhost/api/v1/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert problem(await exchange(api.staff.port, absolute)) == (401, "no_good_token")


async def test_over_tls_programs_are_told_to_stay_there(api: ApiWorld, tmp_path: Path) -> None:
    plain = await Program(api.staff.port, "").get("/openapi.json")
    assert "Strict-Transport-Security" not in plain.headers
    authority = Authority.create(tmp_path, NOW)
    own = authority.issue(["localhost"], datetime.now(UTC))
    context = make_tls_context(own.chain, own.key)
    trusting = ssl.create_default_context(cafile=str(authority.certificate_file))
    database = api.staff.database
    async with running_staff_site(database, tmp_path / "more keys", tls=context) as secure:
        asked = get("/api/v1/token")
        answer = await exchange(secure.port, asked, trusting, name="localhost")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert problem(answer) == (401, "no_good_token")


async def test_the_pages_of_staff_are_where_they_were(api: ApiWorld) -> None:
    kim = await api.staff.enrol("kim")
    assert (await kim.get("/desk")).status == 200
    assert (await kim.get("/api")).status == 404


async def test_nothing_of_a_token_or_a_code_reaches_a_log_or_an_event(
    api: ApiWorld, caplog: pytest.LogCaptureFixture
) -> None:
    program = await api.program()
    weak = await api.program(Scope.READ, name="weak")
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs:
        made = told(await program.post("/vouchers", {"count": 3}))
        code, link = made["vouchers"][0]["code"], made["vouchers"][0]["link"]
        secrets = [program.token, weak.token, code, link.rpartition("/")[2]]
        await weak.post(f"/vouchers?site={code}", {})
        await Program(api.staff.port, weak.token + "x").get("/token")
        answer = await program.post("/vouchers", {"preset": code, code: program.token})
        assert pointers(answer) == [""]
        assert code not in answer.body
        await program.get(f"/vouchers/{code}")
        await program.get(f"/vouchers?{program.token}={code}")
        await program.post("/vouchers/A-0001/reprint")
    rows = await api.staff.database.fetch("SELECT detail::text AS detail FROM event")
    written = repr(logs) + caplog.text + repr([row["detail"] for row in rows])
    assert "token:cinema" in written
    for secret in secrets:
        assert secret not in written
