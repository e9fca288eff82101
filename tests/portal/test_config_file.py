"""The configuration file: what is accepted, and what is refused with the way out."""

from pathlib import Path

import pytest

from portal.config_file import ConfigError, load, parse
from tests.portal.configurations import MINIMAL, parsed, problems


def test_a_minimal_file_gets_the_safe_defaults() -> None:
    config = parsed(MINIMAL)
    assert config.library_system is not None
    assert config.library_system.tls == "ca"
    assert config.library_system.reject_personal_numbers
    assert not config.sites[0].card_login_without_tls
    assert config.sites[0].time_limit_min is None
    assert config.limits.pin_attempts_per_day == 3


def test_every_problem_is_reported_at_once_with_file_key_and_way_out() -> None:
    text = MINIMAL.replace("host_name", "hostname") + (
        '[retantion]\n[limits]\npin_attempts_per_day = 0\n[gate]\nmaximum_devices = "many"\n'
    )
    found = problems(text)
    assert found["retantion"] == "unknown key; did you mean retention?"
    assert found["portal.hostname"] == "unknown key; did you mean host_name?"
    assert found["portal.host_name"] == "missing; this key is required"
    assert "greater than or equal to 1" in found["limits.pin_attempts_per_day"]
    assert "valid integer" in found["gate.maximum_devices"]


def test_the_exception_names_the_file_on_each_line() -> None:
    with pytest.raises(ConfigError) as caught:
        parsed("[organisation]\n")
    lines = str(caught.value).splitlines()
    assert len(lines) >= 3
    assert all(line.startswith("kvar.toml: ") for line in lines)


SECOND_SITE = '[[sites]]\nid = "b"\nname = "x"\nguest_interfaces = ["g1"]\n'


@pytest.mark.parametrize(
    ("addition", "key", "words"),
    [
        (SECOND_SITE.replace('"b"', '"stadsbiblioteket"'), "sites[1].id", "twice"),
        (SECOND_SITE.replace("g1", "guest0"), "sites[1].guest_interfaces", "already belongs"),
        (
            SECOND_SITE + 'login_methods = ["none", "accept"]',
            "sites[1].login_methods",
            "stands alone",
        ),
        (
            SECOND_SITE + '[sites.opening_hours]\nmonday = ["10-"]',
            "sites[1].opening_hours.monday[0]",
            "10:00",
        ),
        (
            SECOND_SITE + 'allowed_internal_networks = ["10.1.2"]',
            "sites[1].allowed_internal_networks[0]",
            "10.1.2.0/24",
        ),
    ],
)
def test_what_is_impossible_is_refused(addition: str, key: str, words: str) -> None:
    assert words in problems(MINIMAL + addition)[key]


PRESET = '[[sites.voucher_presets]]\nid = "{}"\n'
EXCEPTION = "[[sites.opening_hours.exceptions]]\ndate = 2026-12-24\n"


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ("open_network = true\ncard_login_without_tls = true", "card_login_without_tls", "clear"),
        ("time_limit_min = 1261", "time_limit_min", "longer than longest_session_h"),
        (EXCEPTION + EXCEPTION, "opening_hours.exceptions", "2026-12-24 stands twice"),
        (PRESET.format("group") * 2, "voucher_presets[1].id", "used twice"),
        (PRESET.format("course"), "voucher_presets[0].label", "have words of their own"),
    ],
)
def test_a_site_that_contradicts_itself_is_refused(line: str, key: str, words: str) -> None:
    assert words in problems(MINIMAL + line)[f"sites[0].{key}"]


@pytest.mark.parametrize("name", ["10.1.2.3", "wifi", "Wifi.example.se", "-a.se", "a b.se"])
def test_the_portal_needs_a_name_that_a_certificate_can_have(name: str) -> None:
    found = problems(MINIMAL.replace("wifi.example.se", name))
    assert "write one such as wifi.example.se" in found["portal.host_name"]


def test_ports_and_interfaces_that_collide_are_refused() -> None:
    text = MINIMAL.replace("[portal]", "[portal]\nhttp_port = 443")
    found = problems(text + '[gate]\nuplink_interfaces = ["guest0", "wan0"]\n')
    assert "must differ" in found["portal.http_port"]
    assert "guest0 is a guest interface" in found["gate.uplink_interfaces"]
    assert (
        "ip link"
        in problems(MINIMAL.replace('"guest0"', '"guest 0"'))["sites[0].guest_interfaces[0]"]
    )


@pytest.mark.parametrize("key", ["card_pattern", "pin_pattern"])
def test_a_pattern_is_a_regular_expression(key: str) -> None:
    text = MINIMAL.replace("[library_system]", f'[library_system]\n{key} = "["')
    assert "not a regular expression" in problems(text)[f"library_system.{key}"]


