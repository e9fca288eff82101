"""The same three probes for a library system that is asked over HTTP: there is one way to ask.

The rule to keep: a library system that lets a wrong PIN through is a failure.
"""

from portal import settings
from portal.clock import utc_now
from portal.config import LibraryRest
from portal.doctor.finding import Finding, Level
from portal.domain.identity import Secret
from portal.library.probe import probe
from portal.library.rest.client import RestLibrary
from portal.library.sip2.wire import PatronMessage

_CHECK = "library system"


async def library_rest(section: LibraryRest, test_card: str, pin: str) -> list[Finding]:
    """Probe it; without a card only say that nobody knows. Costs one PIN attempt on the card."""
    try:
        dialect = settings.rest_dialect(section, lambda: utc_now().astimezone().date())
        system = RestLibrary(settings.rest(section), dialect)
    except (ValueError, OSError) as problem:
        return [Finding(_CHECK, Level.FAILURE, str(problem), "mend [library_rest]")]
    if not test_card:
        text = "not probed: whether a wrong PIN is refused is not known"
        way_out, command = "probe it with a card for tests", "kvar doctor --test-card NUMBER"
        return [Finding(_CHECK, Level.WARNING, text, way_out, command)]
    one = (PatronMessage.STATUS,)
    result = await probe(lambda _: system, Secret(test_card), Secret(pin), one)
    findings = [
        Finding(
            _CHECK,
            Level.RIGHT if step.ok else Level.FAILURE,
            f"{section.kind} / {step.step}: expected {step.expected}, got {step.got}",
        )
        for step in result.steps
    ]
    if result.may_be_switched_on:
        return [*findings, Finding(_CHECK, Level.RIGHT, result.explanation)]
    way_out = "the card login must stay off until this is right"
    return [*findings, Finding(_CHECK, Level.FAILURE, result.explanation, way_out)]
