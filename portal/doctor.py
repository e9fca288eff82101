"""``kvar doctor``: is everything that Kvar depends on as it should be?

Not monitoring: it is asked, looks once, and answers. The rule to keep: each finding that is not
right says what to do, and a library system that lets a wrong PIN through is a failure.
"""

import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from firewall.client import GateClient, GateError
from portal import guest_names, settings
from portal.clock import utc_now
from portal.config import Config, LibrarySystem, Staff
from portal.domain.identity import Secret
from portal.domain.voucher import MOST_LIVE
from portal.library.probe import probe
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError
from portal.library.sip2.wire import PatronMessage
from portal.services.ports import DatabaseUnavailableError
from portal.setup import makeshift

CERTIFICATE_ALARM = timedelta(days=14)
"""RFC 8908 clients ignore an API with a bad certificate: renewals must not be left to the last."""


class Level(StrEnum):
    """How serious a finding is."""

    RIGHT = "right"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it stands, and the way out."""

    check: str
    level: Level
    text: str
    way_out: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether the exit code must be 1."""
        return self.level is Level.FAILURE


@dataclass(frozen=True, slots=True)
class Questions:
    """What the doctor asks the database; each raises DatabaseUnavailableError.

    ``schema`` returns a word about it, ``live_codes`` how many codes of vouchers would let somebody
    in, by the names of the sites that take codes.
    """

    schema: Callable[[], Awaitable[str]]
    live_codes: Callable[[], Awaitable[Mapping[str, int]]]


async def examine(config: Config, test_card: str, pin: str, ask: Questions) -> list[Finding]:
    """Run every check.

    With a ``test_card`` of the library in good standing, the library system gets three probes;
    they cost one PIN attempt on that card for each kind of message tried.
    """
    findings = certificate(config.portal.certificate_file, config.portal.host_name, utc_now())
    findings += staff_certificate(config.staff, utc_now())
    findings += await database(ask)
    findings += await _gate(config)
    if config.gate.enabled and settings.has_gate(config):
        findings += await names(config)
    if config.library_system is not None:
        findings += await _library(config.library_system, test_card, pin)
    return findings


def certificate(file: Path, host_name: str, now: datetime) -> list[Finding]:
    """Check that a site's certificate is there, names the site, and is valid for long."""
    check = "certificate"
    try:
        chain = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as problem:
        way_out = "put the PEM chain where certificate_file says"
        return [Finding(check, Level.FAILURE, f"{file} cannot be used: {problem}", way_out)]
    findings = [_validity(chain[0], now)]
    if makeshift.is_of_it(chain[0]):
        text = f"{file} is the makeshift one of kvar setup, which no phone trusts"
        way_out = f"put one for {host_name} from a public authority there; docs/installation.md"
        return [Finding(check, Level.FAILURE, text, way_out)]
    if host_name not in _names(chain[0]):
        text = f"it does not name {host_name}"
        way_out = f"order a certificate for {host_name}"
        findings.append(Finding(check, Level.FAILURE, text, way_out))
    if len(chain) == 1:
        text = "the file holds one certificate, without the authority's own"
        way_out = "use the full chain: phones do not fetch what is missing (RFC 8908, 4.1)"
        findings.append(Finding(check, Level.WARNING, text, way_out))
    return findings


def staff_certificate(section: Staff | None, now: datetime) -> list[Finding]:
    """Check the staff site's certificate too, where it has one of its own."""
    if section is None or section.certificate_file is None:
        return []
    found = certificate(section.certificate_file, section.host_name, now)
    return [replace(finding, check="staff certificate") for finding in found]


def _validity(leaf: x509.Certificate, now: datetime) -> Finding:
    left = leaf.not_valid_after_utc - now
    text = f"valid until {leaf.not_valid_after_utc:%Y-%m-%d}"
    if leaf.not_valid_before_utc > now or left <= timedelta():
        way_out = "renew it now: phones and browsers refuse the site"
        return Finding("certificate", Level.FAILURE, f"not valid today; {text}", way_out)
    if left < CERTIFICATE_ALARM:
        return Finding("certificate", Level.WARNING, text, "renew it; fewer than 14 days are left")
    return Finding("certificate", Level.RIGHT, text)


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return names.value.get_values_for_type(x509.DNSName)


async def database(ask: Questions) -> list[Finding]:
    """Check that the database answers, and that not too many codes lie in drawers."""
    try:
        findings = [Finding("database", Level.RIGHT, await ask.schema())]
        return findings + [_codes(*site) for site in (await ask.live_codes()).items()]
    except DatabaseUnavailableError as problem:
        way_out = "start it, or mend [database] dsn; without a dsn, kvar run starts a private one"
        return [Finding("database", Level.FAILURE, f"cannot be asked: {problem}", way_out)]


