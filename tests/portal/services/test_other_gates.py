"""A site whose access points let devices in needs no gate of the node's, and asks none."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from portal.domain.identity import Device, MacAddress, Secret, SiteId
from portal.domain.presence import Signals
from portal.no_gate import NoGate
from portal.services.doors import Doors
from portal.services.guest import GuestService
from portal.services.outcomes import Admitted, Online, Refused
from tests.portal.services.fakes import FakeGate

CARD, PIN = Secret("20000000000001"), Secret("1234")
BRANCH, LOBBY, MAIN = SiteId("branch"), SiteId("lobby"), SiteId("main")


class Nobody(FakeGate):
    """A gate that must not be asked about these sites' devices."""

    async def admit(self, mac: MacAddress, remaining_s: float) -> None:
        raise AssertionError("the node's gate was asked", mac, remaining_s)

    async def usage(self) -> Mapping[MacAddress, Signals]:
        raise AssertionError("the node's gate was asked")


@pytest.fixture
def elsewhere(doors: Doors) -> GuestService:
    gates = {BRANCH: NoGate(), LOBBY: NoGate()}
    limited = replace(doors.sites[BRANCH], time_limit=timedelta(hours=1))
    sites = {**doors.sites, BRANCH: limited}
    return GuestService(replace(doors, gate=Nobody(), gates=gates, sites=sites))


def phone(site: SiteId = BRANCH) -> Device:
    return Device(MacAddress("02:00:00:00:00:01"), site)


async def test_a_card_lets_in_and_a_log_out_puts_out(
    elsewhere: GuestService, now: datetime
) -> None:
    outcome = await elsewhere.sign_in_with_card(phone(), CARD, PIN, now)
    assert isinstance(outcome, Admitted)
    assert isinstance(await elsewhere.standing(phone(), now), Online)
    longer = await elsewhere.extend(phone(), now + timedelta(minutes=56))
    assert not isinstance(longer, Refused)
    assert await elsewhere.sign_out(phone(), now)
    assert not isinstance(await elsewhere.standing(phone(), now), Online)


async def test_an_open_network_lets_in_by_itself(elsewhere: GuestService, now: datetime) -> None:
    assert isinstance(await elsewhere.standing(phone(LOBBY), now), Online)


async def test_a_visit_from_another_site_goes_on(
    elsewhere: GuestService, guest: GuestService, now: datetime
) -> None:
    assert isinstance(await guest.sign_in_with_card(phone(MAIN), CARD, PIN, now), Admitted)
    assert isinstance(await elsewhere.standing(phone(), now), Online)


async def test_the_other_sites_gate_is_asked_as_before(
    elsewhere: GuestService, now: datetime
) -> None:
    with pytest.raises(AssertionError, match="was asked"):
        await elsewhere.sign_in_with_card(phone(MAIN), CARD, PIN, now)
