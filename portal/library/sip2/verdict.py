"""What a SIP2 answer about a patron means: the verdict, pure.

Not a parser: it judges what wire.py has read.
The rule to keep: what stands in doubt refuses. OK takes every BL and every CQ to begin with Y;
products that read a missing CQ as success let people in without a PIN.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.sip2.wire import PATRON_STATUS_FLAGS, PatronAnswer


class ExpiryCheck(StrEnum):
    """Which field of 64 tells that a card has expired. The standard has none."""

    OFF = "off"
    PA = "PA"
    """A date YYYYMMDD (Evergreen). In Polaris the same letters mean something else."""
    PY = "PY"
    """Y or N (Polaris)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which patrons with a right PIN are refused all the same.

    The default refuses lost or stolen cards (position 4) and lets debtors online; position 0 as
    well means "no loans, no Wi-Fi".
    """

    deny_positions: frozenset[int] = frozenset({4})
    check_expiry: ExpiryCheck = ExpiryCheck.OFF


def judge(answer: PatronAnswer, policy: Policy, today: date) -> Verification:
    """Return the verdict: identity first, then the PIN, then expiry and flags.

    Flags beside a wrong PIN are noise (Sierra and Polaris send arbitrary ones), and a missing or
    blank CQ means that nobody checked the PIN.
    """
    if any(valid != "Y" for valid in answer.valid_patron):
        return Verification.BAD_CREDENTIALS
    if not answer.valid_patron or not answer.valid_password:
        return Verification.NOT_VERIFIED
    if any(not valid.strip() for valid in answer.valid_password):
        return Verification.NOT_VERIFIED
    if any(valid != "Y" for valid in answer.valid_password):
        return Verification.BAD_CREDENTIALS
    return _judge_standing(answer, policy, today)


def _judge_standing(answer: PatronAnswer, policy: Policy, today: date) -> Verification:
    """Expiry before flags: an expired patron has flags too, and can mend the expiry."""
    if _has_expired(answer, policy.check_expiry, today):
        return Verification.EXPIRED
    all_set = len(answer.flags) == PATRON_STATUS_FLAGS
    # All fourteen beside a right PIN is FOLIO's borrowing block, not a lost card.
    flags = frozenset({0}) if all_set else answer.flags
    return Verification.BLOCKED if flags & policy.deny_positions else Verification.OK


def _has_expired(answer: PatronAnswer, check: ExpiryCheck, today: date) -> bool:
    if check is ExpiryCheck.PA:
        dates = [value for value in answer.expiry_dates if re.fullmatch("[0-9]{8}", value)]
        return any(value < f"{today:%Y%m%d}" for value in dates)
    return check is ExpiryCheck.PY and "Y" in answer.expired


def is_about(answer: PatronAnswer, card: Secret) -> bool:
    """Say whether the answer names the card that was asked about.

    A guard against a late answer for somebody else. Blanks around it and case do not count.
    """
    asked = _comparable(card)
    return bool(answer.cards) and all(_comparable(found) == asked for found in answer.cards)


def _comparable(card: Secret) -> str:
    return card.reveal().strip().casefold()
