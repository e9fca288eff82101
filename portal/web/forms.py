"""A posted form: read with limits, parsed by hand, checked for where it came from.

Not multipart, not compressed, not chunked beyond the limit: a login form needs none of it.
The rule to keep: nothing is read that the headers already show to be too much or of a wrong kind.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web

from portal.web.body import CutShortError, read_at_most

LARGEST_FORM = 8192
"""Bytes. A login form sends about 200."""

_MOST_FIELDS = 20
_LONGEST_FIELD = 512
"""Characters; longer values are cut. A card number has at most 20, a token 28."""


class FormFault(StrEnum):
    """Why a form was not read."""

    TOO_LARGE = "too_large"
    WRONG_KIND = "wrong_kind"
    FOREIGN = "foreign"
    CUT_SHORT = "cut_short"


async def read_form(
    request: web.BaseRequest, own_hosts: Collection[str], *, longest_field: int = _LONGEST_FIELD
) -> Mapping[str, str] | FormFault:
    """Return the first value of each field, at most 20 fields; longer values are cut."""
    if fault := _fault_in_headers(request, own_hosts):
        return fault
    try:
        body = await read_at_most(request, LARGEST_FORM)
    except CutShortError:
        return FormFault.CUT_SHORT
    return FormFault.TOO_LARGE if body is None else parse_form(body, longest_field)


def parse_form(body: bytes, longest_field: int = _LONGEST_FIELD) -> Mapping[str, str] | FormFault:
    """Parse ``application/x-www-form-urlencoded`` as UTF-8; wrong bytes become U+FFFD."""
    try:
        pairs = parse_qsl(
            body.decode("ascii", "replace"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="replace",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError:
        return FormFault.TOO_LARGE
    return {name: value[:longest_field] for name, value in reversed(pairs)}


def _fault_in_headers(request: web.BaseRequest, own_hosts: Collection[str]) -> FormFault | None:
    if comes_from_elsewhere(request, own_hosts):
        return FormFault.FOREIGN
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        return FormFault.WRONG_KIND
    if request.content_type != "application/x-www-form-urlencoded":
        return FormFault.WRONG_KIND
    if (request.content_length or 0) > LARGEST_FORM:
        return FormFault.TOO_LARGE
    return None


def comes_from_elsewhere(request: web.BaseRequest, own_hosts: Collection[str]) -> bool:
    """Say whether a browser states that another site made it send this (Fetch Metadata, Origin).

    Old phones send neither header, and ``Origin: null`` is what browsers send from a page with
    ``Referrer-Policy: no-referrer``, ours for instance. The form token decides there.
    """
    fetch_site = request.headers.get("Sec-Fetch-Site", "none").strip().lower()
    if fetch_site not in {"same-origin", "none"}:
        return True
    origin = request.headers.get("Origin", "null").strip()
    if origin == "null":
        return False
    try:
        return (urlsplit(origin).hostname or "") not in own_hosts
    except ValueError:
        return True
