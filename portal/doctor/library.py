"""Does the library system check cards and PINs? Three probes with a test card.

The rule to keep: a library system that lets a wrong PIN through is a failure.
"""

import ssl
from collections.abc import Callable
from dataclasses import replace

from portal import settings_library
from portal.config_library import LibrarySystem
from portal.doctor.finding import Finding, Level
from portal.domain.identity import Secret
from portal.library.probe import ProbeResult, ProbeStep, probe
from portal.library.sip2.client import Sip2Library
from portal.library.sip2.settings import Sip2SettingsError
from portal.library.sip2.wire import PatronMessage

CHECK = "library system"


def not_probed() -> Finding:
    """Say that nobody knows, for want of a card."""
    text = "not probed: whether a wrong PIN is refused is not known"
    way_out, command = "probe it with a card for tests", "kvar doctor --test-card NUMBER"
    return Finding(CHECK, Level.WARNING, text, way_out, command)


def steps_of(result: ProbeResult, asked: Callable[[ProbeStep], str]) -> list[Finding]:
    """Tell each question's answer; ``asked`` says by what it was asked."""
    return [
        Finding(
            CHECK,
            Level.RIGHT if step.ok else Level.FAILURE,
            f"{asked(step)} / {step.step}: expected {step.expected}, got {step.got}",
        )
        for step in result.steps
    ]


def verdict_on(result: ProbeResult) -> Finding:
    """Say whether the card login may be on."""
    if result.may_be_switched_on:
        return Finding(CHECK, Level.RIGHT, result.explanation)
    way_out = "the card login must stay off until this is right"
    return Finding(CHECK, Level.FAILURE, result.explanation, way_out)


async def library(section: LibrarySystem, test_card: str, pin: str) -> list[Finding]:
    """Probe it; without a card only say that nobody knows.

    Costs one PIN attempt on the card for each kind of message tried.
    """
    try:
        base = settings_library.sip2(section)
        Sip2Library(base)
    except (Sip2SettingsError, ssl.SSLError, OSError) as problem:
        return [Finding(CHECK, Level.FAILURE, str(problem), "mend [library_system]")]
    findings = []
    if section.tls == "off":
        text = "SIP2 without TLS sends card numbers and PINs in clear"
        way_out = "use tls = ca or pin, or a tunnel, unless the path is the library's own"
        findings.append(Finding(CHECK, Level.WARNING, text, way_out))
    if not test_card:
        return [*findings, not_probed()]
    # Expiry is seen only in the answer to 63.
    every = tuple(PatronMessage)
    messages = (PatronMessage.INFORMATION,) if section.check_expiry != "off" else every
    result = await probe(
        lambda message: Sip2Library(replace(base, message=message)),
        Secret(test_card),
        Secret(pin),
        messages,
    )
    findings += steps_of(result, lambda step: step.message)
    if result.may_be_switched_on and result.message != base.message:
        way_out = f'set [library_system] message = "{result.message}"'
        text = "this system checks PINs only in the other message"
        return [*findings, Finding(CHECK, Level.FAILURE, text, way_out)]
    return [*findings, verdict_on(result)]
