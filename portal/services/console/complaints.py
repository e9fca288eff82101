"""Answering a complaint about an address: who was connected then, and how sure that is.

Not a look-up of a person: connections go by the log's names. The rule to keep: no answer that is
not in the record, "cannot be determined" included. An answer counts everybody who was connected,
whoever asks: a public address may be every library's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from portal.domain.audit_chain import Act
from portal.domain.complaint import MOST_CANDIDATES, Complaint, Confidence, Found, Noted, judge
from portal.domain.identity import SiteId
from portal.domain.privacy import PrivacyLevel
from portal.domain.session_log import written_span
from portal.services.console.look_ups import Auditing, Why
from portal.services.ports.address_log import AddressLog
from portal.services.ports.session_log import LoggedSession, SessionLog

_TELLING = {
    Confidence.EXACT,
    Confidence.PORT,
    Confidence.PART,
    Confidence.ONE,
    Confidence.CANDIDATES,
}


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
    noted: Noted = Noted.NO
    is_whole: bool = True
    """Whether no visit of that time can be missing: not written down, or erased since."""

    @property
    def elsewhere(self) -> int:
        """How many are counted but not listed, since they were at others' libraries."""
        return self.found - len(self.sessions) if self.confidence in _TELLING else 0


@dataclass(frozen=True, slots=True)
class Complaints:
    """``kept``: how long connections are kept; ``levels``: what each site writes down."""

    log: SessionLog
    addresses: AddressLog
    auditing: Auditing
    kept: timedelta
    levels: Collection[PrivacyLevel] = ()

    @property
    def keeps_addresses(self) -> bool:
        """Whether any site notes which ports and addresses devices had."""
        return any(level.keeps_addresses for level in self.levels)

    async def answer(
        self, complaint: Complaint, sites: Sequence[SiteId] | None, why: Why, now: datetime
    ) -> Answer:
        """Answer, and list who was at these sites; None: at all there ever were.

        Raises:
            DatabaseUnavailableError: it was not written down, and nothing is said.
        """
        most = MOST_CANDIDATES + 1
        found, noted = await self._who_had(complaint)
        if noted is Noted.NO:
            found = await self.log.at(complaint.since, complaint.until, None, most)
        is_whole = all(level.keeps_visits for level in self.levels) and (
            await self.addresses.is_whole(complaint.since)
        )
        confidence = judge(complaint, Found(len(found), noted, is_whole), self.kept, now)
        port = "" if complaint.port is None else f" port {complaint.port}"
        span = written_span(complaint.since, complaint.until)
        about = f"{complaint.address}{port} {span} {confidence}"
        own = [one for one in found if sites is None or one.site_id in sites]
        told = own if confidence in _TELLING else []
        await self.auditing.write(why, Act.COMPLAINT, about, len(told), now)
        return Answer(complaint, why.case_number, confidence, len(found), told, noted, is_whole)

    async def _who_had(self, complaint: Complaint) -> tuple[Sequence[LoggedSession], Noted]:
        """Return who is noted to have had the port or the address."""
        had = await self.addresses.had(complaint, MOST_CANDIDATES + 1)
        sessions = [
            await self.log.find(started_at, session_id)
            for session_id, started_at in {one.session_id: one.started_at for one in had}.items()
        ]
        found = [one for one in sessions if one is not None]
        if not found:
            return [], Noted.NO
        if not any(one.is_throughout for one in had):
            return found, Noted.PART
        return found, Noted.ALL if all(one.is_certain for one in had) else Noted.PORT
