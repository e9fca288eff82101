"""The lines for dnsmasq: what follows from the configuration, in words that dnsmasq takes."""

import subprocess
from pathlib import Path

from portal import dnsmasq
from portal.config_file import load, parse
from portal.web.guest import captive_api

EXAMPLE = Path(__file__).parents[2] / "deploy" / "kvar.toml"


def test_dnsmasq_accepts_the_lines(tmp_path: Path) -> None:
    file = tmp_path / "kvar.conf"
    file.write_text("\n".join(dnsmasq.lines(load(EXAMPLE))) + "\n")
    done = subprocess.run(
        ["dnsmasq", "--test", f"--conf-file={file}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_announced_address_is_the_one_that_answers() -> None:
    lines = dnsmasq.lines(load(EXAMPLE))
    uri = "https://wifi.exempelby.example" + captive_api.PATH
    assert f"dhcp-option-force=114,{uri}" in lines
    assert f"dhcp-option-force=option6:103,{uri}" in lines


def test_every_name_of_the_walled_garden_fills_the_sets_of_the_gate() -> None:
    lines = dnsmasq.lines(load(EXAMPLE))
    assert "nftset=/ntp.se/4#inet#kvar#garden4_udp123,6#inet#kvar#garden6_udp123" in lines


def test_another_port_is_announced_too() -> None:
    text = EXAMPLE.read_text().replace("[portal]\n", "[portal]\nhttps_port = 8443\n")
    lines = dnsmasq.lines(parse(text, EXAMPLE))
    assert any("https://wifi.exempelby.example:8443/" in line for line in lines)


def test_the_short_names_lead_to_this_machine_as_well() -> None:
    text = EXAMPLE.read_text().replace(
        "[portal]\n", '[portal]\nshort_names = ["wifi.example.se"]\n'
    )
    assert any(
        line.startswith("host-record=wifi.exempelby.example,wifi.example.se,10.44.0.1")
        for line in dnsmasq.lines(parse(text, EXAMPLE))
    )


def test_without_an_address_each_guest_network_is_told_its_own(tmp_path: Path) -> None:
    text = EXAMPLE.read_text().replace("addresses = ", "short_names = ['wifi.example.se'] #")
    lines = dnsmasq.lines(parse(text, EXAMPLE))
    assert "localise-queries" in lines
    for interface in ("guest0", "guest1"):
        assert f"interface-name=wifi.exempelby.example,{interface}" in lines
        assert f"interface-name=wifi.example.se,{interface}" in lines
    file = tmp_path / "kvar.conf"
    file.write_text("\n".join(lines) + "\n")
    subprocess.run(["dnsmasq", "--test", f"--conf-file={file}"], check=True, capture_output=True)
