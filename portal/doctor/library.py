"""Does the library system check cards and PINs? Three probes with a test card.

The rule to keep: a library system that lets a wrong PIN through is a failure.
"""

import ssl
from dataclasses import replace

from portal import settings
from portal.config import LibrarySystem
from portal.doctor.finding import Finding, Level
from portal.domain.identity import Secret
from portal.library.probe import probe
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError
from portal.library.sip2.wire import PatronMessage


async def library(section: LibrarySystem, test_card: str, pin: str) -> list[Finding]:
    """Probe it; without a card only say that nobody knows.

    Costs one PIN attempt on the card for each kind of message tried.
    """
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
        way_out, command = "probe it with a card for tests", "kvar doctor --test-card NUMBER"
        findings.append(Finding(check, Level.WARNING, text, way_out, command))
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