def test_an_unknown_time_zone_is_refused() -> None:
    text = MINIMAL.replace("[portal]", 'time_zone = "Mars/Phobos"\n[portal]')
    assert "Europe/Stockholm" in problems(text)["organisation.time_zone"]


def test_the_portals_addresses_are_addresses() -> None:
    text = MINIMAL.replace("[portal]", '[portal]\naddresses = ["10.44.0.1/22"]')
    assert "not an address" in problems(text)["portal.addresses[0]"]


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ('tls = "off"', "library_system.tls", "in clear"),
        ('tls = "pin"', "library_system.ca_file", "needs the certificate"),
        ('check_expiry = "PA"', "library_system.check_expiry", "information"),
        ('client_certificate_file = "/x"', "library_system.client_key_file", "needs its key"),
    ],
)
def test_an_unsafe_or_half_set_library_system_is_refused(lines: str, key: str, words: str) -> None:
    text = MINIMAL.replace('host = "sip2.example.se"', f'host = "sip2.example.se"\n{lines}')
    assert words in problems(text)[key]


REST = """[library_rest]
kind = "koha"
url = "https://koha.example.se"
user = "kvar"
password = "s3cret"
"""


@pytest.mark.parametrize(
    ("before", "after", "key", "words"),
    [
        ("https:", "http:", "library_rest.url", "in clear"),
        ("https:", "ftp:", "library_rest.url", "pattern"),
        ('"koha"', '"aleph"', "library_rest.kind", "koha"),
        ('password = "s3cret"', "", "library_rest.password", "missing"),
        ("user", 'refuse = ["debtor"]\nuser', "library_rest.refuse", "koha does not tell debtor"),
        ("user", 'messages = "x"\nuser', "library_rest.messages", "unknown key"),
    ],
)
def test_an_impossible_system_over_http_is_refused(
    before: str, after: str, key: str, words: str
) -> None:
    rest = REST.replace(before, after, 1)
    text = MINIMAL.replace('[library_system]\nhost = "sip2.example.se"', rest)
    assert words in problems(text)[key]


def test_cards_are_checked_in_one_place() -> None:
    assert "remove one" in problems(MINIMAL + REST)["library_rest"]
    text = MINIMAL.replace('[library_system]\nhost = "sip2.example.se"', REST)
    config = parse(text, Path("kvar.toml"))
    assert config.card_check is config.library_rest
    assert "s3cret" not in repr(config)


def test_card_login_needs_a_library_system() -> None:
    text = MINIMAL.replace('[library_system]\nhost = "sip2.example.se"', "")
    assert "needs [library_system]" in problems(text)["sites[0].login_methods"]


def test_a_bad_site_does_not_hide_another() -> None:
    text = MINIMAL.replace("guest_interfaces", "interfaces") + (
        '[[sites]]\nid = "b"\nname = "b"\nguest_interfaces = ["g1"]\nlogin_methods = []\n'
    )
    found = problems(text)
    assert "sites[0].interfaces" in found
    assert "sites[1].login_methods" in found


def test_unknown_keys_without_a_near_miss_list_the_known_ones() -> None:
    assert "known keys: organisation" in problems(MINIMAL + "\n[zzz]\n")["zzz"]


def test_secrets_are_masked_when_shown() -> None:
    config = parsed(MINIMAL.replace("host = ", 'login_password = "s3cret"\nhost = '))
    assert "s3cret" not in config.model_dump_json()
    assert "s3cret" not in repr(config)


def test_midnight_may_be_written_as_24_00() -> None:
    config = parsed(MINIMAL + '[sites.opening_hours]\nmonday = ["18:00-24:00"]\n')
    assert config.sites[0].opening_hours is not None


def test_a_missing_file_and_a_broken_one_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = = 1")
    with pytest.raises(ConfigError, match="not TOML"):
        load(broken)
    broken.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(broken)


def test_sites_that_are_no_list_are_refused() -> None:
    text = MINIMAL.split("[[sites]]", maxsplit=1)[0] + "[sites]\nid = 1\n"
    assert "sites" in problems(text)


def test_the_example_in_deploy_can_be_used() -> None:
    config = load(Path(__file__).parents[2] / "deploy" / "kvar.toml")
    assert [site.id for site in config.sites] == ["stadsbiblioteket", "bokbussen"]


STAFF = """
[staff]
host_name = "kvar.example.se"
certificate_file = "/etc/kvar/staff.pem"
private_key_file = "/etc/kvar/staff.key"
"""