def _codes(site: str, live: int) -> Finding:
    text = f"{site} has {live} codes that would let somebody in"
    if live <= MOST_LIVE:
        return Finding("codes", Level.RIGHT, text)
    way_out = "turn unused batches off: kvar voucher revoke B --batch --unused"
    return Finding("codes", Level.WARNING, f"{text}, which helps whoever guesses", way_out)


async def _gate(config: Config) -> list[Finding]:
    if not settings.has_gate(config):
        text = "none: the access points of every site let devices in, and keep them out"
        return [Finding("gate", Level.RIGHT, text)]
    async with GateClient(config.gate.socket) as client:
        try:
            health = await client.ping()
        except GateError as problem:
            way_out = "start it: kvar gate, or kvar run; see [gate] socket"
            return [Finding("gate", Level.FAILURE, str(problem), way_out)]
    return [Finding("gate", Level.RIGHT, f"answers, version {health.get('version', '?')}")]


async def names(config: Config, port: int = guest_names.DNS_PORT) -> list[Finding]:
    """Check that the guests' resolver leads the portal's names to this machine."""
    check = "names"
    interfaces = [name for site in config.sites for name in site.guest_interfaces]
    resolvers = {name: guest_names.ipv4_address(name) for name in interfaces}
    ours = {*config.portal.addresses, *filter(None, resolvers.values())}
    findings = []
    for interface, resolver in resolvers.items():
        if resolver is None:
            text = f"{interface} has no IPv4 address"
            way_out = "bring the guest interface up with its address"
            findings.append(Finding(check, Level.FAILURE, text, way_out))
            continue
        asked = guest_names.names_of(config)
        findings += [await _name(name, resolver, port, ours) for name in asked]
    return findings


async def _name(name: str, resolver: str, port: int, ours: set[str]) -> Finding:
    way_out = "put the lines of kvar config dnsmasq into the guests' resolver"
    try:
        found = await guest_names.ask(resolver, name, port)
    except guest_names.NoAnswerError as problem:
        text = f"{resolver} does not say what {name} is: {problem}"
        return Finding("names", Level.FAILURE, text, way_out)
    told = ", ".join(found) or "nothing"
    text = f"on {resolver}, {name} is {told}"
    if not found or not ours.issuperset(found):
        return Finding("names", Level.FAILURE, f"{text}, not this machine", way_out)
    return Finding("names", Level.RIGHT, text)


async def _library(section: LibrarySystem, test_card: str, pin: str) -> list[Finding]:
    check = "library system"
    try:
        base = settings.sip2(section)
        Sip2Library(base)
    except (Sip2SettingsError, ssl.SSLError, OSError) as problem:
        return [Finding(check, Level.FAILURE, str(problem), "mend [library_system]")]
    findings = []
    if section.tls == "off":
        text = "SIP2 without TLS sends card numbers and PINs in clear"
        way_out = "use tls = ca or pin, or a tunnel, unless the path is the library's own"
        findings.append(Finding(check, Level.WARNING, text, way_out))
    if not test_card:
        text = "not probed: whether a wrong PIN is refused is not known"
        findings.append(Finding(check, Level.WARNING, text, "kvar doctor --test-card NUMBER"))
        return findings
    # Expiry is seen only in the answer to 63.
    every = tuple(PatronMessage)
    messages = (PatronMessage.INFORMATION,) if section.check_expiry != "off" else every
    result = await probe(
        lambda message: Sip2Library(replace(base, message=message)),
        Secret(test_card),
        Secret(pin),
        messages,
    )
    for step in result.steps:
        level = Level.RIGHT if step.ok else Level.FAILURE
        text = f"{step.message} / {step.step}: expected {step.expected}, got {step.got}"
        findings.append(Finding(check, level, text))
    if not result.may_be_switched_on:
        way_out = "the card login must stay off until this is right"
        return [*findings, Finding(check, Level.FAILURE, result.explanation, way_out)]
    if result.message != base.message:
        way_out = f'set [library_system] message = "{result.message}"'
        text = "this system checks PINs only in the other message"
        return [*findings, Finding(check, Level.FAILURE, text, way_out)]
    return [*findings, Finding(check, Level.RIGHT, result.explanation)]


_SIGNS = {Level.RIGHT: "✓", Level.WARNING: "!", Level.FAILURE: "✗"}


def as_text(findings: list[Finding]) -> str:
    """Return one line a finding, and one more with the way out where there is one."""
    lines = []
    for finding in findings:
        lines.append(f"{_SIGNS[finding.level]} {finding.check}: {finding.text}")
        if finding.way_out:
            lines.append(f"    → {finding.way_out}")
    return "\n".join(lines)


def as_json(findings: list[Finding]) -> str:
    """Return the findings as a JSON list."""
    return json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1)
