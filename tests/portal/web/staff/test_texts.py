"""The words of the staff pages: whole in both languages, plain, and each used."""

import re
from pathlib import Path

import pytest

from portal.doctor.finding import Level
from portal.domain.audit_chain import Act, Fault, Reason
from portal.domain.complaint import ComplaintFault, Confidence
from portal.domain.fault_report import FaultKind, FaultStatus
from portal.domain.log_table import COLUMNS
from portal.domain.month_report import DEFINITIONS as MONTH_DEFINITIONS
from portal.domain.password import PasswordFault
from portal.domain.session import Ground
from portal.domain.session_log import OUTCOMES, Named
from portal.domain.slip import TARGETS
from portal.domain.staff_account import Role
from portal.domain.statistics import DEFINITIONS
from portal.domain.voucher import DEFAULT_PRESETS, VoucherState
from portal.services.console.exports import Format
from portal.services.console.look_ups import LookUpRefusal
from portal.services.console.revealing import RevealRefusal
from portal.services.console.rights import RightsRefusal
from portal.services.group_tutoring import GroupRefusal
from portal.services.outcomes import RefusalReason
from portal.services.ports.observing import Outcome, outcome_of
from portal.services.ports.rights import Shown
from portal.services.staff.sign_in import SignInRefusal
from portal.services.tutoring import TutoringRefusal
from portal.services.voucher_orders import VoucherRefusal
from portal.slips.pdf import NoPdf
from portal.storage.statistics import NEWS
from portal.web.device_help import STEPS
from portal.web.staff.faults import FACTS
from portal.web.staff.log_address import Period
from portal.web.staff.log_events import OFTEN
from portal.web.staff.log_look_up import WHATS
from portal.web.staff.month import HELP, NUMBERS
from portal.web.staff.pages import MORE_TEXTS, TEXTS
from portal.web.staff.rights import COLUMNS as RIGHTS_COLUMNS
from portal.web.staff.rights import NOT_IN_HERE
from portal.web.staff.voucher import LENGTHS_H
from portal.web.texts import Language, fields_of, load_languages

SV, EN = load_languages(TEXTS, *MORE_TEXTS)
ROOT = Path(__file__).parents[4]

BANNED = {
    "sv": ("vänligen", "tyvärr", "ogiltig", "session", "autentisering", "voucher", "cookie"),
    "en": ("please", "sorry", "invalid", "session", "authentication", "voucher", "cookie"),
}


def test_both_languages_have_every_text_and_the_same_fields() -> None:
    assert SV.texts.keys() == EN.texts.keys()
    for key, text in SV.texts.items():
        assert fields_of(text) == fields_of(EN.texts[key]), key
        assert text.count("[") == EN.texts[key].count("["), key


@pytest.mark.parametrize("language", [SV, EN], ids=lambda language: language.tag)
def test_no_jargon_reaches_staff(language: Language) -> None:
    for key, text in language.texts.items():
        for word in BANNED[language.tag]:
            assert word not in text.lower(), f"{key}: {word}"


@pytest.mark.parametrize("refusal", [*SignInRefusal, *PasswordFault])
def test_every_refusal_has_its_text(refusal: str) -> None:
    assert refusal in SV.texts


def kept_kinds() -> set[str]:
    """Return the kinds of rows that a person is shown, as the statement names them."""
    text = (ROOT / "portal/storage/rights.sql").read_text("utf-8")
    kinds = set(re.findall(r"^    SELECT '([a-z_]+)',", text, re.MULTILINE))
    assert len(kinds) == 18
    return kinds


