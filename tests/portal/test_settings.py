"""From the configuration file to each part's settings: every key arrives where it belongs."""

from datetime import date, time, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from firewall.settings import GardenGroup, GateSettings, GuestNetwork
from portal import settings, settings_library, settings_staff
from portal.config import Config
from portal.config_file import parse
from portal.domain.card import CardRules
from portal.domain.identity import SiteId
from portal.domain.opening_hours import OpeningHours, Span
from portal.domain.sign_in_limits import Limits
from portal.domain.site import Conformity, LoginMethod, Site
from portal.domain.slip import Security
from portal.domain.staff_session import SessionTimes
from portal.domain.voucher import DEFAULT_PRESETS, Lasts, Preset
from portal.library.rest.mikromarc import Mikromarc
from portal.library.sip2.settings import Sip2Settings, Sip2SettingsError, TlsMode, TlsSettings
from portal.library.sip2.verdict import ExpiryCheck
from portal.library.sip2.wire import PatronMessage
from portal.services.ports import Kept
from portal.web.guest.settings import Retention, Statement
from tests.portal.configurations import PORTAL, parsed

MINIMAL = f"""{PORTAL}
[[sites]]
id = "city"
name = "Stadsbiblioteket"
guest_interfaces = ["guest0"]
login_methods = ["accept"]
"""

FULL = """
[organisation]
name = "Umeå bibliotek"
time_zone = "Europe/Helsinki"
default_language = "en"
contact_email = "wifi@example.se"
data_protection_contact = "dso@example.se"
ssid = "UmeBibl"

[portal]
host_name = "wifi.example.se"
short_names = ["wifi.test"]
addresses = ["10.0.0.1"]
certificate_file = "/etc/kvar/chain.pem"
private_key_file = "/etc/kvar/key.pem"
http_port = 8080
https_port = 8443

[gate]
enabled = false
socket = "/run/other.sock"
uplink_interfaces = ["wan0"]
ipv6 = "masquerade"
lease_files = ["/var/lib/leases"]
maximum_devices = 7

[[gate.walled_garden]]
hosts = ["crl.example.com", "ocsp.example.com"]
ports = [80, 443]

[[gate.walled_garden]]
hosts = ["crl.example.com"]
ports = [80]

[[gate.walled_garden]]
hosts = ["ntp.example.com"]
ports = [123]
protocol = "udp"

[library_system]
host = "sip2.example.se"
port = 6002
tls = "pin"
ca_file = "/etc/kvar/pinned.pem"
client_certificate_file = "/etc/kvar/client.pem"
client_key_file = "/etc/kvar/client.key"
login_user = "kvar"
login_password = "s3cret"
location_code = "here"
institution_id = "UME"
terminal_password = "t3rminal"
encoding = "cp850"
delimiter = "^"
error_detection = false
send_status = false
message = "information"
language = "001"
deny_positions = [0, 4]
check_expiry = "PA"
allow_aliases = true
card_pattern = "[A-Z]\\\\d+"
card_length = 9
pin_pattern = "\\\\d{4}"
reject_personal_numbers = false
answer_timeout_s = 3
login_timeout_s = 6
maximum_connections = 4
maximum_waiting = 5
lock_limit = 5

[limits]
pin_attempts_per_day = 4

[retention]
sessions_days = 1
attempts_days = 2
known_devices_days = 3
events_days = 4
vouchers_days = 6
backups_days = 5

[accessibility]
conformity = "full"
assessed_on = 2026-10-01
updated_on = 2026-11-01
shortcomings = ["En brist."]
exemptions = ["Ett undantag."]
feedback_email = "tillganglighet@example.se"
feedback_phone = "08-465 004 02"

[[sites]]
id = "city"
name = "Stadsbiblioteket"
guest_interfaces = ["guest0", "guest1"]
login_methods = ["card", "accept"]
closing_grace_min = 5
time_limit_min = 60
longest_session_h = 22
devices_per_card = 2
card_login_without_tls = true
allowed_internal_networks = ["10.9.0.0/24"]
support_phone = "08-465 004 01"
rules_text = "Var snäll."

[sites.opening_hours]
monday = ["10:00-12:00", "13:00-19:00"]

[[sites.opening_hours.exceptions]]
date = 2026-12-24

[[sites.voucher_presets]]
id = "course"
label = "Kurs"
lasts_h = 2.5
devices = 20
use_within_days = 7
asks = true

[[sites.voucher_presets]]
id = "closing"
use_within_days = 0

[[sites]]
id = "branch"
name = "Filialen"
guest_interfaces = ["guest2"]
allowed_internal_networks = ["10.8.0.1/32"]
"""


