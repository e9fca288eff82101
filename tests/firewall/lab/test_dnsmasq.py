from __future__ import annotations

import dataclasses
import pathlib
import subprocess

import pytest

from firewall.lab import dnsmasq
from firewall.lab.addressing import guest_network
from firewall.lab.dnsmasq import GardenName, GuestService

GOLDEN = pathlib.Path(__file__).parent / "dnsmasq.golden.conf"
SERVICE = GuestService(
    networks=[guest_network(0), guest_network(1, ipv6=False)],
    portal_host="login.library.example",
    captive_portal_uri="https://login.library.example/captive-portal/api",
    upstream=["203.0.113.1", "192.0.2.53#5353"],
    lease_file="/var/lib/misc/kvar.leases",
    garden=[GardenName("crl.example.org", "garden4", "garden6")],
)


def test_the_whole_file() -> None:
    assert dnsmasq.render(SERVICE) == GOLDEN.read_text()


@pytest.mark.program
def test_dnsmasq_accepts_it(tmp_path: pathlib.Path) -> None:
    configuration = tmp_path / "dnsmasq.conf"
    configuration.write_text(dnsmasq.render(SERVICE))
    checked = subprocess.run(
        ["dnsmasq", "--test", f"--conf-file={configuration}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_nothing_is_announced_without_a_uri() -> None:
    silent = dnsmasq.render(dataclasses.replace(SERVICE, captive_portal_uri=None))
    assert "dhcp-option-force" not in silent


def test_further_lines_stand_as_they_are() -> None:
    text = dnsmasq.render(dataclasses.replace(SERVICE, further_lines=["log-queries"]))
    assert "\nlog-queries\n" in text


def test_no_ipv6_means_no_ipv6_names_or_ranges() -> None:
    text = dnsmasq.render(dataclasses.replace(SERVICE, networks=[guest_network(0, ipv6=False)]))
    assert "host-record=login.library.example,10.44.0.1\n" in text
    assert "option6:dns-server" not in text


@pytest.mark.parametrize("kind", [10, 12, 15, 16, 33, 255, 257, 65280, 65399, 65534])
def test_types_that_never_pass(kind: int) -> None:
    assert kind in dnsmasq.REMOVED_TYPES


@pytest.mark.parametrize("kind", [1, 5, 28, 65])
def test_types_that_pass(kind: int) -> None:
    assert kind not in dnsmasq.REMOVED_TYPES
