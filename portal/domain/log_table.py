"""PURE: a session of the log as a row of a table, for spreadsheets and for programs.

Not the file formats (spreadsheet.py; JSON is the standard library's). The rule to keep: guests and
devices go by the log's names, as on its pages.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from portal.domain.session_log import Named, name_of

MOST_ROWS = 1_000_000
"""A spreadsheet holds 1,048,576."""

COLUMNS = (
    *("began", "ended", "site", "ground", "outcome", "guest", "device", "seconds"),
    *("upload_bytes", "download_bytes", "extensions", "id", "access_point"),
)


@dataclass(frozen=True, slots=True)
class LogRow:
    """A session; ``ended`` None: it runs still. ``outcome`` is a word of ours."""

    began: datetime
    ended: datetime | None
    site: str
    access_point: str
    """Empty: none, or not known."""
    ground: str
    outcome: str
    device_trace: bytes = field(repr=False)
    guest_trace: bytes | None = field(repr=False)
    upload_bytes: int
    download_bytes: int
    extensions: int
    id: str


@dataclass(frozen=True, slots=True)
class LogWords:
    """The words of a table. ``grounds`` and ``outcomes`` by our own words, ``sites`` by id."""

    heads: Mapping[str, str]
    grounds: Mapping[str, str]
    outcomes: Mapping[str, str]
    sites: Mapping[str, str]


def heads(words: LogWords, zone: tzinfo) -> list[str]:
    """Return the first line; moments say in which zone they are."""
    named = {"began", "ended"}
    return [f"{words.heads[c]} ({zone})" if c in named else words.heads[c] for c in COLUMNS]


def cells(row: LogRow, words: LogWords, zone: tzinfo) -> list[str]:
    """Return a line of the table."""
    guest = "" if row.guest_trace is None else name_of(Named.GUEST, row.guest_trace)
    return [
        _local(row.began, zone),
        "" if row.ended is None else _local(row.ended, zone),
        words.sites.get(row.site, row.site),
        words.grounds.get(row.ground, row.ground),
        words.outcomes.get(row.outcome, row.outcome),
        guest,
        name_of(Named.DEVICE, row.device_trace),
        "" if row.ended is None else str(_seconds(row)),
        *(str(row.upload_bytes), str(row.download_bytes), str(row.extensions), row.id),
        row.access_point,
    ]


def json_line(row: LogRow, zone: tzinfo) -> str:
    """Return one object on a line (JSON Lines): our own words, moments with their offset."""
    told = {
        "began": row.began.astimezone(zone).isoformat(),
        "ended": None if row.ended is None else row.ended.astimezone(zone).isoformat(),
        "site": row.site,
        "access_point": row.access_point or None,
        "ground": row.ground,
        "outcome": row.outcome,
        "guest": None if row.guest_trace is None else name_of(Named.GUEST, row.guest_trace),
        "device": name_of(Named.DEVICE, row.device_trace),
        "seconds": _seconds(row),
        "upload_bytes": row.upload_bytes,
        "download_bytes": row.download_bytes,
        "extensions": row.extensions,
        "id": row.id,
    }
    return json.dumps(told) + "\n"


def _seconds(row: LogRow) -> int | None:
    return None if row.ended is None else int((row.ended - row.began).total_seconds())


def _local(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