@pytest.fixture(scope="module")
def minimal() -> Config:
    return parsed(MINIMAL)


@pytest.fixture(scope="module")
def full() -> Config:
    return parsed(FULL)


def test_a_site_knows_its_hours_and_limits(full: Config) -> None:
    monday = (Span(time(10), time(12)), Span(time(13), time(19)))
    assert settings.sites(full)[SiteId("city")] == Site(
        id=SiteId("city"),
        name="Stadsbiblioteket",
        login_methods=(LoginMethod.CARD, LoginMethod.ACCEPT),
        opening_hours=OpeningHours(
            "Europe/Helsinki", (monday, *[()] * 6), {date(2026, 12, 24): ()}
        ),
        closing_grace=timedelta(minutes=5),
        time_limit=timedelta(hours=1),
        longest_session=timedelta(hours=22),
        devices_per_card=2,
        card_login_without_tls=True,
        voucher_presets=(
            Preset("course", Lasts(timedelta(hours=2.5)), 20, timedelta(days=7), "Kurs", asks=True),
            Preset("closing", use_within=None),
        ),
        time_zone="Europe/Helsinki",
        support_phone="08-465 004 01",
        rules_text="Var snäll.",
    )


def test_a_site_without_hours_is_always_open_and_has_no_limit(full: Config) -> None:
    branch = settings.sites(full)[SiteId("branch")]
    assert branch.opening_hours is None
    assert branch.time_limit is None
    assert branch.voucher_presets == DEFAULT_PRESETS


def test_the_gate_serves_the_interfaces_of_every_site(full: Config) -> None:
    assert settings.gate(full, frozenset({7})) == GateSettings(
        guest_networks=(
            GuestNetwork("guest0", "city", ("10.0.0.1",)),
            GuestNetwork("guest1", "city", ("10.0.0.1",)),
            GuestNetwork("guest2", "branch", ("10.0.0.1",)),
        ),
        uplinks=("wan0",),
        http_port=8080,
        https_port=8443,
        garden=settings.walled_garden(full),
        allowed_networks=(ip_network("10.9.0.0/24"), ip_network("10.8.0.1/32")),
        masquerade_ipv6=True,
        lease_files=(Path("/var/lib/leases"),),
        socket_path=Path("/run/other.sock"),
        allowed_uids=frozenset({7}),
        devices_max=7,
        snapshot_path=Path("/var/lib/kvar/admitted/devices"),
    )


def test_the_keeper_knows_interfaces_and_whom_to_ask_for_the_internet(minimal: Config) -> None:
    assert settings.guest_interfaces(minimal) == {SiteId("city"): frozenset({"guest0"})}
    assert settings.uplink_targets(minimal) == []
    asking = parse(MINIMAL + '[gate]\nuplink_targets = ["192.0.2.1:443"]\n', Path("kvar.toml"))
    assert settings.uplink_targets(asking) == [("192.0.2.1", 443)]


def test_the_walled_garden_is_grouped_by_protocol_and_port(full: Config, minimal: Config) -> None:
    two = ("crl.example.com", "ocsp.example.com")
    assert settings.walled_garden(full) == (
        GardenGroup("tcp80", two, 80, "tcp"),
        GardenGroup("tcp443", two, 443, "tcp"),
        GardenGroup("udp123", ("ntp.example.com",), 123, "udp"),
    )
    assert settings.walled_garden(minimal) == ()


