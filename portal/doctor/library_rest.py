"""The same three probes for a library system that is asked over HTTP: there is one way to ask.

The rule to keep: a library system that lets a wrong PIN through is a failure.
"""

from portal import settings_library
from portal.clock import local_date
from portal.config_library import LibraryRest
from portal.doctor.finding import Finding, Level
from portal.doctor.library import CHECK, not_probed, steps_of, verdict_on
from portal.domain.identity import Secret
from portal.library.probe import probe
from portal.library.rest.client import RestLibrary
from portal.library.sip2.wire import PatronMessage


async def library_rest(section: LibraryRest, test_card: str, pin: str) -> list[Finding]:
    """Probe it; without a card only say that nobody knows. Costs one PIN attempt on the card."""
    try:
        dialect = settings_library.rest_dialect(section, local_date)
        system = RestLibrary(settings_library.rest(section), dialect)
    except (ValueError, OSError) as problem:
        return [Finding(CHECK, Level.FAILURE, str(problem), "mend [library_rest]")]
    if not test_card:
        return [not_probed()]
    one = (PatronMessage.STATUS,)
    result = await probe(lambda _: system, Secret(test_card), Secret(pin), one)
    return [*steps_of(result, lambda _: section.kind), verdict_on(result)]
