"""The bridge's part of the configuration: what is accepted, what is refused, and what follows."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from portal import settings
from portal.composition.radius_clients import bridged
from portal.composition.start import StartError
from portal.config_radius import check_secret
from portal.domain.access_point import AccessPoint
from portal.domain.identity import MacAddress, SiteId
from radius_bridge.clients import DynamicAuthorization, FamilyName
from radius_bridge.vendors.opennds_authmon import gateway_hash
from tests.portal.configurations import CLIENT, SECRET, VILLAGE, parsed, problems


def test_a_site_without_a_gate_is_served_by_its_access_points() -> None:
    config = parsed(VILLAGE + CLIENT)
    assert not settings.has_gate(config)
    found = bridged(config)
    [client] = found.clients.all
    assert client.networks == (ip_network("10.1.2.0/24"),)
    assert client.require_message_authenticator
    assert client.secret.reveal() == SECRET.encode()
    assert client.dynamic_authorization == DynamicAuthorization(3799)
    assert found.access_points == {"ap": AccessPoint("ap", SiteId("village"))}
    assert found.portals["ap"].hosts == ()


def test_a_site_that_nobody_serves_is_refused() -> None:
    found = problems(VILLAGE.replace("[radius]", ""))
    assert "[[radius.clients]]" in found["sites[0].guest_interfaces"]


def test_every_key_of_a_client_arrives(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "uam").write_text("hotspot\n")
    for file in tmp_path.iterdir():
        file.chmod(0o640)
    section = f"""
