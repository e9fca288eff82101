"""Answering a complaint about an address: who was connected then, and how sure that is.

Not a look-up of a person: connections go by the log's names. The rule to keep: no answer that is
not in the record, "cannot be determined" included. An answer counts everybody who was connected,
whoever asks: a public address may be every library's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.audit_chain import Act
from portal.domain.complaint import MOST_CANDIDATES, Complaint, Confidence, judge
from portal.domain.identity import SiteId
from portal.domain.session_log import written_span
from portal.services.console.look_ups import Auditing, Why
from portal.services.ports.session_log import LoggedSession, SessionLog


@dataclass(frozen=True, slots=True)
class Answer:
    """What is told. ``sessions`` are empty where a list would tell nothing.

    ``found`` counts those of every library, ``sessions`` are of the asker's own.
    """

    complaint: Complaint
    case_number: str
    confidence: Confidence
    found: int
    sessions: Sequence[LoggedSession] = field(repr=False)

    @property
    def elsewhere(self) -> int:
        """How many are counted but not listed, since they were at others' libraries."""
        tells = self.confidence in {Confidence.ONE, Confidence.CANDIDATES}
        return self.found - len(self.sessions) if tells else 0


@dataclass(frozen=True, slots=True)
class Complaints:
    """``kept``: how long connections are kept."""

    log: SessionLog
    auditing: Auditing
    kept: timedelta

    async def answer(
        self, complaint: Complaint, sites: Sequence[SiteId] | None, why: Why, now: datetime
    ) -> Answer:
        """Answer, and list who was at these sites; None: at all there ever were.

        Raises:
            DatabaseUnavailableError: it was not written down, and nothing is said.
        """
        most = MOST_CANDIDATES + 1
        found = await self.log.at(complaint.since, complaint.until, None, most)
        confidence = judge(complaint, len(found), self.kept, now)
        tells = confidence in {Confidence.ONE, Confidence.CANDIDATES}
        port = "" if complaint.port is None else f" port {complaint.port}"
        span = written_span(complaint.since, complaint.until)
        about = f"{complaint.address}{port} {span} {confidence}"
        own = [one for one in found if sites is None or one.site_id in sites]
        told = own if tells else []
        await self.auditing.write(why, Act.COMPLAINT, about, len(told), now)
        return Answer(complaint, why.case_number, confidence, len(found), told)
