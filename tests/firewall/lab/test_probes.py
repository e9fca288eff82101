from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firewall.lab import probes
from firewall.lab.probes import DNS_PROBES, PROBES, Probe

if TYPE_CHECKING:
    from firewall.lab.network import Lab


def test_every_row_of_the_table_is_there() -> None:
    rows = {probe.row for probe in PROBES} | {probe.row for probe in DNS_PROBES}
    assert rows == {f"P{number}" for number in range(1, 31)}


def test_bodies_have_the_published_lengths() -> None:
    assert len(probes.APPLE_SUCCESS.body) == 69
    assert len(probes.APPLE_OLD_SUCCESS.body) == 68
    assert len(probes.FIREFOX_CANONICAL.body) == 90
    assert len(probes.GENUINE["www.msftconnecttest.com", "/connecttest.txt"].body) == 22
    assert len(probes.GENUINE["www.msftncsi.com", "/ncsi.txt"].body) == 14


@pytest.mark.root
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("probe", PROBES, ids=str)
def test_a_phone_gets_the_genuine_answer(open_lab: Lab, probe: Probe, family: int) -> None:
    answer = open_lab.phones[0].http(
        probe.url,
        method=probe.method,
        headers=probe.headers,
        version=probe.http_version,
        family=family,
    )
    assert answer.failure is None, answer
    genuine = probe.genuine
    assert (answer.status, answer.reason) == (genuine.status, genuine.reason)
    assert answer.headers == genuine.headers
    assert answer.body == genuine.body
    assert answer.peer == open_lab.internet.address_of(probe.host, family)


@pytest.mark.root
@pytest.mark.parametrize("probe", DNS_PROBES, ids=lambda probe: probe.kind)
def test_windows_gets_its_dns_answer(open_lab: Lab, probe: probes.DnsProbe) -> None:
    answer = open_lab.phones[0].dns(probe.name, probe.kind)
    assert answer.values(probe.kind) == (probe.genuine,)


@pytest.mark.root
def test_hosts_have_addresses_of_their_own(open_lab: Lab) -> None:
    for family in (4, 6):
        addresses = {open_lab.internet.address_of(host, family) for host in probes.HOSTS}
        assert len(addresses) == len(probes.HOSTS)
