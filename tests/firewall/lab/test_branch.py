from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firewall.lab import branch
from firewall.lab.internet import Internet

if TYPE_CHECKING:
    from firewall.lab.network import Lab

pytestmark = pytest.mark.root


def test_a_branch_has_addresses_names_and_two_ways_out(open_lab: Lab) -> None:
    built = open_lab.add_branch()
    phone = open_lab.add_phone(site=built.site)
    portal = str(open_lab.sites[0].gateway_v4)
    elsewhere = Internet.address_of("www.example.com")

    lease = phone.join()
    assert lease.router == str(branch.NETWORK.gateway_v4)
    assert lease.captive_portal_uri is None
    assert phone.dns(open_lab.settings.portal_host).values("A") == (portal,)
    assert phone.dns("www.example.com").values("A") == (elsewhere,)
    assert phone.ping(portal).outcome == "answered"  # by the way of the office, as itself
    assert phone.ping(elsewhere).outcome == "timeout"  # nobody translates its address yet
    reached = built.point.run(["bash", "-c", f": < /dev/tcp/{elsewhere}/80"], check=False)
    assert reached.returncode == 0
