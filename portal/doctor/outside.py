"""What can only be seen from outside of a process: its ports, its answers, its neighbours' ports.

The rule to keep: an answer is read no further than needed, and an address that nobody answers at is
told as just that.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from portal import guest_names
from portal.config import Config
from portal.doctor.finding import Finding, failure, right, warning
from portal.doctor.machine import STALE
from portal.trust import context_for

_LARGEST_ANSWER = 2**20
_HANDSHAKE_S = 5.0
_GENUINE = (
    ("captive.apple.com", "/hotspot-detect.html", b"Success"),
    ("connectivitycheck.gstatic.com", "/generate_204", b""),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, as far as it was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(  # noqa: PLR0913 - an address, and what to say there
    address: str,
    port: int,
    host: str,
    path: str,
    *,
    accept: str = "*/*",
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Ask one thing over HTTP/1.0.

    Raises:
        OSError: nobody answers, or the certificate is refused (ssl.SSLError is one).
        ValueError: the answer is none.
    """
    name = host if tls else None
    reader, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=name)
    try:
        words = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n"
        writer.write(words.encode("ascii"))
        answer = await _read(reader)
    finally:
        writer.transport.abort()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    return Answer(int(first.split()[1]), headers, body)


async def _read(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    while len(answer) < _LARGEST_ANSWER and (more := await reader.read(2**16)):
        answer += more
    return answer


def _guest_addresses(config: Config) -> list[str]:
    names = [name for site in config.sites for name in site.guest_interfaces]
    return [address for name in names if (address := guest_names.ipv4_address(name))]


async def redirect(config: Config) -> list[Finding]:
    """Check that a phone's question on port 80 is answered by a 302 that nobody stores."""
    return [await _redirect(config, address) for address in _guest_addresses(config)]


async def _redirect(config: Config, address: str) -> Finding:
    port = config.portal.http_port
    where = f"{address}:{port}"
    command = "systemctl restart kvar-portal"
    try:
        answer = await ask(address, port, "captive.apple.com", "/hotspot-detect.html")
    except (OSError, ValueError, IndexError) as problem:
        return failure("redirect", f"{where} does not answer: {problem}", "start it", command)
    text = f"{where} answers {answer.status} to a phone's question"
    kept = "no-store" in answer.headers.get("cache-control", "")
    if answer.status in {302, 303} and kept and "location" in answer.headers:
        return right("redirect", text)
    return failure("redirect", f"{text}, no redirect", "let only the portal listen there", command)


async def captive_api(config: Config, authorities: ssl.SSLContext | None = None) -> list[Finding]:
    """Check that phones accept the API's certificate, and get an answer (RFC 8908 section 4.1)."""
    context = authorities or ssl.create_default_context()
    host, port = config.portal.host_name, config.portal.https_port
    findings = []
    for address in _guest_addresses(config):
        where = f"https://{host}:{port} at {address}"
        try:
            answer = await ask(
                address,
                port,
                host,
                "/captive-portal/api",
                accept="application/captive+json",
                tls=context,
            )
        except ssl.SSLError as problem:
            way_out = "use a public authority's full chain"
            text = f"{where}: phones refuse the certificate ({problem.reason})"
            findings.append(failure("captive API", text, way_out, "certbot certonly"))
        except (OSError, ValueError, IndexError) as problem:
            command = "systemctl restart kvar-portal"
            text = f"{where} does not answer: {problem}"
            findings.append(failure("captive API", text, "start it", command))
        else:
            findings.append(_judged(where, answer))
    return findings


def _judged(where: str, answer: Answer) -> Finding:
    """Who asks from this machine is no guest: 503 says that the API is there, and knows it."""
    is_api = "application/captive+json" in answer.headers.get("content-type", "")
    if is_api or answer.status == 503:
        return right("captive API", f"{where} answers")
    text = f"{where} answers {answer.status}, and not as an API"
    return failure("captive API", text, "let only the portal listen there")


async def genuine(resolver_file: Path = Path("/etc/resolv.conf"), port: int = 80) -> list[Finding]:
    """Check that the internet gives the probe hosts' own answers to this machine."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_genuine(resolver_file, port, *one)) for one in _GENUINE]
    return [task.result() for task in asked]


async def _genuine(
    resolver_file: Path, port: int, host: str, path: str, expected: bytes
) -> Finding:
    try:
        answer = await ask(await _resolve(resolver_file, host), port, host, path)
    except (OSError, ValueError, IndexError, guest_names.NoAnswerError) as problem:
        text = f"{host} cannot be reached from here: {problem}"
        way_out = "look at the uplink and its name servers"
        return warning("probe hosts", text, way_out, f"curl -v http://{host}{path}")
    if expected in answer.body and answer.status in {200, 204}:
        return right("probe hosts", f"{host} is genuine")
    text = f"{host} is not itself: it answers {answer.status}"
    return failure("probe hosts", text, "no proxy and no other portal may stand upstream")


async def _resolve(resolver_file: Path, host: str) -> str:
    """Ask the machine's first name server ourselves: getaddrinfo cannot be given up."""
    addresses = await guest_names.ask(_name_server(resolver_file), host)
    if not addresses:
        raise guest_names.NoAnswerError("it has no address")
    return addresses[0]


def _name_server(resolver_file: Path) -> str:
    lines = [line.split() for line in resolver_file.read_text("utf-8").splitlines()]
    servers = [words[1] for words in lines if words[:1] == ["nameserver"] and "." in words[1]]
    if not servers:
        raise guest_names.NoAnswerError(f"{resolver_file} names no IPv4 name server")
    return servers[0]


def ports(config: Config) -> dict[str, int]:
    """Return where each process that should run tells of itself, on 127.0.0.1."""
    found = {"portal": config.portal.health_port, "keeper": config.keeper.health_port}
    if config.staff is not None:
        found["staff"] = config.staff.health_port
    if config.radius is not None:
        found["radius"] = config.radius.health_port
    return found


async def running(config: Config, now: datetime) -> list[Finding]:
    """Check that each process runs and is ready, and what the keeper and RADIUS tell."""
    findings = []
    for name, port in ports(config).items():
        try:
            ready = await ask("127.0.0.1", port, "localhost", "/readyz")
            told = await ask("127.0.0.1", port, "localhost", "/metrics")
        except (OSError, ValueError, IndexError) as problem:
            text = f"{name} does not answer: {problem}"
            # The target starts all but this one, which is for access points that speak RADIUS.
            start = "enable --now" if name == "radius" else "start"
            findings.append(failure(name, text, "start it", f"systemctl {start} kvar-{name}"))
            continue
        if ready.status == 200:
            findings.append(right(name, "is ready"))
        else:
            findings.append(_not_ready(name, ready.body.decode("utf-8", "replace")))
        figures = _figures(told.body.decode("utf-8", "replace"))
        findings += _keeper(figures, now) if name == "keeper" else []
        findings += _radius(config, figures) if name == "radius" else []
    return findings


_NEIGHBOURS = {"database": "postgresql", "gate": "kvar-gate"}
"""What a process may wait for, as its /readyz calls it, and the unit that brings it back."""


def _not_ready(name: str, told: str) -> Finding:
    """Tell what it waits for: starting the process itself anew would help nobody."""
    text = f"is not ready: {told[:200]}"
    try:
        parts = json.loads(told)
        away = [unit for part, unit in _NEIGHBOURS.items() if parts.get(part, "ok") != "ok"]
    except (ValueError, AttributeError):
        away = []
    if away:
        command = f"systemctl start {' '.join(away)}"
        return failure(name, text, "start what it waits for", command)
    return failure(name, text, "look at its log", f"journalctl -u kvar-{name} -n 50")


def _figures(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, _, value in lines}


def _keeper(figures: Mapping[str, float], now: datetime) -> list[Finding]:
    command = "systemctl restart kvar-keeper"
    if figures.get("kvar_gate_in_step", 1.0) == 1.0:
        findings = [right("in step", "the gate lets in those whom the database names")]
    else:
        text = "the gate does not let in those whom the database names"
        findings = [
            failure("in step", text, "look at the keeper's log", "journalctl -u kvar-keeper")
        ]
    purged = figures.get("kvar_keeper_purge_timestamp_seconds", 0.0)
    age = now - datetime.fromtimestamp(purged, UTC)
    if not purged:
        text = "nothing was deleted since the keeper started"
        findings.append(warning("deletion", text, "wait an hour, or look at its log", command))
    elif age > STALE:
        text = f"what is due was last deleted {age.total_seconds() / 3600:.0f} h ago"
        findings.append(failure("deletion", text, "look at the keeper's log", command))
    else:
        findings.append(right("deletion", "what is due is deleted"))
    return findings


def _radius(config: Config, figures: Mapping[str, float]) -> list[Finding]:
    heard = {
        name for name, count in figures.items() if "kvar_radius_packets_total" in name and count
    }
    clients = config.radius.clients if config.radius else []
    findings = [
        right("RADIUS", f"{client.name} has been heard")
        if any(f'client="{client.name}"' in name for name in heard)
        else warning(
            "RADIUS",
            f"{client.name} has not been heard since the start",
            "look at its settings: address, port and secret",
            "journalctl -u kvar-radius",
        )
        for client in clients
        if client.networks
    ]
    strangers = figures.get("kvar_radius_strangers_total", 0.0)
    if strangers:
        text = f"{strangers:.0f} packets came from addresses that are no client's"
        way_out = "add [[radius.clients]] for those that are yours; the log names them"
        findings.append(warning("RADIUS", text, way_out, "journalctl -u kvar-radius"))
    return findings


async def neighbours(config: Config) -> list[Finding]:
    """Check that printers and the log collector take a connection."""
    findings = []
    for site in config.sites:
        for printer in site.printers:
            name = f"printer {printer.name}"
            findings.append(await _connects(name, printer.host, printer.port, None))
    if config.syslog is not None:
        file = config.syslog.ca_file
        try:
            context = context_for(file)
        except OSError as problem:
            text = f"{file} cannot be used: {problem}"
            return [*findings, failure("log collector", text, "mend [syslog] ca_file")]
        where = (config.syslog.host, config.syslog.port)
        findings.append(await _connects("log collector", *where, context))
    return findings


async def _connects(check: str, host: str, port: int, tls: ssl.SSLContext | None) -> Finding:
    try:
        patience_s = _HANDSHAKE_S if tls else None
        _, writer = await asyncio.open_connection(
            host, port, ssl=tls, ssl_handshake_timeout=patience_s
        )
    except OSError as problem:
        text = f"{host}:{port} takes no connection: {problem}"
        return failure(check, text, "look at it, and at the way there", f"nc -vz {host} {port}")
    writer.transport.abort()
    return right(check, f"{host}:{port} takes connections")