def test_there_is_no_staff_site_unless_it_is_asked_for() -> None:
    assert parsed(MINIMAL).staff is None
    staff = parsed(MINIMAL + STAFF).staff
    assert staff is not None
    assert (staff.address, staff.port, staff.idle_lock_min) == ("127.0.0.1", 8443, 15)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("kvar.example.se", "wifi.example.se", "host_name", "guests' name too"),
        ("kvar.example.se", "kvar", "host_name", "not a full host name"),
        ('private_key_file = "/etc/kvar/staff.key"\n', "", "private_key_file", "needs its key"),
        ("certificate_file", "address = '10.0.0.5'\n#", "private_key_file", "needs its key"),
        ("[staff]", "[staff]\nhealth_port = 9464", "health_port", "another port of Kvar's"),
        ("[staff]", "[staff]\nhealth_port = 8443", "health_port", "another port of Kvar's"),
        ("[staff]", "[staff]\nproxies = ['proxy']", "proxies[0]", "not an address"),
        ("[staff]", "[staff]\nidle_lock_min = 1", "idle_lock_min", "greater than or equal to 5"),
    ],
)
def test_a_staff_site_that_cannot_be_is_refused(old: str, new: str, key: str, words: str) -> None:
    found = problems(MINIMAL + STAFF.replace(old, new, 1))
    assert words in found[f"staff.{key}"]


def test_without_tls_staff_are_served_on_this_machine_or_behind_a_proxy_only() -> None:
    plain = '[staff]\nhost_name = "localhost"\n'
    assert parsed(MINIMAL + plain).staff is not None
    found = problems(MINIMAL + plain + 'address = "10.0.0.5"\n')
    assert "without TLS only behind one of proxies" in found["staff.certificate_file"]
    behind = plain + 'address = "10.0.0.5"\nproxies = ["10.0.0.9"]\n'
    assert parsed(MINIMAL + behind).staff is not None


def test_ports_can_be_noted_only_where_this_machines_gate_gives_them() -> None:
    text = MINIMAL.replace('guest_interfaces = ["guest0"]', "privacy_level = 3")
    served = """
[radius]
[[radius.clients]]
name = "points"
networks = ["10.9.0.0/24"]
secret = "an-example-of-a-secret"
site = "stadsbiblioteket"
"""
    assert "guest_interfaces: 2" in problems(text + served)["sites[0].privacy_level"]
    assert parsed(MINIMAL + "privacy_level = 3").sites[0].privacy_level == 3
    assert list(problems(MINIMAL + "privacy_level = 4")) == ["sites[0].privacy_level"]


SYSLOG = '[syslog]\nhost = "logs.example.se"\nkept_days = 30\n'
MAIL = "[faults]\nmail_to = 'it@example.se'\n"


@pytest.mark.parametrize(
    ("addition", "key", "words"),
    [
        ("[backup]\nkeep = 3", "retention.backups_days", "[backup] needs it"),
        ("[keeper]\nhealth_port = 9464", "keeper.health_port", "another port of Kvar's"),
        (SYSLOG + "client_key_file = '/k'", "syslog.client_key_file", "needs its key"),
        ("[faults]\nwebhook_url = 'https://x.se'", "faults.webhook_secret", "missing"),
        (MAIL, "faults.smtp_host", "needs smtp_host and mail_from"),
        (MAIL + "mail_from = 'kvar@example.se'", "faults.smtp_host", "needs smtp_host"),
        ("seal_identity = true\nprivacy_level = 2", "sites[0].seal_identity", "needs the key"),
    ],
)
def test_half_a_wish_is_refused(addition: str, key: str, words: str) -> None:
    assert words in problems(f"{MINIMAL}{addition}\n")[key]


SEALED = "[sealed_identity]\npublic_key = \"{}=\"\nreason = 'Misuse has to be answered for'\n"


def test_no_identity_is_sealed_where_nobody_is_named() -> None:
    sealed = SEALED.format("A" * 43)
    text = MINIMAL + "seal_identity = true\nprivacy_level = {}\n" + sealed
    assert "names nobody" in problems(text.format(1))["sites[0].seal_identity"]
    assert parsed(text.format(2)).sites[0].seal_identity


def test_a_weekly_letter_needs_the_way_of_letters() -> None:
    section = '[privacy]\nweekly_letter_to = "dso@exempelby.se"\n'
    assert "[faults] smtp_host" in problems(MINIMAL + section)["privacy.weekly_letter_to"]
    way = '[faults]\nsmtp_host = "mail.exempelby.se"\nmail_from = "kvar@exempelby.se"\n'
    assert parsed(MINIMAL + section + way).privacy.weekly_letter_to == "dso@exempelby.se"
    assert "privacy.weekly_letter_to" in problems(MINIMAL + '[privacy]\nweekly_letter_to = "x"\n')
