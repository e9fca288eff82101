"""What is asked over the network: our own ports, the redirect, probe hosts, neighbours."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from firewall.lab.authority import Authority
from portal.config import Config
from portal.doctor import outside
from portal.doctor.examination import Check, examine
from portal.doctor.finding import Finding, Level
from tests.ports import free_port

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAME = "wifi.example.se"
FOUND = b"HTTP/1.0 302 Found\r\nLocation: /\r\nCache-Control: no-store\r\n\r\n"


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


@asynccontextmanager
async def answering(
    answers: Mapping[str, bytes] | bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Yield the port of a server that knows these paths, and nothing else."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.read(4096)
        path = request.split()[1].decode()
        writer.write(answers if isinstance(answers, bytes) else answers[path])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def ok(body: str) -> bytes:
    return f"HTTP/1.0 200 OK\r\n\r\n{body}".encode()


def config(**portal: object) -> Config:
    facts = {"host_name": NAME, "certificate_file": "/x", "private_key_file": "/x", **portal}
    sites = [{"id": "a", "name": "A", "guest_interfaces": ["lo"], "login_methods": ["accept"]}]
    return Config.model_validate({"organisation": {"name": "x"}, "portal": facts, "sites": sites})


async def test_a_redirect_that_nobody_stores_is_right() -> None:
    async with answering(FOUND) as port:
        assert levels(await outside.redirect(config(http_port=port))) == [Level.RIGHT]


@pytest.mark.parametrize(
    "answer", [ok("hello"), FOUND.replace(b"no-store", b"public"), FOUND.replace(b"302", b"301")]
)
async def test_any_other_answer_to_a_phone_is_a_failure(answer: bytes) -> None:
    async with answering(answer) as port:
        [finding] = await outside.redirect(config(http_port=port))
    assert finding.is_failure


@pytest.mark.parametrize("answer", [b"", b"nonsense", b"HTTP/1.0\r\n\r\n"])
async def test_an_answer_that_is_none_is_a_failure(answer: bytes) -> None:
    async with answering(answer) as port:
        [finding] = await outside.redirect(config(http_port=port))
    assert finding.is_failure
    assert finding.command == "systemctl restart kvar-portal"


async def test_a_portal_that_is_away_is_a_failure() -> None:
    port = free_port()
    assert levels(await outside.redirect(config(http_port=port))) == [Level.FAILURE]
    assert levels(await outside.captive_api(config(https_port=port))) == [Level.FAILURE]


API = b"HTTP/1.0 200 OK\r\nContent-Type: application/captive+json\r\n\r\n{}"


@pytest.mark.parametrize(
    ("name", "answer", "told"),
    [(NAME, API, ""), (NAME, ok("<html>"), "not as an API"), ("other.example.se", API, "refuse")],
)
async def test_the_api_answers_under_its_own_name(
    name: str, answer: bytes, told: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    authority = Authority.create(tmp_path, now)
    issued = authority.issue([name], now)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(issued.chain, issued.key)
    trusting = ssl.create_default_context(cadata=_pem(authority))
    async with answering(answer, server) as port:
        [finding] = await outside.captive_api(config(https_port=port), trusting)
        [distrusted] = await outside.captive_api(config(https_port=port))
    assert finding.is_failure is bool(told)
    assert told in finding.text
    assert "phones refuse the certificate" in distrusted.text


def _pem(authority: Authority) -> str:
    return authority.certificate.public_bytes(serialization.Encoding.PEM).decode()


KEEPER = "kvar_gate_in_step 1.0\nkvar_keeper_purge_timestamp_seconds {at}\n"


async def processes(ready: bytes, metrics: str) -> list[Finding]:
    async with answering({"/readyz": ready, "/metrics": ok(metrics)}) as port:
        facts = config(health_port=port)
        facts = facts.model_copy(
            update={"keeper": facts.keeper.model_copy(update={"health_port": port})}
        )
        return await outside.running(facts, NOW)


async def test_processes_that_are_ready_are_right() -> None:
    findings = await processes(ok("{}"), KEEPER.format(at=NOW.timestamp() - 3600))
    assert levels(findings) == [Level.RIGHT] * 4


async def test_a_process_that_is_not_ready_says_why() -> None:
    not_ready = b'HTTP/1.0 503 No\r\n\r\n{"database": "DatabaseUnavailableError"}'
    findings = await processes(not_ready, KEEPER.format(at=NOW.timestamp()))
    assert findings[0].is_failure
    assert "DatabaseUnavailableError" in findings[0].text
    assert findings[0].command == "systemctl start postgresql"


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ('{"database": "ok", "gate": "GateError"}', "systemctl start kvar-gate"),
        ('{"database": "away", "gate": "x"}', "systemctl start postgresql kvar-gate"),
        ('{"database": "ok", "disk": "full"}', "journalctl -u kvar-portal -n 50"),
        ("no words for it", "journalctl -u kvar-portal -n 50"),
        ("[]", "journalctl -u kvar-portal -n 50"),
    ],
)
async def test_a_process_that_waits_is_helped_by_what_it_waits_for(told: str, command: str) -> None:
    not_ready = f"HTTP/1.0 503 No\r\n\r\n{told}".encode()
    findings = await processes(not_ready, KEEPER.format(at=NOW.timestamp()))
    assert findings[0].command == command


@pytest.mark.parametrize(
    ("metrics", "check", "level"),
    [
        ("kvar_gate_in_step 0.0\nkvar_keeper_purge_timestamp_seconds 1\n", "in step", "failure"),
        (KEEPER.format(at=0.0), "deletion", "warning"),
        (KEEPER.format(at=(NOW - timedelta(hours=27)).timestamp()), "deletion", "failure"),
    ],
)
async def test_what_the_keeper_says_of_its_work_counts(
    metrics: str, check: str, level: str
) -> None:
    findings = await processes(ok("{}"), metrics)
    assert Level(level) in [finding.level for finding in findings if finding.check == check]


async def test_processes_that_do_not_run_are_failures() -> None:
    port = free_port()
    facts = config(health_port=port)
    facts = facts.model_copy(
        update={"keeper": facts.keeper.model_copy(update={"health_port": free_port()})}
    )
    findings = await outside.running(facts, NOW)
    assert [finding.command for finding in findings] == [
        "systemctl start kvar-portal",
        "systemctl start kvar-keeper",
    ]


def with_access_points() -> Config:
    clients = [
        {"name": name, "networks": [network], "secret": "wZ3jhq0Tn5eUJ7KfUQb2m1Rk", "site": "a"}
        for name, network in (("one", "10.1.2.0/24"), ("two", "10.1.3.0/24"))
    ]
    return config().model_copy(
        update={"radius": Config.model_validate(
            {**config().model_dump(), "radius": {"clients": clients}}
        ).radius}
    )  # fmt: skip


async def test_radius_that_nobody_enabled_is_told_with_what_starts_it_at_every_boot() -> None:
    facts = with_access_points()
    assert facts.radius is not None
    radius = facts.radius.model_copy(update={"health_port": free_port()})
    *_, finding = await outside.running(facts.model_copy(update={"radius": radius}), NOW)
    assert finding.command == "systemctl enable --now kvar-radius"


def test_access_points_that_were_never_heard_and_strangers_are_told_of() -> None:
    figures = {
        'kvar_radius_packets_total{client="one",what="accepted"}': 4.0,
        'kvar_radius_packets_total{client="two",what="accepted"}': 0.0,
        "kvar_radius_strangers_total": 3.0,
    }
    one, two, strangers = outside._radius(with_access_points(), figures)
    assert (one.level, two.level, strangers.level) == (Level.RIGHT, Level.WARNING, Level.WARNING)
    assert strangers.text.startswith("3 packets")


async def test_probe_hosts_without_an_internet_are_a_warning(tmp_path: Path) -> None:
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    findings = await outside.genuine(resolver)
    assert levels(findings) == [Level.WARNING, Level.WARNING]
    resolver.write_text("nameserver ::1\n")
    assert "no IPv4 name server" in (await outside.genuine(resolver))[0].text
    assert "cannot be reached" in (await outside.genuine(tmp_path / "none"))[0].text


async def test_probe_hosts_are_known_by_their_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def here(*_: object) -> str:
        return "127.0.0.1"

    monkeypatch.setattr(outside, "_resolve", here)
    genuine = {"/hotspot-detect.html": ok("<BODY>Success</BODY>"), "/generate_204": ok("")}
    async with answering(genuine) as port:
        assert levels(await outside.genuine(port=port)) == [Level.RIGHT, Level.RIGHT]
    async with answering(FOUND) as port:
        assert levels(await outside.genuine(port=port)) == [Level.FAILURE, Level.FAILURE]


async def test_printers_are_tried() -> None:
    async with answering(b"") as port:
        for host, level in ((port, Level.RIGHT), (free_port(), Level.FAILURE)):
            site = config().sites[0].model_dump()
            site["printers"] = [{"name": "Disk", "host": "127.0.0.1", "port": host}]
            facts = Config.model_validate({**config().model_dump(), "sites": [site]})
            assert levels(await outside.neighbours(facts)) == [level]


async def test_the_log_collector_must_take_tls(tmp_path: Path) -> None:
    async with answering(b"no TLS") as port:
        syslog = {"host": "127.0.0.1", "port": port, "kept_days": 3}
        facts = Config.model_validate({**config().model_dump(), "syslog": syslog})
        assert levels(await outside.neighbours(facts)) == [Level.FAILURE]
    wrong = {**syslog, "ca_file": tmp_path / "none.pem"}
    facts = Config.model_validate({**config().model_dump(), "syslog": wrong})
    [finding] = await outside.neighbours(facts)
    assert "ca_file" in finding.way_out


async def test_a_check_that_hangs_is_a_finding_and_holds_up_no_other() -> None:
    async def hang() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def answer() -> list[Finding]:
        return [Finding("quick", Level.RIGHT, "well")]

    hung, quick = await examine([Check("slow", hang, 0.01), Check("quick", answer)])
    assert (hung.check, hung.is_failure) == ("slow", True)
    assert quick.text == "well"
