"""Taking a list out of the log: a reason, a file that is made by the way, and its fetching.

The rule to keep: what a file holds is what the list shows, under the same names; the file's name
and page say that it is under secrecy.
"""

from dataclasses import replace

from aiohttp import web

from portal.domain.audit_chain import LONGEST_CASE, Reason
from portal.domain.log_table import COLUMNS, MOST_ROWS, LogWords
from portal.domain.session import Ground
from portal.domain.session_log import OUTCOMES, written_span
from portal.services.console.exports import Export, ExportWish, Format
from portal.services.console.look_ups import LookUpRefusal, Why, read_why
from portal.web.staff import answers
from portal.web.staff.asked import BY_ITSELF, asked
from portal.web.staff.errors import FieldError
from portal.web.staff.log import asked_of, filter_of, telling, worded, zone_of
from portal.web.staff.log_address import Asked, exact_text, narrowing, write_asked
from portal.web.staff.log_look_up import FIELDS
from portal.web.staff.staff_site import StaffSite
from portal.web.staff.visit import Visit

_MOST = f"{MOST_ROWS:,}".replace(",", "\N{NO-BREAK SPACE}")

_TYPES = {Format.CSV: "text/csv", Format.JSON_LINES: "application/jsonl"}


async def export_page(site: StaffSite, visit: Visit) -> web.Response:
    """Show the form; or, with ``?job=``, how far an export is."""
    if not asked(visit, "job"):
        return _form(site, visit, asked_of(site, visit))
    job = _job(site, visit)
    if job is None:
        return site.go("/log")
    response = site.render("log-export", visit, job=job, most=_MOST, **telling(site, visit))
    if not job.is_over:
        response.headers["Refresh"] = f"1; url=/log/export?job={job.id}&{BY_ITSELF}=1"
    return response


async def begin(site: StaffSite, visit: Visit) -> web.Response:
    """Begin an export, and lead to its page."""
    fields = visit.fields
    question = asked_of(site, visit, fields)
    why = read_why(visit.me.account.name, fields.get("why", ""), fields.get("case", ""))
    if isinstance(why, LookUpRefusal):
        return _form(site, visit, question, FieldError(FIELDS[why], visit.language.text(why.value)))
    wish = _wish(site, visit, question, why)
    if wish is None:
        return site.go("/log")
    job = site.console.exports.begin(wish)
    if job is None:
        return site.render("message", visit, 503, key="exporting")
    return site.go(f"/log/export?job={job.id}")


async def file(site: StaffSite, visit: Visit) -> web.StreamResponse:
    """Hand the file over, as it is read."""
    job = _job(site, visit)
    if job is None or job.done_at is None:
        return site.go("/log")
    name = f"kvar-log-sekretess-osl-40-3-{job.done_at:%Y%m%dT%H%M}.{job.wish.format}"
    headers = answers.download_headers(_TYPES[job.wish.format], name)
    headers["Content-Length"] = str(site.console.exports.size(job))
    response = web.StreamResponse(headers=headers)
    await response.prepare(visit.request)
    if visit.request.method != "HEAD":
        async for chunk in site.console.exports.read(job):
            await response.write(chunk)
    return response


def _wish(site: StaffSite, visit: Visit, question: Asked, why: Why) -> ExportWish | None:
    wanted = filter_of(site, visit, question)
    if wanted is None:
        return None
    # Only what was checked may stand in the record: a finding makes the name one that nobody read,
    # and no refusal is in this list.
    which = {"found": "yes"} if question.finding else {"name": question.name}
    told = narrowing(replace(question, reason=None)) | which
    parts = [f"{name}={text}" for name, text in told.items() if text]
    chosen = visit.fields.get("format")
    return ExportWish(
        account=visit.me.account.id,
        wanted=wanted,
        format=Format.JSON_LINES if chosen == Format.JSON_LINES else Format.CSV,
        why=why,
        about=" ".join([written_span(wanted.since, wanted.until), *parts]),
        words=_words(site, visit),
        zone=zone_of(site),
    )


def _words(site: StaffSite, visit: Visit) -> LogWords:
    return LogWords(
        heads={column: visit.language.text(f"export.head.{column}") for column in COLUMNS},
        grounds={ground: worded(visit, "log.ground", ground) for ground in Ground},
        outcomes={one: worded(visit, "log.outcome", one) for one in OUTCOMES},
        sites={one.id: one.name for one in site.settings.sites.values()},
    )


def _form(
    site: StaffSite, visit: Visit, question: Asked, error: FieldError | None = None
) -> web.Response:
    zone = zone_of(site)
    hidden = narrowing(replace(question, reason=None)) | {
        "from": exact_text(question.since, zone),
        "to": exact_text(question.until, zone),
        "name": question.name,
        "finding": question.finding,
    }
    values = {
        "job": None,
        "hidden": {name: text for name, text in hidden.items() if text},
        "asked": question,
        "back_to_list": write_asked("/log", replace(question, after=""), zone),
        "formats": [one.value for one in Format],
        "reasons": [reason.value for reason in Reason],
        "longest_case": LONGEST_CASE,
        "given": visit.fields,
        "most": _MOST,
        "error": error,
        **telling(site, visit),
    }
    return site.render("log-export", visit, 200 if error is None else 400, **values)


def _job(site: StaffSite, visit: Visit) -> Export | None:
    return site.console.exports.find(asked(visit, "job"), visit.me.account.id)
