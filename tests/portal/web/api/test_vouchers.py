"""What programs do with vouchers through the API."""

from portal.domain.api_token import Scope
from portal.domain.identity import Device, MacAddress
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted
from tests.portal.web.api.api_under_test import ApiWorld, pointers, problem, told
from tests.portal.web.staff.staff_under_test import BRANCH, CITY

PHONE = Device(MacAddress("02:00:00:00:00:07"), CITY)


async def log_in(api: ApiWorld, code: str) -> bool:
    outcome = await GuestService(api.staff.doors).join(PHONE, code, api.staff.time())
    return isinstance(outcome, Admitted)


async def events(api: ApiWorld) -> list[tuple[str, str]]:
    rows = await api.staff.database.fetch(
        "SELECT kind, detail->>'by' AS by FROM event WHERE detail->>'by' LIKE 'token:%' ORDER BY id"
    )
    return [(row["kind"], row["by"]) for row in rows]


async def test_a_voucher_from_its_making_to_its_end(api: ApiWorld) -> None:
    program = await api.program()
    answer = await program.post("/vouchers", {"hours": 4, "devices": 2})
    assert answer.status == 201
    (made,) = told(answer)["vouchers"]
    assert len(made["code"]) == 10
    assert made["link"].startswith("https://wifi.exempelby.se/v/")
    facts = {name: made[name] for name in made if name not in {"code", "link"}}
    assert facts == {
        "serial": "A-0001",
        "site": "city",
        "state": "unused",
        "preset": None,
        "devices": 0,
        "most_devices": 2,
        "everywhere": False,
        "made_at": "2026-11-26T09:00:00Z",
        "starts_at": "2026-11-26T08:59:00Z",
        "use_before": "2027-05-25T09:00:00Z",
        "hours": 4.0,
        "until": None,
        "ends_at": None,
        "revoked_at": None,
    }
    assert told(await program.get("/vouchers/A-0001")) == facts
    assert told(await program.get("/vouchers")) == {"vouchers": [facts]}
    again = told(await program.post("/vouchers/A-0001/reprint"))
    assert again == {"voucher": made, "replaces": None}

    assert await log_in(api, made["code"])
    longer = told(await program.post("/vouchers/A-0001/extend", {"hours": 1.5}))
    assert (longer["state"], longer["ends_at"]) == ("in_use", "2026-11-26T14:30:00Z")
    goes_on = told(await program.post("/vouchers/A-0001/reprint"))
    assert (goes_on["replaces"], goes_on["voucher"]["serial"]) == ("A-0001", "A-0002")
    assert goes_on["voucher"]["code"] != made["code"]
    assert problem(await program.post("/vouchers/A-0001/reprint")) == (409, "over")

    off = told(await program.post("/vouchers/A-0002/revoke"))
    assert (off["state"], off["revoked_at"]) == ("revoked", "2026-11-26T09:00:00Z")
    assert await api.staff.doors.sessions.find(PHONE.mac) is None
    assert problem(await program.post("/vouchers/A-0002/extend", {"hours": 1})) == (409, "over")
    assert await events(api) == [
        (kind, "token:cinema")
        for kind in (
            "vouchers_made",
            "voucher_reprinted",
            "voucher_extended",
            "voucher_replaced",
            "vouchers_revoked",
        )
    ]


async def test_a_batch_is_made_listed_and_turned_off(api: ApiWorld) -> None:
    program = await api.program()
    for _ in range(2):
        await program.post("/vouchers", {})
    api.staff.time.passes(seconds=1)
    body = {"preset": "1-week", "count": 3, "until": "2026-12-05T16:00:00+01:00"}
    made = told(await program.post("/vouchers", body))["vouchers"]
    assert [each["serial"] for each in made] == ["B-0001", "B-0002", "B-0003"]
    assert {(each["preset"], each["hours"], each["until"]) for each in made} == {
        ("1-week", None, "2026-12-05T15:00:00Z")
    }
    assert len({each["code"] for each in made}) == 3
    listed = told(await program.get("/vouchers?count=2"))["vouchers"]
    assert [each["serial"] for each in listed] == ["B-0003", "B-0002"]

    answer = await program.get("/series/B/export")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    rows = answer.body.lstrip("\ufeff").splitlines()
    assert (len(rows), rows[1].split(";")[:3]) == (4, ["B-0001", "", "unused"])
    assert not any(each["code"] in answer.body for each in made)

    assert await log_in(api, made[0]["code"])
    path = "/series/B/revoke"
    done = await program.post(path, {"only_unused": True})
    assert told(done) == {"series": "B", "revoked": 2}
    assert told(await program.post(path, {})) == {"series": "B", "revoked": 1}
    assert problem(await program.post("/series/A/revoke", {})) == (409, "not_a_batch")
    assert problem(await program.post("/series/ZZ/revoke", {})) == (404, "no_such_voucher")
    assert problem(await program.get("/series/ZZ/export")) == (404, "no_such_voucher")


