"""PURE: a fault report as the organisation's ticket system gets it: a JSON object, or a letter.

Not the way there. The rules to keep: fields are fixed, and a new one gets a new VERSION; no text of
a desk can become a header or another field.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from email.message import EmailMessage

from portal.services.ports.fault_reports import Untold

VERSION = 1

SIGNATURE_HEADER = "X-Kvar-Signature"


def to_json(untold: Untold, organisation: str, site_name: str) -> bytes:
    """Return the body of the webhook."""
    ticket, report = untold.ticket, untold.ticket.report
    document = {
        "version": VERSION,
        "event": "reminder" if untold.reminder else "reported",
        "organisation": organisation,
        "number": ticket.number,
        "site": report.site_id,
        "site_name": site_name,
        "kind": report.kind.value,
        "words": report.words,
        "status": ticket.status.value,
        "reported_at": report.at.astimezone(UTC).isoformat(),
        "reported_by": report.by,
        "facts": dict(report.facts),
    }
    return json.dumps(document, ensure_ascii=False).encode()


def sign(body: bytes, secret: bytes, now: datetime) -> str:
    """Return the header that proves the body ours and fresh: HMAC-SHA-256 over time and body."""
    stamp = str(int(now.timestamp()))
    proof = hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={proof}"


def to_letter(untold: Untold, names: tuple[str, str], sender: str, recipient: str) -> EmailMessage:
    """Return the letter; ``names`` are the organisation's and the site's."""
    ticket, report = untold.ticket, untold.ticket.report
    letter = EmailMessage()
    again = "Påminnelse: " if untold.reminder else ""
    letter["From"], letter["To"] = sender, recipient
    letter["Subject"] = f"{again}Kvar {ticket.number}: {report.kind.value}, {_line(names[1])}"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answer comes back
    letter["X-Kvar-Number"] = str(ticket.number)
    letter["X-Kvar-Event"] = "reminder" if untold.reminder else "reported"
    facts = [
        f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in report.facts.items()
    ]
    lines = [
        f"number: {ticket.number}",
        f"event: {letter['X-Kvar-Event']}",
        f"organisation: {_line(names[0])}",
        f"site: {report.site_id} ({_line(names[1])})",
        f"kind: {report.kind.value}",
        f"reported_at: {report.at.astimezone(UTC).isoformat()}",
        f"reported_by: {report.by}",
        f"words: {_line(report.words)}",
        *facts,
    ]
    letter.set_content("\n".join(lines) + "\n")
    return letter


def _line(text: str) -> str:
    return " ".join(text.split())
