"""The record of processing from a whole configuration."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from portal.__main__ import app
from portal.config import Config, SealedIdentity
from portal.config_file import parse
from portal.config_library import LibraryRest
from portal.domain.privacy import PrivacyLevel
from portal.processing_facts import facts, make_record

EXAMPLE = Path(__file__).parents[2] / "deploy" / "kvar.toml"

MORE = """
[syslog]
host = "log.exempelby.example"
kept_days = 91

[faults]
mail_to = "helpdesk@exempelby.example"
mail_from = "kvar@exempelby.example"
smtp_host = "mail.exempelby.example"

[radius]

[[radius.clients]]
name = "controller"
networks = ["10.9.0.0/24"]
secret = "an-example-of-a-secret"
site = "bokbussen"
"""


@pytest.fixture
def config() -> Config:
    text = EXAMPLE.read_text("utf-8")
    text = text.replace('id = "bokbussen"', 'id = "bokbussen"\nprivacy_level = 0')
    return parse(text + MORE, EXAMPLE)


def test_everybody_who_gets_data_is_named(config: Config) -> None:
    found = facts(config)
    names = [one.name for one in found.receivers]
    assert names == [
        "Bibliotekssystemet (sip2.exempelby.example)",
        "Accesspunkter och styrsystem (controller)",
        "Loggsystem (log.exempelby.example)",
        "Ärendesystem (helpdesk@exempelby.example)",
    ]
    assert "91 dagar" in found.receivers[2].why
    assert found.has_access_points
    assert list(found.levels.values()) == [PrivacyLevel.GUESTS, PrivacyLevel.COUNTS]
    assert "Loggsystemet nås över TLS." in found.measures


@pytest.mark.parametrize(
    ("url", "way"),
    [("https://koha.example.se:8443", "går över TLS."), ("http://10.1.2.3", "utan kryptering")],
)
def test_a_library_system_over_http_is_one_too(config: Config, url: str, way: str) -> None:
    rest = LibraryRest(kind="koha", url=url, user="x", password=SecretStr("y"))
    found = facts(config.model_copy(update={"library_system": None, "library_rest": rest}))
    assert found.receivers[0].name == f"Bibliotekssystemet ({url.split('/')[2]})"
    assert any(way in measure for measure in found.measures)


def test_why_card_numbers_are_sealed_is_told(config: Config) -> None:
    assert not facts(config).seals_identities
    sealed = SealedIdentity(public_key="A" * 43 + "=", reason="ett beslut av domstol, T 118-26")
    sites = [site.model_copy(update={"seal_identity": True}) for site in config.sites]
    found = facts(config.model_copy(update={"sites": sites, "sealed_identity": sealed}))
    assert found.seals_identities
    assert any(measure.endswith("ett beslut av domstol, T 118-26") for measure in found.measures)


def test_what_is_weak_is_told_too(config: Config) -> None:
    weak = [
        site.model_copy(update={"open_network": True, "card_login_without_tls": True})
        for site in config.sites
    ]
    assert config.radius is not None
    client = config.radius.clients[0].model_copy(update={"card_login": True})
    radius = config.radius.model_copy(
        update={"clients": [client], "certificate_file": Path("radius.pem")}
    )
    organisation = config.organisation.model_copy(update={"wifi_password": SecretStr("hemligt")})
    faults_by_hook = config.faults.model_copy(
        update={"mail_to": "", "webhook_url": "https://arenden.example.se/in"}
    )
    found = facts(
        config.model_copy(
            update={
                "sites": weak,
                "radius": radius,
                "organisation": organisation,
                "faults": faults_by_hook,
                "library_system": None,
                "staff": None,
            }
        )
    )
    said = " ".join(found.measures)
    for words in ("utan TLS, på låst wifi", "Wifi är öppet", "RADIUS/TLS", "wifi är krypterat"):
        assert words in said
    assert "låses efter" not in said
    assert "själv frågar" in found.receivers[0].what
    assert found.receivers[-1].name == "Ärendesystem (arenden.example.se)"


def test_without_them_nobody_is() -> None:
    found = facts(parse(EXAMPLE.read_text("utf-8"), EXAMPLE))
    assert len(found.receivers) == 1
    assert not found.has_access_points


def test_the_command_prints_what_the_page_shows(config: Config) -> None:
    said = CliRunner().invoke(app, ["--config", str(EXAMPLE), "privacy", "record"])
    assert said.exit_code == 0
    for section in make_record(config):
        assert f"## {section.heading}" in said.stdout
