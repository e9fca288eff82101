"""The rule set against golden files; run this file to write them after a meant change."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from firewall import ruleset, sets
from firewall.settings import GardenGroup, GateSettings, GuestNetwork
from tests.firewall.network import Network, inside, run

GOLDEN = Path(__file__).with_name("golden")
CASES = {
    "smallest": GateSettings(guest_networks=(GuestNetwork("guest0", "main"),)),
    "largest": GateSettings(
        guest_networks=(
            GuestNetwork("guest0", "main"),
            GuestNetwork("br-east.10", "east", ("192.0.2.9", "2001:db8::9")),
        ),
        uplinks=("wan0", "wan1"),
        http_port=8080,
        https_port=8443,
        garden=(
            GardenGroup("crl", ("ocsp.example.org", "192.0.2.7", "2001:db8::7"), 80),
            GardenGroup("ntp", ("pool.example.org",), 123, "udp"),
            GardenGroup("fixed", ("192.0.2.8",), 443),
        ),
        allowed_networks=(ip_network("10.9.0.0/24"), ip_network("fd09::/64")),
        masquerade_ipv6=True,
        lease_files=(Path("/var/lib/misc/dnsmasq.leases"),),
    ),
    "logged": GateSettings(
        guest_networks=(GuestNetwork("guest0", "main"), GuestNetwork("br-east.10", "east")),
        logged_sites=frozenset({"east"}),
        ports_per_device=4096,
    ),
}


def text_of(name: str) -> str:
    settings = CASES[name]
    chains = ruleset.render_chains(settings, set(settings.sites), [("inet", "of_old")])
    text = ruleset.render_sets(settings) + chains
    return text.replace("::ffff:0.0.0.0/96", "::ffff:0:0/96")  # the former from Python 3.13 on


@pytest.mark.parametrize("name", CASES)
def test_the_text_is_as_agreed(name):
    assert text_of(name) == (GOLDEN / f"{name}.nft").read_text()


def test_an_absent_interface_has_no_egress_chain():
    settings = CASES["largest"]
    assert ("netdev", "to_guest0") in ruleset.chain_names(settings, {"guest0"})
    assert ("netdev", "to_br-east.10") not in ruleset.chain_names(settings, {"guest0"})
    assert "br-east.10" not in [
        line
        for line in ruleset.render_chains(settings, {"guest0"}).splitlines()
        if "netdev" in line
    ]


def test_nothing_but_our_tables_is_named():
    for name in CASES:
        for line in text_of(name).splitlines():
            words = line.split()
            assert words[2] in ("inet", "netdev")
            assert words[3] == "kvar"
            assert words[0] in ("add", "flush", "delete")
            assert (words[0] == "add") or words[1] == "chain"


def test_where_nobody_wants_ports_of_their_own_the_rules_say_nothing_of_them():
    for name in ("smallest", "largest"):
        assert ruleset.blocks_chain(CASES[name]) is None
        assert "ports_" not in text_of(name)
        assert sets.ADDRESSES not in text_of(name)


def test_what_is_translated_for_all_needs_no_address_of_one():
    settings = replace(CASES["logged"], masquerade_ipv6=True)
    chains = ruleset.render_chains(settings, set())
    assert f"update @{sets.ADDRESSES}" not in chains
    assert 'meta nfproto ipv6 iifname { "br-east.10" } jump own_ports' in chains
    assert ruleset.blocks_chain(settings) == "ports_1024_4096"


def test_the_anchor_decides_nothing():
    for line in ruleset.render_anchor().splitlines():
        assert line.split()[3] == "kvar_anchor"
        assert "drop" not in line
        assert "reject" not in line


def test_dnsmasq_fills_both_families():
    assert sets.dnsmasq_lines(CASES["largest"]) == [
        "nftset=/ocsp.example.org/4#inet#kvar#garden4_crl,6#inet#kvar#garden6_crl",
        "nftset=/pool.example.org/4#inet#kvar#garden4_ntp,6#inet#kvar#garden6_ntp",
    ]


@pytest.mark.root
@pytest.mark.parametrize("name", CASES)
def test_the_kernel_takes_it_again_and_again(name, net: Network, tmp_path):
    run("ip", "-n", net.gateway, "link", "add", "br-east.10", "type", "bridge")
    text = text_of(name).replace("flush chain inet kvar of_old\n", "")
    file = tmp_path / "rules.nft"
    file.write_text(text.replace("delete chain inet kvar of_old\n", ""))
    for _ in range(3):
        inside(net.gateway, lambda: run("nft", "-f", str(file)))


if __name__ == "__main__":
    for case in CASES:
        (GOLDEN / f"{case}.nft").write_text(text_of(case))
