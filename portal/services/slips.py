"""Puts a voucher on a slip: what its holder reads, in local time.

Not the layout (portal/slips) and not the words. The rule to keep: the code and the token go onto
the slip as secrets, and nowhere else.
"""

from zoneinfo import ZoneInfo

from portal.domain.identity import Secret
from portal.domain.site import Site
from portal.domain.slip import FixedEnd, Length, Slip, SlipPlace, ToClosing, Today, Validity
from portal.domain.voucher import Voucher
from portal.domain.voucher_code import written_code
from portal.services.voucher_orders import IssuedVoucher


def slip_of(issued: IssuedVoucher, site: Site, place: SlipPlace) -> Slip:
    """Return the slip of a voucher."""
    voucher, secrets = issued.voucher, issued.slip
    return Slip(
        library=site.name,
        network=place.network,
        code=Secret(written_code(secrets.code.reveal())),
        login_url=Secret(f"{place.origin}/v/{secrets.token.reveal()}"),
        short_address=place.short_address,
        validity=_validity(voucher, site, ZoneInfo(place.time_zone)),
        devices=voucher.most_devices,
        serial=str(voucher.serial),
        privacy_line=place.privacy_line,
    )


def _validity(voucher: Voucher, site: Site, zone: ZoneInfo) -> Validity:
    until = voucher.ends_at or voucher.lasts.until
    if until is not None:
        return FixedEnd(until.astimezone(zone))
    day = voucher.use_before.astimezone(zone).date()
    if voucher.lasts.length is not None:
        return Length(voucher.lasts.length, day)
    if voucher.use_before <= site.end_of_day(voucher.made_at):
        closes_at = site.opening_hours.closes_at(voucher.made_at) if site.opening_hours else None
        if closes_at is not None:
            return Today(closes_at.astimezone(zone))
    return ToClosing(day)
