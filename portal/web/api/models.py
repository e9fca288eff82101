"""What the API takes and gives. The OpenAPI document is made from these (openapi.py).

Not the vouchers themselves (portal/domain/voucher.py). The rule to keep: an unknown key is an
error, a moment has its offset from UTC, and what is given says null where there is nothing.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from portal.domain import voucher as limits
from portal.domain.api_token import Scope
from portal.domain.voucher import VoucherState

SERIAL = r"[A-Z]{1,4}-[0-9]{4}"
SERIES = r"[A-Z]{1,4}"

_MOST_HOURS = limits.LONGEST_LIFE.total_seconds() / 3600


def _in_our_time(moment: datetime) -> datetime:
    """Refuse what no calendar here can hold in every time zone; the offset is told in UTC."""
    if not 2000 <= moment.year <= 2999:
        raise ValueError("a moment between the years 2000 and 2999")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Hours = Annotated[float, Field(ge=0.1, le=_MOST_HOURS)]


class _Taken(BaseModel):
    """Read from JSON or a query: no other keys, no other kinds of values."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Given(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_mode_override="serialization"
    )


class NoQuery(_Taken):
    """Nothing is asked for."""


class AtSite(_Taken):
    """Where it is to happen."""

    site: str = Field(
        "", description="The site's id. May be left out by a token that is for one site."
    )


class AtSiteLatest(AtSite):
    """What of the latest is asked for."""

    count: int = Field(limits.DESK_LIST, ge=1, le=limits.MOST_AT_ONCE, description="How many.")


class NewVouchers(_Taken):
    """What is to be made: a preset of the site, and what differs from it; or clocks of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    preset: str | None = Field(
        None, max_length=40, description="The id of one of the site's presets. Left out: none."
    )
    count: int = Field(1, ge=1, le=limits.MOST_AT_ONCE, description="How many, all alike.")
    devices: int | None = Field(
        None, ge=1, le=limits.MOST_DEVICES, description="How many devices may use each code."
    )
    hours: Hours | None = Field(None, description="How long it lasts from the first login.")
    until: Moment | None = Field(
        None,
        description="When it ends at the latest. Without hours and until: when the library closes.",
    )
    use_before: Moment | None = Field(
        None,
        description="When the first login must have been. Left out: the preset's, or 180 days.",
    )
    starts_at: Moment | None = Field(None, description="From when on it is good. Left out: now.")
    everywhere: bool = Field(
        default=False, description="Good at every site; only by a token that is for every site."
    )


class Longer(_Taken):
    """How much time is to be added."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hours: Hours


class WhichOfSeries(_Taken):
    """What of a series is to be turned off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    only_unused: bool = Field(default=False, description="Only what nobody has used.")


class Voucher(_Given):
    """A voucher, without its code."""

    serial: str = Field(pattern=f"^{SERIAL}$", description="What it is called: it opens nothing.")
    site: str
    state: VoucherState
    preset: str | None
    devices: int = Field(description="How many devices use it.")
    most_devices: int = Field(description="How many may.")
    everywhere: bool
    made_at: AwareDatetime
    starts_at: AwareDatetime
    use_before: AwareDatetime = Field(description="For the first login only.")
    hours: float | None = Field(description="From the first login.")
    until: AwareDatetime | None
    ends_at: AwareDatetime | None = Field(description="Null until the first login.")
    revoked_at: AwareDatetime | None


class IssuedVoucher(Voucher):
    """A voucher with what opens it, where the token may see that."""

    code: str | None = Field(
        pattern="^[0-9]{10}$",
        repr=False,
        description="Ten digits to type. Null without vouchers:codes.",
    )
    link: str | None = Field(
        repr=False, description="What its QR code holds. Null without vouchers:codes."
    )


class VoucherList(_Given):
    """Vouchers, the newest first."""

    vouchers: list[Voucher]


class MadeVouchers(_Given):
    """What was made in one act, by number."""

    vouchers: list[IssuedVoucher]


class ReprintedVoucher(_Given):
    """A voucher to print: the same as before, or one that goes on with what was left."""

    voucher: IssuedVoucher
    replaces: str | None = Field(description="The serial of the used one, which is off now.")


class RevokedSeries(_Given):
    """How many vouchers of a series were turned off."""

    series: str
    revoked: int


class TokenFacts(_Given):
    """What a token may do."""

    name: str
    scopes: list[Scope]
    sites: list[str] = Field(description="Its sites among those that there are.")
    expires_at: AwareDatetime


class Fault(_Given):
    """One thing wrong with what was sent."""

    pointer: str = Field(description="Where: a JSON pointer (RFC 6901), or a query's name.")
    detail: str


class ProblemDetails(_Given):
    """Why it was not done (RFC 9457)."""

    type: str = Field(description="about:blank: the status says what kind it is.")
    title: str
    status: int
    code: str = Field(description="What programs look at; its text never changes.")
    detail: str = Field(description="What people read.")
    faults: list[Fault]