def test_the_library_system_is_asked_as_the_file_says(full: Config) -> None:
    assert full.library_system is not None
    made = settings_library.sip2(full.library_system)
    assert (made.login_password.reveal(), made.terminal_password.reveal()) == ("s3cret", "t3rminal")
    assert made == Sip2Settings(
        host="sip2.example.se",
        port=6002,
        tls=TlsSettings(
            mode=TlsMode.PIN,
            ca_file=Path("/etc/kvar/pinned.pem"),
            client_certificate_file=Path("/etc/kvar/client.pem"),
            client_key_file=Path("/etc/kvar/client.key"),
        ),
        login_user="kvar",
        login_password=made.login_password,
        location_code="here",
        institution_id="UME",
        terminal_password=made.terminal_password,
        encoding="cp850",
        delimiter="^",
        error_detection=False,
        send_status=False,
        message=PatronMessage.INFORMATION,
        language="001",
        deny_positions=frozenset({0, 4}),
        check_expiry=ExpiryCheck.PA,
        allow_aliases=True,
        answer_timeout_s=3,
        login_timeout_s=6,
        maximum_connections=4,
        maximum_waiting=5,
    )


def test_what_the_protocol_cannot_carry_is_refused(full: Config) -> None:
    assert full.library_system is not None
    section = full.library_system.model_copy(update={"institution_id": "U^ME"})
    with pytest.raises(Sip2SettingsError):
        settings_library.sip2(section)


def test_cards_look_as_the_file_says(full: Config) -> None:
    assert full.library_system is not None
    assert settings_library.card_rules(full.library_system) == CardRules(
        card_pattern=r"[A-Z]\d+",
        pin_pattern=r"\d{4}",
        expected_length=9,
        reject_personal_number=False,
        delimiter="^",
    )


def test_the_guest_site_says_what_the_file_says(full: Config) -> None:
    made = settings.guest_site(full, bytes(32))
    assert (made.portal_host, made.portal_port) == ("wifi.example.se", 8443)
    assert (made.plain_names, made.secure_plain_names) == (("wifi.test",), ("localhost",))
    assert (made.organisation, made.default_language) == ("Umeå bibliotek", "en")
    assert (made.time_zone, made.card_is_numeric) == ("Europe/Helsinki", False)
    assert (made.controller_contact, made.protection_officer) == (
        "wifi@example.se",
        "dso@example.se",
    )
    assert made.retention == Retention(
        session_days=1,
        attempt_days=2,
        known_device_days=3,
        event_days=4,
        voucher_days=6,
        backup_days=5,
    )
    assert made.ssid == "UmeBibl"
    assert made.answer_timeout_s == 6 + settings.PAGE_MARGIN_S
    assert made.statement == Statement(
        conformity=Conformity.FULL,
        assessed_on=date(2026, 10, 1),
        updated_on=date(2026, 11, 1),
        shortcomings=("En brist.",),
        exemptions=("Ett undantag.",),
        feedback_email="tillganglighet@example.se",
        feedback_phone="08-465 004 02",
    )
    assert made.form_key == bytes(32)


def test_who_hears_of_obstacles_is_the_organisation_where_nobody_else_is_named() -> None:
    text = MINIMAL.replace("[portal]", 'contact_email = "wifi@example.se"\n[portal]')
    made = settings.guest_site(parsed(text), bytes(32))
    assert made.statement == Statement(feedback_email="wifi@example.se")


def test_every_part_is_heard_before_the_start(full: Config, minimal: Config) -> None:
    settings.check(minimal)
    settings.check(full)
    assert full.library_system is not None
    library = full.library_system.model_copy(update={"institution_id": "U^ME"})
    with pytest.raises(Sip2SettingsError):
        settings.check(full.model_copy(update={"library_system": library}))


def test_plain_http_is_safe_nowhere_beside_a_real_gate(minimal: Config) -> None:
    assert settings.guest_site(minimal, bytes(32)).secure_plain_names == ()


@pytest.mark.parametrize(
    ("library", "numeric"),
    [("", True), ('host = "a"', True), ('host = "a"\ncard_pattern = "[a-z]+"', False)],
)
def test_a_number_pad_needs_numeric_cards(library: str, numeric: bool) -> None:
    text = MINIMAL + (f"[library_system]\n{library}\n" if library else "")
    assert settings.guest_site(parsed(text), bytes(32)).card_is_numeric is numeric


