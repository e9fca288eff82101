"""The list of vouchers that staff take out: one row a voucher, in words and local times.

Not the file format (spreadsheet.py). The rule to keep: no person and no device is in it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from portal.domain.spreadsheet import to_csv
from portal.domain.voucher import Lasts, Voucher, VoucherState


@dataclass(frozen=True, slots=True)
class TableWords:
    """The words of the table; these are English, a page may bring its own."""

    serial: str = "serial"
    code: str = "code"
    state: str = "state"
    devices: str = "devices"
    places: str = "places"
    made: str = "made"
    use_before: str = "use before"
    lasts: str = "lasts"
    ends: str = "ends"
    hours: str = "{hours} h"
    until: str = "until {moment}"
    to_closing: str = "to closing"
    states: Mapping[VoucherState, str] = field(
        default_factory=lambda: {state: state.value.replace("_", " ") for state in VoucherState}
    )


def voucher_table(
    vouchers: Iterable[tuple[Voucher, str]], now: datetime, zone: tzinfo, words: TableWords
) -> str:
    """Return CSV of vouchers, each with its code as written ("" where it is not told)."""
    heads = [words.serial, words.code, words.state, words.devices, words.places]
    heads += [words.made, words.use_before, words.lasts, words.ends]
    rows = [_row(voucher, code, now, zone, words) for voucher, code in vouchers]
    return to_csv([heads, *rows])


def _row(voucher: Voucher, code: str, now: datetime, zone: tzinfo, words: TableWords) -> list[str]:
    return [
        str(voucher.serial),
        code,
        words.states[voucher.state(now)],
        str(voucher.devices),
        str(voucher.most_devices),
        _moment(voucher.made_at, zone),
        _moment(voucher.use_before, zone),
        _lasts(voucher.lasts, zone, words),
        "" if voucher.ends_at is None else _moment(voucher.ends_at, zone),
    ]


def _lasts(lasts: Lasts, zone: tzinfo, words: TableWords) -> str:
    parts = []
    if lasts.length is not None:
        parts.append(words.hours.format(hours=f"{lasts.length / timedelta(hours=1):g}"))
    if lasts.until is not None:
        parts.append(words.until.format(moment=_moment(lasts.until, zone)))
    return ", ".join(parts) or words.to_closing


def _moment(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
