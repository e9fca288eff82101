"""A tutor lets a device in with the command, by the number on the visitor's page.

Everything real: the phone, the gateway, the portal, PostgreSQL. No card is asked for.
"""

import re

import pytest

from firewall.lab import probes
from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from firewall.lab.processes import LabError
from portal.demo.world import World
from tests.lab.guest import CARD, PIN, Guest, run_sql, text_of, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"


def kvar(world: World, *arguments: str) -> str:
    """Run a command for the first site on the gateway, and return what it says."""
    site = world.config.sites[0].id
    return world.lab.gateway.run(world.kvar_command(*arguments, "--site", site)).stdout


def kvar_tutor(world: World, *arguments: str) -> str:
    """Run ``kvar tutor``."""
    return kvar(world, "tutor", *arguments)


def test_a_tutored_phone_outlasts_its_limit_and_restarts(world: World, guest: Guest) -> None:
    assert guest.phone.http(PROBE_URL).status == 302
    number = _device_number(guest)
    assert f"device {number}: waiting" in kvar_tutor(world, "list")

    assert "tutoring until" in kvar_tutor(world, "let-in", number)
    assert guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
    assert "Handledning pågår" in text_of(guest.get("/status"))

    stream = guest.phone.stream("www.example.com")
    until(lambda: stream.report().received > 10, "a running stream")
    over = "UPDATE live_session SET ends_because = 'time_limit', ends_at = started_at"
    run_sql(world, f"{over} WHERE mac = $1::text::macaddr", guest.phone.mac)
    assert "tutoring until" in kvar_tutor(world, "extend", number)
    with world.killed():
        assert guest.is_admitted()
    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    report = stream.stop()
    assert (report.received > 100, report.lost) == (True, 0)

    assert "tutoring ended" in kvar_tutor(world, "end", number)
    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    assert "Handledning pågår" not in text_of(guest.get("/status"))


def test_a_wrong_number_is_told_plainly(world: World, guest: Guest) -> None:
    assert guest.is_captive()
    with pytest.raises(LabError) as failed:
        kvar_tutor(world, "let-in", "9999")
    assert "no device has that number here" in str(failed.value)
    assert guest.is_captive()


def test_a_group_joins_by_its_room_code(world: World, crowd: list[Phone]) -> None:
    """Three places and four phones; one of them is online by its card already."""
    guests = [Guest(world, phone) for phone in crowd]
    assert guests[0].sign_in().status == 303
    said = kvar_tutor(world, "group", "start", "--devices", "3")
    group, code = re.findall(r"group (\d+): 0 of 3 devices[^\n]*\nroom code: (\d{3} \d{3})", said)[
        0
    ]

    for guest in guests[:3]:
        assert _type_code(guest, code).header("Location") == "/status"
        assert guest.phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body
        assert "Handledning pågår" in text_of(guest.get("/status"))
    assert "används redan på 3 enheter" in text_of(_type_code(guests[3], code))
    assert not guests[3].is_admitted()
    assert f"group {group}: 3 of 3 devices" in kvar_tutor(world, "group", "list")

    talks = [guest.phone.converse("www.example.com") for guest in guests[:3]]
    assert [talk.say() for talk in talks] == [(True, "")] * 3
    over = "UPDATE live_session SET ends_because = 'time_limit', ends_at = started_at"
    run_sql(world, f"{over} WHERE group_id IS NOT NULL")
    assert "until" in kvar_tutor(world, "group", "extend", group)
    with world.killed():
        assert [talk.say() for talk in talks] == [(True, "")] * 3
    assert [guest.is_captive() for guest in guests] == [False, False, False, True]

    assert "3 devices stay online" in kvar_tutor(world, "group", "end", group)
    assert [guest.is_captive() for guest in guests] == [False, False, False, True]
    assert "Handledning pågår" not in text_of(guests[1].get("/status"))
    assert "Koden gällde till" in text_of(_type_code(guests[3], code))
    assert [talk.say() for talk in talks] == [(True, "")] * 3


def test_a_phone_that_changed_its_address_goes_on_by_one_command(
    world: World, guest: Guest
) -> None:
    number = _device_number(guest)
    kvar_tutor(world, "let-in", number)
    assert guest.is_admitted()
    guest.phone.set_mac("02:4b:7e:00:00:01")
    guest.phone.join(ipv6=True)
    assert guest.is_captive()
    shown = _device_number(guest)
    assert shown != number
    said = kvar_tutor(world, "let-in", shown, "--continues", number)
    assert f"device {shown} goes on; device {number}: tutoring until" in said
    assert (guest.is_captive(), guest.is_admitted()) == (False, True)
    assert f"device {number}: tutoring until" in kvar_tutor(world, "list")


def test_staff_forget_a_remembered_device(world: World, guest: Guest) -> None:
    number = _device_number(guest)
    token = guest.token()
    fields = {"token": token, "card": CARD, "pin": PIN, "remember": "1"}
    assert guest.post("/card", fields).status == 303
    with pytest.raises(LabError) as failed:
        kvar(world, "device", "forget", "9999")
    assert "no remembered device has that number here" in str(failed.value)
    assert f"device {number}: forgotten" in kvar(world, "device", "forget", number)
    assert guest.is_admitted()
    with pytest.raises(LabError):
        kvar(world, "device", "forget", number)
    guest.sign_out()
    assert guest.is_captive()


def test_a_group_that_does_not_exist_is_told_plainly(world: World) -> None:
    with pytest.raises(LabError) as failed:
        kvar_tutor(world, "group", "end", "99")
    assert "no group has that number here" in str(failed.value)


def _type_code(guest: Guest, code: str) -> HttpAnswer:
    return guest.post("/code", {"token": guest.token("/code", action="/code"), "code": code})


def _device_number(guest: Guest) -> str:
    found = re.search(r"<b>(\d+)</b>", text_of(guest.get("/")))
    assert found is not None
    return found[1]