def test_limits_stay_below_the_library_systems_own(full: Config, minimal: Config) -> None:
    assert settings.limits(full) == Limits(attempts_per_day=4, lock_limit=5)
    assert settings.limits(minimal) == Limits(attempts_per_day=3, lock_limit=None)


def test_what_is_no_longer_needed_is_kept_so_long(full: Config) -> None:
    assert settings.kept(full) == Kept(
        sessions=timedelta(days=1),
        events=timedelta(days=4),
        attempts=timedelta(days=2),
        known_devices=timedelta(days=3),
        vouchers=timedelta(days=6),
    )


STAFF = """
[staff]
host_name = "kvar.example.se"
certificate_file = "/etc/kvar/staff.pem"
private_key_file = "/etc/kvar/staff.key"
idle_lock_min = 20
longest_visit_h = 8
"""


@pytest.mark.parametrize(
    ("change", "encrypted", "address"),
    [
        (("", ""), True, "https://kvar.example.se:8443"),
        (("[staff]", "[staff]\nport = 443"), True, "https://kvar.example.se"),
        (("[staff]", "[staff]\nproxies = ['10.0.0.9']"), True, "https://kvar.example.se"),
        (("certificate_file", "port = 8081\n#"), False, "http://kvar.example.se:8081"),
    ],
)
def test_the_staff_site(change: tuple[str, str], encrypted: bool, address: str) -> None:
    text = MINIMAL + STAFF.replace(*change, 1)
    if not encrypted:
        text = text.replace('private_key_file = "/etc/kvar/staff.key"\n', "")
    config = parse(text, Path("kvar.toml"))
    assert config.staff is not None
    site = settings_staff.staff_site(config, config.staff, b"k" * 32)
    assert (site.host_name, site.organisation) == ("kvar.example.se", "Umeå bibliotek")
    assert (site.encrypted, settings_staff.staff_address(config.staff)) == (encrypted, address)
    assert list(site.sites) == ["city"]
    assert site.proxies == (frozenset({"10.0.0.9"}) if "proxies" in change[1] else frozenset())
    assert settings_staff.staff_times(config.staff) == SessionTimes(
        timedelta(minutes=20), timedelta(hours=8)
    )


def test_without_a_staff_site_its_times_are_the_usual_ones() -> None:
    assert settings_staff.staff_times(None) == SessionTimes()


REST = f"""{MINIMAL.replace('"accept"', '"card"')}
[library_rest]
kind = "mikromarc"
url = "https://mikromarc.example.se/api/unit"
user = "kvar"
password = "s3cret"
"""


@pytest.mark.parametrize(("refuse", "may"), [("", True), ('refuse = ["debtor"]\n', False)])
def test_mikromarc_lets_debtors_in_unless_the_file_refuses_them(refuse: str, may: bool) -> None:
    config = parsed(REST + refuse)
    settings.check(config)
    assert config.library_rest is not None
    dialect = settings_library.rest_dialect(config.library_rest, date.today)
    assert isinstance(dialect, Mikromarc)
    assert dialect._debtors is may


@pytest.mark.parametrize(
    ("words", "security", "short"),
    [
        ('ssid = "Gast"', Security.OPEN, "wifi.example.se"),
        ('ssid = "Gast"\nwifi_password = "paper and ink"', Security.WPA, "wifi.example.se"),
    ],
)
def test_slips_say_which_network_it_is(words: str, security: Security, short: str) -> None:
    config = parsed(MINIMAL.replace("[organisation]\n", f"[organisation]\n{words}\n"))
    place = settings_staff.slip_place(config)
    assert place is not None
    assert place.network.security is security
    assert (place.network.password is None) == (security is Security.OPEN)
    assert (place.origin, place.short_address) == ("https://wifi.example.se", short)


def test_slips_of_a_network_without_a_name_are_none(minimal: Config) -> None:
    assert settings_staff.slip_place(minimal) is None