PUT_TOGETHER = {
    *(f"voucher.failed.{why}" for why in (*VoucherRefusal, "no_network", "print", "printer")),
    *(f"voucher.state.{state}" for state in VoucherState),
    *(f"voucher.done.{act}" for act in ("extended", "revoked", "replaced", "printed")),
    *(f"voucher.longer.{hours}" for hours in LENGTHS_H),
    *(f"tutoring.failed.{why}" for why in (*TutoringRefusal, *GroupRefusal, "group")),
    *(f"tutoring.done.{a}" for a in ("let-in", "extend", "end", "group-extend", "group-end")),
    *(f"paper.target.{target}" for target in TARGETS),
    *(f"pdf.failed.{why}" for why in NoPdf),
    *(f"preset.{preset.id}" for preset in DEFAULT_PRESETS),
    *(f"more.wrong.{f}" for f in ("count", "devices", "length", "until", "use_before")),
    *(f"help.{name}.{n}" for name, steps in STEPS.items() for n in range(1, steps + 1)),
    *(f"help.{name}.title" for name in STEPS),
    *(f"report.kind.{kind}" for kind in FaultKind),
    *(f"checks.{level}" for level in Level),
    *(f"month.{name}" for name in (*NUMBERS, "ways", "reasons", "ways.one", "reasons.one")),
    *(f"month.{kind}.h2" for kind in HELP),
    *(f"month.{name}" for names in HELP.values() for name in names),
    *(f"month.definition.{name}" for name in MONTH_DEFINITIONS),
    *(f"month.definition.{name}.short" for name in MONTH_DEFINITIONS),
    *(f"notices.done.{what}" for what in ("posted", "ended", "gone")),
    *(f"more.lasts.{unit}" for unit in ("closing", "hours", "days", "weeks", "until")),
    *(f"log.ground.{ground}" for ground in Ground),
    *(f"log.in.{ground}" for ground in Ground),
    *(f"log.outcome.{one}" for one in OUTCOMES),
    *(f"log.why.{one}" for one in OUTCOMES),
    *(f"log.period.{one}" for one in Period),
    *(f"log.kept.{one}" for one in ("nothing", "extended", "tutored", "outage", "clock")),
    *(f"log.question.{one}" for one in ("in", "kept", "end")),
    *(f"log.refusal.{reason}" for reason in OFTEN),
    *(f"lookup.what.{one}" for one in WHATS),
    *(f"lookup.reason.{reason}" for reason in Reason),
    *(f"compare.{one.name.lower()}.{said}" for one in Named for said in ("yes", "no")),
    *(f"audit.act.{act}" for act in Act),
    *(f"audit.broken.{fault}" for fault in Fault),
    *(f"accounts.role.{role}" for role in Role),
    *(f"accounts.state.{one}" for one in ("good", "waits", "expired", "disabled")),
    *(f"accounts.said.{one}" for one in ("confirmed", "until", "visit")),
    *LookUpRefusal,
    *RevealRefusal,
    *RightsRefusal,
    *(f"rights.{what}.{one}" for what in ("what", "of") for one in Shown),
    *(f"rights.kind.{kind}" for kind in kept_kinds()),
    *(f"rights.column.{column}" for column in RIGHTS_COLUMNS),
    *(f"rights.not.{one}" for one in NOT_IN_HERE),
    *ComplaintFault,
    *(f"complaint.confidence.{one}" for one in Confidence),
    *(f"complaint.confidence.{one}.h2" for one in Confidence),
    *(f"export.format.{one}" for one in Format),
    *(f"export.head.{column}" for column in COLUMNS),
}
"""Texts whose keys end with a value of ours."""

STEPS = {f"step.{reason}" for reason in RefusalReason}
"""What a device tried; not every refusal is worth words of its own."""


def test_every_value_has_its_text() -> None:
    assert not PUT_TOGETHER - SV.texts.keys()


def used_keys() -> set[str]:
    found = set()
    for folder in ("templates/staff", "portal/web/staff"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".html", ".py"}:
                found |= set(re.findall(r'"([a-z_]+(?:\.[a-z_0-9]+)*)"', path.read_text("utf-8")))
    return found


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    used = used_keys()
    # The composition's banners, the refusals' own values, and what a template puts together.
    happened = {key for key in SV.texts if key.startswith(("log.event.", "log.change."))}
    elsewhere = {
        "banner.internet",
        *SignInRefusal,
        *PasswordFault,
        *PUT_TOGETHER,
        *STEPS,
        *happened,
        *overview_keys(),
    }
    for key in SV.texts:
        stem = key.removesuffix(".one").removesuffix(".many")
        if key.startswith("message."):
            assert key in used or key.split(".")[1] in used, key
        else:
            assert stem in used | elsewhere, key


def overview_keys() -> set[str]:
    """Return the keys that the overview puts together, from what it can be given."""
    refusals = {one.value for one in RefusalReason if outcome_of(one) is Outcome.REFUSED}
    shorts = {f"{one}.short" for one in DEFINITIONS}
    tiles = {"online", "success", "median_wait", "open_faults"}
    return {
        *(f"reason.{one}" for one in refusals),
        *(f"fact.{one}" for one in FACTS),
        *(f"fact.answer.{one}" for one in ("ok", "bad_credentials", "unavailable")),
        *(f"fact.answer.{one}" for one in ("blocked", "expired")),
        *(f"faults.status.{one}" for one in FaultStatus),
        *(f"faults.done.{one}" for one in ("taken", "fixed", "gone")),
        *(f"news.{one}" for one in NEWS),
        *(f"definition.{one}" for one in (*DEFINITIONS, *shorts)),
        *(f"overview.{one}" for one in tiles),
    }


def test_whatever_the_overview_is_given_has_its_words() -> None:
    assert overview_keys() <= SV.texts.keys()


def written_kinds() -> set[str]:
    """Return the kinds of events that are written of a device, or of what staff did."""
    text = "".join(
        path.read_text("utf-8")
        for folder in ("portal/storage", "portal/services")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".sql"}
    )
    return set(
        re.findall(
            r"""['"]((?:session|group|tutoring|vouchers?|device|staff|api)_[a-z_]+)['"]""", text
        )
    )


def test_what_happens_has_its_words() -> None:
    """A kind that nobody wrote words for is shown as it is; those of today have theirs."""
    known = {
        key.rpartition(".")[2] for key in SV.texts if key.startswith(("log.event.", "log.change."))
    }
    for kind in (
        *("session_started", "session_ended", "session_extended", "session_succeeded"),
        *("group_joined", "group_left", "group_started", "group_extended", "group_ended"),
        *("tutoring_started", "tutoring_ended", "tutoring_left", "tutoring_carried_over"),
        *("vouchers_made", "vouchers_undone", "vouchers_revoked", "voucher_extended"),
        *("voucher_replaced", "voucher_reprinted", "device_forgotten", "device_at_two_places"),
    ):
        assert kind in known, kind
        assert kind in written_kinds(), kind
