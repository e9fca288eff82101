"""The example configurations, read by the programs that they are for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from portal.config_file import load
from portal.doctor.announcement import uri_of

EXAMPLES = Path("deploy/examples")
URI = uri_of(load(Path("deploy/kvar.toml")))


def accepts(*command: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_dnsmasq_accepts_the_example_with_our_lines(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "portal", "--config", "deploy/kvar.toml", "config", "dnsmasq"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    both = tmp_path / "both.conf"
    both.write_text((EXAMPLES / "dnsmasq.conf").read_text() + lines)
    accepts("dnsmasq", "--test", f"--conf-file={both}")
    assert f"114,{URI}" in lines
    assert f"option6:103,{URI}" in lines


@pytest.mark.root
@pytest.mark.parametrize("version", ["4", "6"])
def test_kea_accepts_the_examples(version: str, tmp_path: Path) -> None:
    example = EXAMPLES / f"kea-dhcp{version}.conf"
    assert URI in example.read_text()
    # Kea looks whether the interface is there.
    script = (
        "ip link add guest0 type veth peer name phone0 && "
        "ip address add 10.44.0.1/21 dev guest0 && "
        f"ip link set guest0 up && kea-dhcp{version} -t {example.absolute()}"
    )
    accepts("unshare", "--net", "sh", "-c", script)
    wrong = tmp_path / "wrong.conf"
    wrong.write_text(example.read_text().replace("-captive-portal", "-captive-door"))
    done = subprocess.run([f"kea-dhcp{version}", "-t", wrong], capture_output=True, check=False)
    assert done.returncode != 0


def test_radvd_accepts_the_example(tmp_path: Path) -> None:
    example = EXAMPLES / "radvd.conf"
    accepts("radvd", "--configtest", "--config", example)
    assert URI in example.read_text()
    # With 2.20 or newer the option's line is good as it stands.
    version = subprocess.run(["radvd", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"Version: (\d+)\.(\d+)", version.stdout + version.stderr)
    assert found is not None
    if (int(found[1]), int(found[2])) >= (2, 20):
        whole = tmp_path / "radvd.conf"
        whole.write_text(example.read_text().replace("# AdvCaptive", "AdvCaptive"))
        accepts("radvd", "--configtest", "--config", whole)


def test_nginx_accepts_the_example(tmp_path: Path) -> None:
    for name in ("staff-fullchain.pem", "staff-privkey.pem"):
        (tmp_path / name).touch()
    accepts(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
        "-out", tmp_path / "staff-fullchain.pem", "-keyout", tmp_path / "staff-privkey.pem",
    )  # fmt: skip
    text = (EXAMPLES / "nginx-staff.conf").read_text()
    text = text.replace("/etc/kvar/tls", str(tmp_path)).replace("10.1.2.1:443", "127.0.0.1:29443")
    site = tmp_path / "nginx.conf"
    site.write_text(f"events {{}}\npid {tmp_path}/pid;\nhttp {{\n{text}\n}}\n")
    accepts("nginx", "-t", "-e", tmp_path / "log", "-c", site)


@pytest.mark.parametrize("name", ["10-guest0.network", "10-wan0.network"])
def test_networkd_knows_every_key_of_the_example(name: str) -> None:
    """By the names that its own manual page has: there is no test mode before systemd 258."""
    networkd = Path("/lib/systemd/systemd-networkd").read_bytes()
    for line in (EXAMPLES / name).read_text().splitlines():
        key, equals, _ = line.partition("=")
        if equals and not line.startswith("#"):
            assert key.encode() in networkd, key


def test_the_pool_is_as_large_as_the_page_says() -> None:
    text = (EXAMPLES / "dnsmasq.conf").read_text()
    assert "10.44.0.10,10.44.7.250" in text
    assert ",12h" in text
    assert "dhcp-authoritative" in text
