"""A tutor lets a device in with the command, by the number on the visitor's page.

Everything real: the phone, the gateway, the portal, PostgreSQL. No card is asked for.
"""

import re

import pytest

from firewall.lab import probes
from firewall.lab.processes import LabError
from portal.demo.world import World
from tests.lab.guest import Guest, run_sql, text_of, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"


def kvar_tutor(world: World, *arguments: str) -> str:
    """Run ``kvar tutor`` on the gateway and return what it says."""
    site = world.config.sites[0].id
    command = world.kvar_command("tutor", *arguments, "--site", site)
    return world.lab.gateway.run(command).stdout


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


def _device_number(guest: Guest) -> str:
    found = re.search(r"<b>(\d\d)</b>", text_of(guest.get("/")))
    assert found is not None
    return found[1]