async def test_codes_are_for_tokens_with_their_scope(api: ApiWorld) -> None:
    blind = await api.program(Scope.READ, Scope.WRITE)
    (made,) = told(await blind.post("/vouchers", {"preset": "closing"}))["vouchers"]
    assert (made["code"], made["link"]) == (None, None)
    assert problem(await blind.post("/vouchers/A-0001/reprint")) == (403, "scope_missing")


async def test_a_thousand_are_made_at_once_and_no_more(api: ApiWorld) -> None:
    program = await api.program()
    made = told(await program.post("/vouchers", {"count": 1000}))["vouchers"]
    assert len({each["code"] for each in made}) == 1000
    answer = await program.post("/vouchers", {"count": 1001})
    assert problem(answer) == (422, "wrong_input")
    assert pointers(answer) == ["/count"]


async def test_what_cannot_be_is_refused_by_name(api: ApiWorld) -> None:
    program = await api.program()
    branch = await api.program(name="branch", sites=(BRANCH,))
    assert problem(await branch.post("/vouchers", {})) == (409, "not_offered")
    assert problem(await program.post("/vouchers", {"preset": "no"})) == (422, "no_such_preset")
    for body in (
        {"until": "2026-11-26T08:00:00Z"},
        {"use_before": "2028-11-26T08:00:00Z"},
        {"starts_at": "2027-11-26T08:00:00Z"},
    ):
        assert problem(await program.post("/vouchers", body)) == (422, "impossible")
    for path, body in (
        ("", None),
        ("/revoke", None),
        ("/extend", {"hours": 1}),
        ("/reprint", None),
    ):
        there = f"/vouchers/Q-0001{path}"
        answer = await (program.post(there, body) if path else program.get(there))
        assert problem(answer) == (404, "no_such_voucher")


async def test_input_is_strict_and_each_fault_says_where_it_is(api: ApiWorld) -> None:
    program = await api.program()
    for body, where in (
        ({"cuont": 1}, [""]),
        ({"count": "1"}, ["/count"]),
        ({"count": 1.5}, ["/count"]),
        ({"count": True}, ["/count"]),
        ({"count": None}, ["/count"]),
        ({"everywhere": 1}, ["/everywhere"]),
        ({"hours": 0}, ["/hours"]),
        ({"hours": 1e300, "devices": 0}, ["/devices", "/hours"]),
        ({"until": "2026-12-05T16:00:00"}, ["/until"]),
        ({"until": "0001-01-01T00:00:00+14:00"}, ["/until"]),
        ({"until": 1795683600}, ["/until"]),
        ([], [""]),
        ("x", [""]),
    ):
        answer = await program.post("/vouchers", body)
        assert problem(answer) == (422, "wrong_input"), body
        assert pointers(answer) == where
    answer = await program.post("/vouchers/A-0001/extend", {})
    assert pointers(answer) == ["/hours"]
    for query, where in (("count=x", ["count"]), ("cuont=1", [""]), ("count=1&count=2", [""])):
        answer = await program.get(f"/vouchers?{query}")
        assert problem(answer) == (422, "wrong_input")
        assert pointers(answer) == where
    answer = await program.post("/vouchers/A-0001/revoke", {})
    assert problem(answer) == (422, "wrong_input")
    assert told(await program.get("/vouchers")) == {"vouchers": []}


async def test_bodies_that_are_no_json_are_refused_unread(api: ApiWorld) -> None:
    program = await api.program()
    for body in (b"", b"{", b"count=1", b'{"preset": "\xff"}', b'{"preset": "\\ud800"}', b"NaN"):
        answer = await program.send("POST", "/vouchers", body)
        assert answer.status in {400, 422}, body
        assert problem(answer)[1] in {"unreadable", "wrong_input"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp"):
        answer = await program.send("POST", "/vouchers", "{}", kind=kind)
        assert problem(answer) == (415, "not_json")
    answer = await program.send("POST", "/vouchers", "{}", "Content-Encoding: gzip")
    assert problem(answer) == (415, "not_json")
    answer = await program.send("POST", "/vouchers", "{}" + " " * 8192)
    assert problem(answer) == (413, "too_large")
    chunked = "2001\r\n" + " " * 8193 + "\r\n0\r\n\r\n"
    more = ("Content-Type: application/json", "Transfer-Encoding: chunked", "", chunked)
    answer = await program.send("POST", "/vouchers", None, *more)
    assert problem(answer) == (413, "too_large")
    assert told(await program.get("/vouchers")) == {"vouchers": []}


async def test_head_is_get_without_its_body(api: ApiWorld) -> None:
    program = await api.program()
    answer = await program.send("HEAD", "/vouchers", None)
    assert (answer.status, answer.body) == (200, "")
