"""What a person may ask for: somebody shows a card, a code or a device, and is shown what is kept.

Not a look-up of somebody who is not here. The rules to keep: what was typed travels in a form only
and is not given back; what was found is its finder's for ten minutes; deleting takes the password.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.identity import Secret, SiteId
from portal.domain.spreadsheet import to_csv
from portal.services.console.findings import Finding
from portal.services.console.look_ups import LookUpRefusal, read_why
from portal.services.console.rights import Found, RightsRefusal
from portal.services.ports.rights import Erased, KeptRow, Shown
from portal.services.ports.session_log import LoggedEvent
from portal.web.staff import answers
from portal.web.staff.asked import asked
from portal.web.staff.confirmation import confirmed
from portal.web.staff.errors import FieldError
from portal.web.staff.log import leave_screen, worded, zone_of
from portal.web.staff.log_look_up import FIELDS
from portal.web.staff.log_session import told as told_of
from portal.web.staff.measures import amount, stamp
from portal.web.staff.refusals import refuse
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

COLUMNS = (
    *("at", "started_at", "ended_at", "ends_at", "last_used_at", "site", "ground", "end_reason"),
    *("what", "outcome", "label", "number", "serial", "device", "guest", "address", "ports"),
    *("access_point", "upload_bytes", "download_bytes", "extensions"),
)
"""Of the page, in this order; whatever else a row says is in the file."""


FIRST = ("session", "event", "remembered_device", "voucher", "sealed_identity")
"""What people ask for most; the rest follows."""

NOT_IN_HERE = ("record", "backups", "collector", "levels")


async def rights_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form; or what was found, or deleted, just now."""
    finding = _finding(site, visit, asked(visit, "finding"))
    if finding is None:
        return _form(site, visit)
    response = _found(site, visit, asked(visit, "finding"), finding.value)
    leave_screen(response, finding, visit.now, "/rights")
    return response