[[radius.clients]]
name = "wlc"
networks = ["10.9.0.1/32", "2001:db8::/64"]
secret_file = "{tmp_path}/secret"
site = "village"
family = "cisco"
require_message_authenticator = false
limit_proxy_state = false
coa_address = "10.9.0.2"
portal_hosts = ["192.0.2.1"]
portal_secret_file = "{tmp_path}/uam"
card_login = true
allowed_devices = ["02-00-5E-00-00-2A"]
vlan = "120"
role = "guest"
portal_role = "ACL_WEBAUTH_REDIRECT"
portal_vlan = "130"
upload_kbit_s = 2000
download_kbit_s = 8000
idle_timeout_min = 60
interim_interval_s = 600
"""
    found = bridged(parsed(VILLAGE + section))
    client = found.clients.at("2001:db8::7")
    assert client is not None
    assert client.family is FamilyName.CISCO
    assert (client.require_message_authenticator, client.limit_proxy_state) == (False, False)
    assert client.dynamic_authorization == DynamicAuthorization(1700, "10.9.0.2")
    assert client.secret.reveal() == SECRET.encode()
    assert found.portals["wlc"].hosts == ("192.0.2.1",)
    assert (found.portals["wlc"].secret or client.secret).reveal() == b"hotspot"
    assert found.access_points["wlc"] == AccessPoint(
        name="wlc",
        site_id=SiteId("village"),
        counts_bytes=True,
        card_login=True,
        allowed_devices=frozenset({MacAddress("02:00:5e:00:00:2a")}),
        vlan="120",
        role="guest",
        portal_role="ACL_WEBAUTH_REDIRECT",
        portal_vlan="130",
        upload_bit_s=2_000_000,
        download_bit_s=8_000_000,
        idle_timeout=timedelta(hours=1),
        interim_interval=timedelta(minutes=10),
        browser_logs_in=True,
    )


def test_where_a_gate_counts_the_bridge_does_not() -> None:
    text = VILLAGE.replace('name = "Bybi', 'guest_interfaces = ["guest0"]\nname = "Bybi')
    config = parsed(text + CLIENT + "coa = false\n")
    found = bridged(config)
    assert settings.gate_sites(config) == ["village"]
    assert not found.access_points["ap"].counts_bytes
    assert found.clients.all[0].dynamic_authorization is None


def test_a_client_with_a_certificate_needs_no_secret() -> None:
    tls = 'certificate_file = "c.pem"\nprivate_key_file = "k.pem"\nclient_ca_file = "ca.pem"\n'
    client = CLIENT.replace(f'secret = "{SECRET}"', 'certificate_names = ["ap.example.se"]')
    config = parsed(VILLAGE + tls + client.replace('networks = ["10.1.2.0/24"]', ""))
    [found] = bridged(config).clients.all
    assert found.secret.reveal() == b"radsec"
    assert found.certificate_names == ("ap.example.se",)


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("Zq1", "shorter than 16"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "easy to guess"),
        ("testing123testing123", "easy to guess"),
        ("Kvar-Radius-Secret", "easy to guess"),
        ("åäöåäöåäöåäöåäöåäö", "ASCII"),
        (SECRET + "\n", "ASCII"),
    ],
)
def test_a_secret_that_could_be_guessed_is_refused(secret: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        check_secret(secret)
    assert "openssl rand" in str(caught.value)
    assert secret not in str(caught.value)


def test_a_weak_secret_is_a_problem_of_its_key() -> None:
    found = problems(VILLAGE + CLIENT.replace(SECRET, "testing123"))
    assert "shorter" in found["radius.clients[0].secret"]


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (CLIENT + CLIENT, "radius.clients[1].name", "used twice"),
        (CLIENT + CLIENT.replace('"ap"', '"b"'), "radius.clients[1].networks", "already ap's"),
        (CLIENT.replace('"village"', '"town"'), "radius.clients[0].site", "no site 'town'"),
        (CLIENT.replace("networks", "# "), "radius.clients[0].networks", "missing"),
        (CLIENT.replace("secret =", "# "), "radius.clients[0].secret", "openssl"),
        (CLIENT + 'secret_file = "s"', "radius.clients[0].secret", "one of"),
        (CLIENT + 'certificate_names = ["a.se"]', "radius.clients[0].certificate_names", "needs"),
        (
            CLIENT + 'portal_secret = "x"\nportal_secret_file = "s"',
            "radius.clients[0].portal_secret",
            "keep one",
        ),
        (
            CLIENT + 'portal_gateways = ["Annex"]',
            "radius.clients[0].portal_gateways",
            "only openNDS",
        ),
        (
            CLIENT.replace('"ap"', '"ap"\nfamily = "opennds"') + 'portal_gateways = ["Annex "]',
            "radius.clients[0].portal_gateways[0]",
            "pattern",
        ),
        (CLIENT + "idle_timeout_min = 5", "radius.clients[0].idle_timeout_min", "60"),
        (CLIENT + f'role = "{"r" * 64}"', "radius.clients[0].role", "63"),
        (CLIENT + f'vlan = "{"v" * 64}"', "radius.clients[0].vlan", "63"),
        (CLIENT + f'portal_role = "{"r" * 64}"', "radius.clients[0].portal_role", "63"),
        (CLIENT + f'portal_vlan = "{"v" * 64}"', "radius.clients[0].portal_vlan", "63"),
        (CLIENT + 'vlan = "\\u0001"', "radius.clients[0].vlan", "pattern"),
        (CLIENT + 'role = "\\U0001F4DA"', "radius.clients[0].role", "pattern"),
        (CLIENT + 'allowed_devices = ["printer"]', "radius.clients[0].allowed_devices[0]", "MAC"),
        (CLIENT + 'familly = "cisco"', "radius.clients[0].familly", "did you mean family?"),
        ('certificate_file = "c.pem"' + CLIENT, "radius.certificate_file", "client_ca_file"),
        ("health_port = 9464" + CLIENT, "radius.health_port", "another port"),
        ("accounting_port = 1812" + CLIENT, "radius.accounting_port", "authentication_port"),
    ],
)
def test_what_contradicts_itself_is_refused(text: str, key: str, words: str) -> None:
    assert words in problems(VILLAGE + text)[key]


def test_a_secret_file_must_be_closed_and_good(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    config = parsed(VILLAGE + CLIENT.replace(f'secret = "{SECRET}"', f'secret_file = "{file}"'))
    with pytest.raises(StartError, match="cannot be read"):
        bridged(config)
    file.write_text(SECRET)
    file.chmod(0o644)
    with pytest.raises(StartError, match="chmod"):
        bridged(config)
    file.chmod(0o600)
    assert bridged(config).clients.all[0].secret.reveal() == SECRET.encode()
    file.write_text("testing123")
    with pytest.raises(StartError, match="shorter"):
        bridged(config)
    file.write_bytes(b"\xff" * 32)
    with pytest.raises(StartError, match="ASCII"):
        bridged(config)


def test_secrets_are_masked_where_the_configuration_is_shown() -> None:
    assert SECRET not in parsed(VILLAGE + CLIENT).model_dump_json()


def test_a_gateways_name_is_known_with_the_space_that_nobody_sees() -> None:
    client = CLIENT.replace('"ap"', '"ap"\nfamily = "opennds"')
    found = bridged(parsed(VILLAGE + client + 'portal_gateways = ["Annex Node:0a1b2c3d4e5f"]'))
    names = ("Annex Node:0a1b2c3d4e5f", "Annex Node:0a1b2c3d4e5f ")
    assert found.portals["ap"].gateways == frozenset(map(gateway_hash, names))
