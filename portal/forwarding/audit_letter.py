"""The weekly letter about the record of look-ups, in words; and its way to the reader.

Not the counting. The rules to keep: plain text that any mail program shows; counts and the names of
staff's accounts alone; no line is longer than 78 characters (RFC 5322 section 2.1.1).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage

from portal.domain.audit_chain import Act, Reason, Whole
from portal.domain.audit_letter import ActCount, WeekOfRecord
from portal.forwarding.mail import MailNotTakenError, MailServer
from portal.services.ports.letters import LetterNotTakenError

Words = Mapping[str, str]

_SWEDISH: Words = {
    "subject": "Kvar: uppslag om besökare vecka {week}, {organisation}",
    "lead": "Uppslag om besökare på {organisation}s gästnät\nvecka {week}, {first} till {last}.",
    "none": "Ingen har slagit upp, öppnat, hämtat ut eller raderat något om någon.",
    "by_act": "Så många gånger:",
    "by_staff": "Så många gånger, efter konto, vad och varför:",
    "times": "{count} ({found} rader visade)",
    "whole": "Förteckningen är hel: ingen rad är ändrad eller borttagen.",
    "last": "Sista raden har nummer {number} och summan\n{hash}.",
    "keep": "Spara brevet. Finns raden kvar med samma summa är inget före den ändrat.",
    "broken": "VARNING: förteckningen är inte hel. Första felet finns vid rad {number}.\n"
    "Öppna Uppslag i Kvar och tala med IT.",
    "foot": "Besökare nämns inte här. Vad det gällde står i Kvar under Uppslag.",
    Act.LOOK_UP: "sökte ett kort eller en enhet i loggen",
    Act.COMPARE: "frågade om en uppkoppling var ett visst kort",
    Act.REVEAL: "öppnade ett förseglat kortnummer",
    Act.ACCESS: "visade någon vad som finns om dem",
    Act.ERASE: "raderade det som fanns om någon",
    Act.EXPORT: "hämtade ut en lista",
    Act.COMPLAINT: "svarade på en anmälan om missbruk",
    Reason.ABUSE: "missbruk",
    Reason.AUTHORITY: "myndighet",
    Reason.OWN_REQUEST: "egen begäran",
    Reason.INCIDENT: "incident",
    Reason.FAULT: "felsökning",
}
_ENGLISH: Words = {
    "subject": "Kvar: look-ups of visitors in week {week}, {organisation}",
    "lead": "Look-ups of visitors on the guest network of {organisation}\n"
    "in week {week}, {first} to {last}.",
    "none": "Nobody has looked up, opened, taken out or deleted anything of anybody.",
    "by_act": "How often:",
    "by_staff": "How often, by account, what and why:",
    "times": "{count} ({found} rows shown)",
    "whole": "The record is whole: no row was changed or taken away.",
    "last": "Its last row has number {number} and the hash\n{hash}.",
    "keep": "Keep this letter. While that row has that hash, nothing before it was changed.",
    "broken": "WARNING: the record is not whole. The first fault is at row {number}.\n"
    "Open Look-ups in Kvar, and talk to IT.",
    "foot": "No visitor is named here. What it was about is in Kvar, under Look-ups.",
    Act.LOOK_UP: "sought a card or a device in the log",
    Act.COMPARE: "asked whether a session was a certain card",
    Act.REVEAL: "opened a sealed card number",
    Act.ACCESS: "showed somebody what is kept of them",
    Act.ERASE: "deleted what was kept of somebody",
    Act.EXPORT: "took a list out",
    Act.COMPLAINT: "answered a complaint about misuse",
    Reason.ABUSE: "misuse",
    Reason.AUTHORITY: "an authority",
    Reason.OWN_REQUEST: "own request",
    Reason.INCIDENT: "an incident",
    Reason.FAULT: "a fault",
}
WORDS: Mapping[str, Words] = {"sv": _SWEDISH, "en": _ENGLISH}
"""By language; a word that is not known stands as the record has it."""


@dataclass(frozen=True, slots=True)
class AuditMail:
    """Implements services.ports.letters.LetterBox. ``language`` is the organisation's."""

    server: MailServer
    sender: str
    recipient: str
    organisation: str
    language: str

    async def post(self, told: WeekOfRecord) -> None:
        """See services.ports.letters.LetterBox."""
        letter = to_letter(told, self.organisation, WORDS[self.language])
        letter["From"], letter["To"] = self.sender, self.recipient
        try:
            await self.server.deliver(letter)
        except MailNotTakenError as problem:
            raise LetterNotTakenError(str(problem)) from problem


def to_letter(told: WeekOfRecord, organisation: str, words: Words) -> EmailMessage:
    """Return the letter, without sender and recipient."""
    letter = EmailMessage()
    name, week = " ".join(organisation.split()), f"{told.week:%G-W%V}"
    letter["Subject"] = words["subject"].format(week=week, organisation=name)
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answer comes back
    letter["X-Kvar-Week"] = week
    lead = words["lead"].format(
        organisation=name, week=week, first=told.week, last=_sunday(told.week)
    )
    parts = [lead, "\n".join(_counts(told, words)), "\n".join(_verdict(told, words)), words["foot"]]
    letter.set_content("\n\n".join(parts) + "\n")
    return letter


def _counts(told: WeekOfRecord, words: Words) -> Iterator[str]:
    if not told.counts:
        yield words["none"]
        return
    acts: dict[str, list[ActCount]] = defaultdict(list)
    staff: dict[str, list[ActCount]] = defaultdict(list)
    for one in told.counts:
        acts[one.act].append(one)
        staff[one.by].append(one)
    yield words["by_act"]
    for act, ones in acts.items():
        yield f"  {words.get(act, act)}: {_times(ones, words)}"
    yield ""
    yield words["by_staff"]
    for by, ones in sorted(staff.items()):
        yield f"  {by}"
        for one in ones:
            why = words.get(one.reason, one.reason)
            yield f"    {words.get(one.act, one.act)}\n      {why}: {_times([one], words)}"


def _times(ones: list[ActCount], words: Words) -> str:
    count, found = sum(one.times for one in ones), sum(one.found for one in ones)
    return words["times"].format(count=count, found=found)


def _verdict(told: WeekOfRecord, words: Words) -> Iterator[str]:
    verdict = told.verdict
    if not isinstance(verdict, Whole):
        yield words["broken"].format(number=verdict.number)
        return
    yield words["whole"]
    if verdict.rows:
        yield words["last"].format(number=verdict.last_number, hash=verdict.last.hex())
        yield words["keep"]


def _sunday(week: date) -> date:
    return week + timedelta(days=6)