async def access(site: StaffSite, visit: Visit) -> web.Response:
    """Find all that is kept, and write down who does, and why."""
    if visit.me.account.sites is not None:  # what is kept is every library's
        return await refuse(site, visit)
    fields = visit.fields
    why = read_why(visit.me.account.name, fields.get("reason", ""), fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return _refused(site, visit, FIELDS[why], why.value)
    what = fields.get("what", "")
    shown = Shown(what) if what in set(Shown) else Shown.CARD
    found = await site.console.rights.access(Secret(fields.get("typed", "")), shown, why, visit.now)
    if isinstance(found, RightsRefusal | LookUpRefusal):
        return _refused(site, visit, "typed", found.value)
    word = site.console.findings.keep(visit.me.account.id, found, visit.now)
    return site.go(f"/rights?finding={word}")


async def file(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Hand over what was found, for the person to take along."""
    finding = _finding(site, visit, asked(visit, "finding"))
    if finding is None or not isinstance(finding.value, Found):
        return site.go("/rights")
    found = finding.value
    name = f"kvar-{visit.now:%Y%m%d-%H%M}"
    if asked(visit, "format") == "csv":
        table = _spreadsheet(site, visit, found)
        return answers.download(table.encode(), "text/csv", f"{name}.csv")
    data: dict[str, list[object]] = defaultdict(list)
    for row in found.rows:
        data[row.kind].append(row.says)
    told = {
        "organisation": site.settings.organisation,
        "made_at": visit.now.isoformat(),
        "shown": found.shown.value,
        "case_number": found.why.case_number,
        "kept": data,
        "weeks_without_key": [f"{week:%G-W%V}" for week in found.lost],
        "not_in_here": [visit.language.text(f"rights.not.{one}") for one in NOT_IN_HERE],
    }
    body = json.dumps(told, ensure_ascii=False, indent=1).encode()
    return answers.download(body, "application/json", f"{name}.json")


def _spreadsheet(site: StaffSite, visit: Visit, found: Found) -> str:
    """Return the same as a table: a row a thing that is kept, in plain words.

    Times are of the organisation's zone, which is named; amounts are in octets. What has no column
    of its own is in the last.
    """
    text, cell = visit.language.text, _cells(site, visit)
    head = [text("rights.csv.kind"), *(text(f"rights.column.{one}") for one in COLUMNS)]
    rows = [
        [
            text(f"rights.kind.{row.kind}"),
            *(
                str(row.says.get(one, "")) if one.endswith("_bytes") else cell(one, row)
                for one in COLUMNS
            ),
            "; ".join(f"{key}: {row.says[key]}" for key in row.says if key not in COLUMNS),
        ]
        for row in sorted(found.rows, key=_order)
    ]
    about = [
        [site.settings.organisation],
        [text(f"rights.of.{found.shown}")],
        [text("rights.csv.made"), stamp(visit.now, zone_of(site)), zone_of(site).key],
        [text("lookup.case"), found.why.case_number],
    ]
    missing = [[text("rights.not.h2")], *([text(f"rights.not.{one}")] for one in NOT_IN_HERE)]
    missing += [[_week(visit, first, last)] for first, last in _weeks(found)]
    return to_csv([*about, [], [*head, text("rights.csv.more")], *rows, [], *missing])


def _weeks(found: Found) -> list[tuple[datetime, datetime]]:
    return [(week, week + timedelta(days=6)) for week in found.lost]


def _week(visit: Visit, first: datetime, last: datetime) -> str:
    return visit.language.text(
        "rights.not.week", first=f"{first:%Y-%m-%d}", last=f"{last:%Y-%m-%d}"
    )


async def erase(site: StaffSite, visit: Visit) -> web.Response:
    """Delete what was found."""
    word = visit.fields.get("finding", "")
    finding = _finding(site, visit, word)
    if finding is None or not isinstance(finding.value, Found):
        return site.go("/rights")
    if visit.me.account.sites is not None:
        return await refuse(site, visit)
    wrong = await confirmed(site, visit)
    if wrong is not None:
        response = _found(site, visit, word, finding.value, wrong)
        leave_screen(response, finding, visit.now, "/rights")
        return response
    erased = await site.console.rights.erase(finding.value, visit.now)
    done = site.console.findings.keep(visit.me.account.id, erased, visit.now)
    return site.go(f"/rights?finding={done}")


def _finding(site: StaffSite, visit: Visit, word: str) -> Finding | None:
    found = site.console.findings.find(word, visit.me.account.id, visit.now) if word else None
    return found if found is not None and isinstance(found.value, Found | Erased) else None


def _form(site: StaffSite, visit: Visit, error: FieldError | None = None) -> web.Response:
    values = {
        "shown": list(Shown),
        "reasons": [reason.value for reason in Reason],
        "longest_case": LONGEST_CASE,
        "given": {"reason": Reason.OWN_REQUEST.value, **visit.fields},
        "everywhere": visit.me.account.sites is None,
        "error": error,
    }
    return site.render("rights", visit, 200 if error is None else 400, **values)


def _refused(site: StaffSite, visit: Visit, field: str, text: str) -> web.Response:
    return _form(site, visit, FieldError(field, visit.language.text(text)))


def _found(
    site: StaffSite,
    visit: Visit,
    word: str,
    value: object,
    wrong: tuple[FieldError | None, int] = (None, 200),
) -> web.Response:
    error, status = wrong
    if isinstance(value, Erased):
        return site.render("rights-erased", visit, told=value.told, put_out=len(value.put_out))
    if not isinstance(value, Found):
        return site.go("/rights")
    ordered = sorted(value.rows, key=_order)  # in itself it stays by time
    tables = [_table(kind, list(rows)) for kind, rows in groupby(ordered, lambda one: one.kind)]
    values = {
        "found": value,
        "word": word,
        "tables": tables,
        "cell": _cells(site, visit),
        "weeks": [_week(visit, first, last) for first, last in _weeks(value)],
        "not_in_here": NOT_IN_HERE,
        "error": error,
    }
    return site.render("rights-found", visit, status, **values)


def _order(row: KeptRow) -> int:
    return FIRST.index(row.kind) if row.kind in FIRST else len(FIRST)


def _table(kind: str, rows: Sequence[KeptRow]) -> tuple[str, list[str], Sequence[KeptRow]]:
    """Return a kind's rows, with those columns that any of them fills."""
    return kind, [one for one in COLUMNS if any(one in row.says for row in rows)], rows


def _cells(site: StaffSite, visit: Visit) -> Callable[[str, KeptRow], str]:
    """Return what tells a row's column in plain words, where there are any."""
    zone, language = zone_of(site), visit.language

    def place(text: str) -> str:
        known = site.site(SiteId(text))
        return known.name if known is not None else text

    def moment(text: str) -> str:
        return stamp(datetime.fromisoformat(text), zone)

    told: dict[str, Callable[[str], str]] = {
        "site": place,
        "ground": lambda text: worded(visit, "log.ground", text),
        "end_reason": lambda text: worded(visit, "log.outcome", text),
        "upload_bytes": lambda text: amount(int(text), language),
        "download_bytes": lambda text: amount(int(text), language),
        **dict.fromkeys(("at", "started_at", "ended_at", "ends_at", "last_used_at"), moment),
    }

    def cell(column: str, row: KeptRow) -> str:
        value = row.says.get(column)
        if value is None:
            return ""
        if column == "what":
            detail = {key: str(text) for key, text in row.says.items()}
            return told_of(visit, LoggedEvent(row.at, 0, str(value), SiteId(""), detail))
        return told.get(column, str)(str(value))

    return cell
