"""What the console's pages work with.

Not a place for rules. The rule to keep: what only reads the log may ask its door; whatever leads to
a person goes through a service, which writes it down.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from portal.services.console.complaints import Complaints
from portal.services.console.exports import Exports
from portal.services.console.findings import Findings
from portal.services.console.look_ups import LookUps
from portal.services.console.revealing import Revealing
from portal.services.console.rights import Rights
from portal.services.ports.audit import AuditRecord
from portal.services.ports.letters import Letters
from portal.services.ports.session_log import SessionLog

Mark = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class ConsoleDoors:
    """The services of the console. ``kept``: how long history stays."""

    log: SessionLog
    record: AuditRecord
    letters: Letters
    look_ups: LookUps
    complaints: Complaints
    revealing: Revealing
    rights: Rights
    exports: Exports
    kept: timedelta
    mark: Mark
    """Whether something new was written, asked once for all who look."""
    findings: Findings = field(default_factory=Findings)
