"""What a returning guest is told: why the last connection ended, and what to do now.

The rule to keep: who came by a code is never told to check a card.
"""

from portal.domain.session import EndReason, Ground
from portal.services.outcomes import Captive

_NEXT = {EndReason.CLOSING_TIME: "next.closing_time"}
_NEXT_BY_LOG_IN = {
    EndReason.REPLACED: "next.replaced",
    EndReason.REVOKED: "next.revoked",
}
_OF_A_CODE = {
    EndReason.TIME_LIMIT: "why.code.time_limit",
    EndReason.REPLACED: "why.code.replaced",
    EndReason.REVOKED: "code.revoked",
}
"""These say what to do themselves."""


def notice(standing: Captive, end: EndReason | None, *, press: bool = False) -> tuple[str, ...]:
    """Return the texts for a device whose last connection ended so.

    ``press``: one press on "continue" takes it up again; otherwise it takes a log-in.
    """
    if end is None:
        return ()
    if end is EndReason.LOGGED_OUT:
        return ("signedout",)
    if standing.last_ground is Ground.VOUCHER and not press and end in _OF_A_CODE:
        return (_OF_A_CODE[end],)
    ways = {**_NEXT, **_NEXT_BY_LOG_IN} if not press else _NEXT
    usual = "next.continue" if press else "next.log_in"
    return (f"why.{end.value}", ways.get(end, usual))
