"""Every page and state of the guest site, by name: what the fake says, and how to get there.

Shared by the browser tests and by gallery.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from portal.domain.privacy import PrivacyLevel
from portal.domain.returning import RememberedDevice
from portal.domain.session import EndReason, Ground
from portal.domain.site import LoginMethod
from portal.services.outcomes import RefusalReason, Refused
from tests.portal.web.portal_under_test import (
    DAY_CODE,
    FORM,
    LIBRARY,
    LOGON,
    NOW,
    TOKEN,
    FakeGuest,
    make_notice,
    make_offer,
    make_remembered,
    make_session,
    passage_of,
    via,
)

GOOD_CARD = ("20000000000001", "1234")


@dataclass(frozen=True)
class State:
    """``path`` is opened; then the form that is named is sent with these fields."""

    guest: Callable[[], FakeGuest]
    path: str = "/"
    press: str = ""
    """The action of the form to send, empty for none."""
    fields: Mapping[str, str] = field(default_factory=dict)


def _refused(refusal: Refused) -> State:
    fields = {"card": GOOD_CARD[0], "pin": "0000"}
    return State(lambda: FakeGuest(refusal=refusal), press="/card", fields=fields)


def _code(refusal: Refused | None = None, code: str = "408512") -> State:
    guest = lambda: FakeGuest(refusal=refusal)  # noqa: E731 - a state is made anew each time
    return State(guest, "/code", press="/code", fields={"code": code})


def _vouchers(**changes: object) -> Callable[[], FakeGuest]:
    library = replace(LIBRARY, login_methods=(LoginMethod.CARD, LoginMethod.CODE))
    guest = lambda: FakeGuest(library=library)  # noqa: E731 - a state is made anew each time
    return lambda: replace(guest(), **changes)  # type: ignore[arg-type]


def _voucher(refusal: Refused) -> State:
    fields = {"code": "408 512 7731"}
    return State(_vouchers(refusal=refusal), "/code", press="/code", fields=fields)


def _ended_code(end: EndReason) -> Callable[[], FakeGuest]:
    return _vouchers(last_end=end, last_ground=Ground.VOUCHER)


def _site(method: LoginMethod) -> Callable[[], FakeGuest]:
    return lambda: FakeGuest(library=replace(LIBRARY, login_methods=(method,)))


def _at_level(level: PrivacyLevel) -> Callable[[], FakeGuest]:
    return lambda: FakeGuest(library=replace(LIBRARY, privacy=level))


def _online(
    *,
    can_extend: bool = False,
    remembered: tuple[RememberedDevice, ...] = (),
    **changes: object,
) -> Callable[[], FakeGuest]:
    library = replace(LIBRARY, time_limit=timedelta(hours=1)) if can_extend else LIBRARY
    return lambda: FakeGuest(
        library=library,
        session=make_session(**changes),
        can_extend=can_extend,
        remembered=remembered,
    )


_CHILLI = via(passage_of(told=LOGON))
_SOON = NOW + timedelta(minutes=4)
_CLOSING = EndReason.CLOSING_TIME

STATES: Mapping[str, State] = {
    "login": State(FakeGuest),
    "wrong-pin": _refused(Refused(RefusalReason.CREDENTIALS_WRONG, attempts_left=3, wait_s=60)),
    "card-empty": State(FakeGuest, press="/card"),
    "card-format": _refused(
        Refused(RefusalReason.CARD_FORMAT, expected_length=14, actual_length=12)
    ),
    "personal-number": _refused(Refused(RefusalReason.CARD_PERSONAL_NUMBER)),
    "pin-empty": _refused(Refused(RefusalReason.PIN_EMPTY)),
    "too-many-attempts": _refused(
        Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(minutes=12))
    ),
    "card-blocked": _refused(Refused(RefusalReason.CARD_BLOCKED)),
    "card-expired": _refused(Refused(RefusalReason.CARD_EXPIRED)),
    "library-system-down": _refused(Refused(RefusalReason.LIBRARY_SYSTEM_DOWN)),
    "closed": _refused(Refused(RefusalReason.CLOSED, opens_at=NOW + timedelta(hours=18))),
    "service-down": _refused(Refused(RefusalReason.SERVICE_DOWN)),
    "other-method": _refused(Refused(RefusalReason.METHOD_NOT_OFFERED)),
    "accept": State(_site(LoginMethod.ACCEPT)),
    "accept-again": State(
        lambda: replace(_site(LoginMethod.ACCEPT)(), last_end=EndReason.TIME_LIMIT)
    ),
    "open": State(_site(LoginMethod.NONE)),
    "code-only": State(_site(LoginMethod.CODE)),
    "code": State(FakeGuest, "/code"),
    "code-empty": _code(Refused(RefusalReason.CODE_EMPTY), ""),
    "code-length": _code(
        Refused(RefusalReason.CODE_LENGTH, expected_length=6, actual_length=5), "40851"
    ),
    "code-unknown": _code(Refused(RefusalReason.CODE_UNKNOWN)),
    "code-expired": _code(Refused(RefusalReason.CODE_EXPIRED, valid_until=NOW)),
    "code-full": _code(Refused(RefusalReason.CODE_FULL, devices=15)),
    "code-busy": _code(Refused(RefusalReason.CODES_BUSY)),
    "code-wait": _code(
        Refused(RefusalReason.TOO_MANY_ATTEMPTS, retry_at=NOW + timedelta(minutes=12))
    ),
    "voucher": State(_vouchers(), "/code"),
    "voucher-beside-card": State(_vouchers()),
    "voucher-typo": _voucher(Refused(RefusalReason.CODE_TYPO)),
    "voucher-length": _voucher(
        Refused(RefusalReason.CODE_LENGTH, expected_length=10, actual_length=9)
    ),
    "voucher-early": _voucher(
        Refused(RefusalReason.CODE_EARLY, valid_from=NOW + timedelta(days=2))
    ),
    "voucher-other-site": _voucher(
        Refused(RefusalReason.CODE_OTHER_SITE, site_name="Vindelns bibliotek")
    ),
    "voucher-revoked": _voucher(Refused(RefusalReason.CODE_REVOKED)),
    "voucher-busy": _voucher(Refused(RefusalReason.CODES_BUSY)),
    "voucher-turned-off": State(_ended_code(EndReason.REVOKED)),
    "voucher-over": State(_ended_code(EndReason.TIME_LIMIT)),
    "voucher-ends-soon": State(_online(ground=Ground.VOUCHER, ends_at=_SOON), "/status"),
    "day": State(FakeGuest, f"/day/{DAY_CODE}"),
    "day-old": State(FakeGuest, "/day/1111111111"),
    "scan": State(_vouchers(offer=make_offer()), f"/v/{TOKEN}"),
    "scan-week": State(
        _vouchers(
            offer=make_offer(devices=2, ends_because=_CLOSING, lasts_until=NOW + timedelta(days=7))
        ),
        f"/v/{TOKEN}",
    ),
    "scan-online": State(_vouchers(offer=make_offer(), session=make_session()), f"/v/{TOKEN}"),
    "scan-expired": State(
        _vouchers(refusal=Refused(RefusalReason.CODE_EXPIRED, valid_until=NOW)), f"/v/{TOKEN}"
    ),
    "scan-used": State(_vouchers(offer=make_offer()), f"/v/{TOKEN}", press=f"/v/{TOKEN}"),
    "scan-outside": State(lambda: FakeGuest(device=None), f"/v/{TOKEN}"),
    "code-online": State(_online(), "/code"),
    "code-joined": _code(),
    "continue": State(lambda: FakeGuest(last_end=EndReason.TIME_LIMIT, may_continue=True)),
    "remembered": State(_online(remembered=(make_remembered(),)), "/status"),
    "devices": State(
        _online(remembered=(make_remembered(), make_remembered(2, "Android"))), "/devices"
    ),
    "devices-without-card": State(_online(ground=Ground.REMEMBERED), "/devices"),
    "devices-none": State(_online(), "/devices"),
    "connection-ended": State(lambda: FakeGuest(last_end=EndReason.TIME_LIMIT)),
    "ended-absent": State(lambda: FakeGuest(last_end=EndReason.ABSENT)),
    "ended-replaced": State(lambda: FakeGuest(last_end=EndReason.REPLACED)),
    "ended-at-closing": State(lambda: FakeGuest(last_end=_CLOSING)),
    "wait": State(FakeGuest, "/wait"),
    "wait-still": State(FakeGuest, "/wait/still"),
    "wait-unnumbered": State(lambda: FakeGuest(number=None, is_certain=False), "/wait"),
    "let-in": State(
        _online(ground=Ground.TUTOR, protected_until=NOW + timedelta(minutes=90)), "/wait"
    ),
    "logged-out": State(_online(), path="/status", press="/logout"),
    "online": State(
        _online(ends_because=_CLOSING, ends_at=NOW + timedelta(hours=4, minutes=45)), "/status"
    ),
    "online-limited": State(_online(can_extend=True), "/status"),
    "ends-soon": State(_online(can_extend=True, ends_at=_SOON), "/status"),
    "closing-soon": State(
        _online(ends_because=_CLOSING, ends_at=_SOON + timedelta(minutes=15)), "/status"
    ),
    "tutoring": State(_online(protected_until=NOW + timedelta(hours=1)), "/status"),
    "courtesy": State(_online(ground=Ground.COURTESY), "/status"),
    "courtesy-ended": State(lambda: FakeGuest(last_end=EndReason.REVOKED)),
    "internet-down": State(lambda: FakeGuest(internet_is_down=True)),
    "internet-down-online": State(
        lambda: FakeGuest(session=make_session(), internet_is_down=True), "/status"
    ),
    "extended": State(_online(can_extend=True), "/status", press="/extend"),
    "library-away": State(lambda: FakeGuest(library_is_away=True)),
    "notice": State(lambda: FakeGuest(notices=(make_notice(),))),
    "report": State(FakeGuest, "/report?failed=card.blocked"),
    "report-missing": State(_online(), "/report", press="/report"),
    "reported": State(FakeGuest, "/report?number=42"),
    "report-away": State(lambda: FakeGuest(reports=None), "/report", press="/report"),
    "outside": State(lambda: FakeGuest(device=None)),
    "via": State(FakeGuest, f"{_CHILLI}/"),
    "via-scan": State(_vouchers(offer=make_offer()), f"{_CHILLI}/v/{TOKEN}"),
    "via-wait": State(FakeGuest, f"{_CHILLI}/wait/still"),
    "via-online": State(_online(), f"{via(passage_of(told=LOGON, is_inside=True))}/status"),
    "via-online-unproved": State(
        _online(), f"{via(passage_of('controller', is_proved=False, is_inside=True))}/status"
    ),
    "connect": State(_online(), f"{via(passage_of('controller', told=FORM))}/status"),
    "connecting": State(_online(), f"{via(passage_of('controller'))}/status"),
    "not-let-in": State(_online(), f"{_CHILLI}/failed"),
    "not-let-in-number": State(FakeGuest, f"{_CHILLI}/failed"),
    "lost": State(FakeGuest, "/via/no-token-of-ours/"),
    "unbelieved": State(FakeGuest, "/at/nobody"),
    "missing": State(FakeGuest, path="/nowhere"),
    "help": State(FakeGuest, path="/help"),
    "rules": State(FakeGuest, path="/rules"),
    "privacy": State(FakeGuest, path="/privacy"),
    "privacy-counts": State(_at_level(PrivacyLevel.COUNTS), path="/privacy"),
    "privacy-addresses": State(_at_level(PrivacyLevel.ADDRESSES), path="/privacy"),
    "login-counts": State(_at_level(PrivacyLevel.COUNTS)),
    "login-addresses": State(_at_level(PrivacyLevel.ADDRESSES)),
    "accessibility": State(FakeGuest, path="/accessibility"),
}
