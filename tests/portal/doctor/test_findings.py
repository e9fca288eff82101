"""The doctor's findings: certificate, library system, and how they are told."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firewall.lab.authority import Authority
from portal.config import Config, Portal, Staff
from portal.config_library import LibrarySystem
from portal.doctor.certificates import certificate, chain_and_key, staff_certificate
from portal.doctor.finding import Finding, Level, as_json, as_text
from portal.doctor.library import library
from portal.doctor.network import names, way_up
from portal.doctor.store import Questions, Schema, ToldLevel, database
from portal.library.demo_library import LOGIN_PASSWORD, LOGIN_USER, build_server
from portal.services.ports import DatabaseUnavailableError
from portal.setup import makeshift
from tests.ports import free_port

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAME = "wifi.example.se"


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return Authority.create(tmp_path, NOW).issue([NAME], NOW, valid=timedelta(days=30)).chain


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_a_certificate_that_is_right(chain: Path) -> None:
    assert levels(certificate(chain, NAME, NOW)) == [Level.RIGHT]


@pytest.mark.parametrize(
    ("days_left", "level"),
    [(22, Level.RIGHT), (20, Level.WARNING), (8, Level.WARNING), (6, Level.FAILURE)],
)
def test_a_certificate_is_told_of_three_weeks_ahead(
    days_left: int, level: Level, chain: Path
) -> None:
    [finding] = certificate(chain, NAME, NOW + timedelta(days=30 - days_left))
    assert finding.level is level


def test_a_certificate_that_has_expired(chain: Path) -> None:
    (finding,) = certificate(chain, NAME, NOW + timedelta(days=31))
    assert finding.is_failure
    assert "phones and browsers refuse" in finding.way_out


def test_a_certificate_for_another_name(chain: Path) -> None:
    assert Level.FAILURE in levels(certificate(chain, "login.example.se", NOW))


def test_a_certificate_without_its_authority(chain: Path, tmp_path: Path) -> None:
    end = "-----END CERTIFICATE-----\n"
    alone = tmp_path / "alone.pem"
    alone.write_text(chain.read_text().split(end)[0] + end)
    assert levels(certificate(alone, NAME, NOW)) == [Level.RIGHT, Level.WARNING]


@pytest.mark.parametrize("text", ["", "not a certificate"])
def test_a_certificate_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "x.pem"
    assert certificate(file, NAME, NOW)[0].is_failure
    file.write_text(text)
    assert certificate(file, NAME, NOW)[0].is_failure


def test_the_staff_sites_certificate_is_looked_at_too(chain: Path) -> None:
    assert staff_certificate(None, NOW) == []
    facts = {"host_name": NAME, "certificate_file": chain, "private_key_file": chain}
    [finding] = staff_certificate(Staff.model_validate(facts), NOW + timedelta(days=17))
    assert (finding.check, finding.level) == ("staff certificate", Level.WARNING)
    behind_proxy = {"host_name": NAME, "proxies": ["10.0.0.9"]}
    assert staff_certificate(Staff.model_validate(behind_proxy), NOW) == []


@asynccontextmanager
async def a_library() -> AsyncIterator[LibrarySystem]:
    # Not a fixture: its task group must end in the task that entered it.
    async with build_server().start("127.0.0.1", 0) as port:
        yield LibrarySystem.model_validate(
            {
                "host": "127.0.0.1",
                "port": port,
                "tls": "off",
                "plain_text_is_safe_here": True,
                "login_user": LOGIN_USER,
                "login_password": LOGIN_PASSWORD,
                "institution_id": "DEMO",
            }
        )


async def test_a_library_system_that_checks_pins_is_right() -> None:
    async with a_library() as section:
        findings = await library(section, "20000000000001", "1234")
    assert findings[0].level is Level.WARNING  # plain text is never passed over in silence
    assert set(levels(findings[1:])) == {Level.RIGHT}


async def test_without_a_test_card_the_doctor_does_not_call_it_right() -> None:
    async with a_library() as section:
        findings = await library(section, "", "")
    assert Level.RIGHT not in levels(findings)


async def test_a_test_card_with_a_wrong_pin_is_a_failure() -> None:
    async with a_library() as section:
        findings = await library(section, "20000000000001", "9999")
    assert findings[-1].is_failure
    assert "9999" not in as_text(findings) + as_json(findings)
    assert "20000000000001" not in as_text(findings) + as_json(findings)


async def test_settings_that_cannot_work_are_a_failure() -> None:
    async with a_library() as section:
        wrong = section.model_copy(update={"tls": "ca", "ca_file": Path("/nowhere.pem")})
        (finding,) = await library(wrong, "", "")
    assert finding.is_failure


@contextmanager
def resolver(*lines: str) -> Iterator[int]:
    """A real dnsmasq on the loopback address; yields its port."""
    port = free_port()
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null"]
    listening = ["--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}"]
    command = ["dnsmasq", *options, *listening, "--pid-file=", *lines]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        running.terminate()
        running.wait(60)


def config_on(interface: str) -> Config:
    return Config.model_validate(
        {
            "organisation": {"name": "x"},
            "portal": {
                "host_name": NAME,
                "short_names": ["wifi.test"],
                "certificate_file": "/x",
                "private_key_file": "/x",
            },
            "sites": [{"id": "a", "name": "A", "guest_interfaces": [interface]}],
        }
    )


async def names_until_answered(port: int) -> list[Finding]:
    """Ask until the resolver that was just started answers."""
    async with asyncio.timeout(60):
        while True:
            findings = await names(config_on("lo"), port)
            if not any("does not say" in finding.text for finding in findings):
                return findings
            await asyncio.sleep(0.05)


async def test_names_that_lead_to_this_machine_are_right() -> None:
    with resolver(f"--host-record={NAME},wifi.test,127.0.0.1") as port:
        assert levels(await names_until_answered(port)) == [Level.RIGHT, Level.RIGHT]


async def test_names_that_lead_elsewhere_are_failures() -> None:
    with resolver(f"--host-record={NAME},192.0.2.7", "--local=/wifi.test/") as port:
        elsewhere, nowhere = await names_until_answered(port)
    assert elsewhere.text == f"on 127.0.0.1, {NAME} is 192.0.2.7, not this machine"
    assert nowhere.text == "on 127.0.0.1, wifi.test is nothing, not this machine"
    assert elsewhere.is_failure
    assert nowhere.is_failure
    assert elsewhere.command == "kvar config dnsmasq"


async def test_a_resolver_that_is_away_or_talks_nonsense_is_a_failure() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        answering = asyncio.get_running_loop().run_in_executor(None, _answer_nonsense, silent)
        findings = await names(config_on("lo"), port)
        await answering
    assert "no DNS" in findings[0].text
    assert "no answer within" in findings[1].text
    refused = await names(config_on("lo"), port)
    assert "refused" in refused[0].text
    assert all(finding.is_failure for finding in (*findings, *refused))


def _answer_nonsense(sock: socket.socket) -> None:
    question, peer = sock.recvfrom(512)
    sock.sendto(b"\0\0?", peer)  # somebody else's number: not ours
    sock.sendto(question[:2] + b"?", peer)


async def test_a_guest_interface_without_an_address_is_a_failure() -> None:
    (finding,) = await names(config_on("nowhere0"))
    assert finding.text == "nowhere0 has no IPv4 address"


def test_findings_are_told_with_their_way_out() -> None:
    findings = [Finding("gate", Level.FAILURE, "is away", "start it", "systemctl start kvar-gate")]
    assert as_text(findings) == "✗ gate: is away\n    → start it\n    $ systemctl start kvar-gate"
    assert json.loads(as_json(findings))[0]["command"] == "systemctl start kvar-gate"


def a_database(
    applied: int | None = 18, apart_s: float = 0.0, codes: dict[str, int] | None = None
) -> Questions:
    async def schema() -> Schema:
        return Schema(applied, 18, NOW + timedelta(seconds=apart_s))

    async def live_codes() -> dict[str, int]:
        return codes or {}

    return Questions(schema, live_codes)


async def test_a_database_that_answers_is_asked_for_codes_in_drawers() -> None:
    findings = await database(a_database(codes={"City": 2000, "Branch": 2001}), NOW)
    assert levels(findings) == [Level.RIGHT] * 3 + [Level.WARNING]
    assert findings[3].text.startswith("Branch has 2001 codes that would let somebody in")
    assert "--unused" in findings[3].command


@pytest.mark.parametrize(
    ("applied", "command"),
    [(None, "kvar-migrate"), (17, "kvar-migrate"), (19, "apt upgrade kvar")],
)
async def test_a_schema_of_another_version_is_a_failure(applied: int | None, command: str) -> None:
    version, clock = await database(a_database(applied), NOW)
    assert version.is_failure
    assert command in version.command
    assert clock.level is Level.RIGHT


async def test_a_database_with_another_clock_is_told_of() -> None:
    assert (await database(a_database(apart_s=-3), NOW))[1].level is Level.WARNING


async def test_nodes_without_a_key_in_common_are_a_failure() -> None:
    async def many() -> int:
        return 2

    alone = a_database()
    found = await database(Questions(alone.schema, alone.live_codes, many), NOW)
    assert [one.text for one in found if one.is_failure] == [
        "2 nodes use it, and this one has no shared.key beside its keys"
    ]
    assert not [one for one in await database(alone, NOW) if one.is_failure]


async def test_a_database_that_is_away_is_one_finding() -> None:
    async def schema() -> Schema:
        raise DatabaseUnavailableError("none")

    async def live_codes() -> dict[str, int]:
        raise AssertionError

    (finding,) = await database(Questions(schema, live_codes), NOW)
    assert finding.is_failure
    assert finding.command == "systemctl start postgresql"


def a_pair(folder: Path, names: list[str]) -> Portal:
    issued = Authority.create(folder, NOW).issue(names, NOW)
    facts = {"host_name": NAME, "certificate_file": issued.chain, "private_key_file": issued.key}
    return Portal.model_validate(facts)


def test_a_key_and_a_chain_that_fit_are_nothing_to_tell(tmp_path: Path) -> None:
    assert chain_and_key(a_pair(tmp_path, [NAME])) == []


def test_another_certificates_key_is_a_failure(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    one, other = a_pair(tmp_path / "a", [NAME]), a_pair(tmp_path / "b", [NAME])
    wrong = one.model_copy(update={"private_key_file": other.private_key_file})
    [finding] = chain_and_key(wrong)
    assert finding.is_failure


def test_a_chain_of_strangers_is_a_failure(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    one, other = a_pair(tmp_path / "a", [NAME]), a_pair(tmp_path / "b", [NAME])
    end = "-----END CERTIFICATE-----\n"
    leaf = one.certificate_file.read_text().split(end)[0] + end
    mixed = tmp_path / "mixed.pem"
    mixed.write_text(leaf + other.certificate_file.read_text().split(end)[1] + end)
    [finding] = chain_and_key(one.model_copy(update={"certificate_file": mixed}))
    assert "is no chain" in finding.text


def test_a_makeshift_certificate_is_told_as_one(tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    file.write_bytes(makeshift.make(NAME, NOW)[0])
    [finding] = certificate(file, NAME, NOW)
    assert finding.is_failure
    assert "makeshift" in finding.text


async def test_nodes_that_tell_different_privacy_levels_are_a_fault() -> None:
    async def differing() -> list[ToldLevel]:
        return [ToldLevel("city", "gateway-2", 1), ToldLevel("city", "gateway-1", 3)]

    alone = a_database()
    found = await database(Questions(alone.schema, alone.live_codes, unlike_levels=differing), NOW)
    (told,) = [one for one in found if one.check == "privacy"]
    assert told.is_failure
    assert "gateway-2 says 1, gateway-1 says 3. The strictest, 1, holds" in told.text


def test_an_interface_that_does_not_exist_is_not_to_be_brought_up(tmp_path: Path) -> None:
    for name in ("lo", "guest0", "wan0"):
        (tmp_path / name).mkdir()
    assert way_up("guest0", tmp_path) == ("bring it up", "ip link set guest0 up")
    way_out, command = way_up("nosuch0", tmp_path)
    assert "there are: guest0, wan0" in way_out
    assert command == "ip link"
