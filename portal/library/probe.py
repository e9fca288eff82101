"""May this library system be switched on? Three questions with a test card of the library.

Not a command: ``kvar doctor`` and the settings page call it. It spends one PIN attempt on the
test card each time it asks with a wrong PIN.
The rule to keep: a system where a wrong PIN or a made-up card passes stays off. Such systems
exist, and products that trusted them let anybody in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.check import Checked, CheckingLibrary
from portal.library.sip2.wire import PatronMessage


class Step(StrEnum):
    """The questions, in their order."""

    ANSWERS = "answers"
    RIGHT_PIN = "right_pin"
    WRONG_PIN = "wrong_pin"
    MADE_UP_CARD = "made_up_card"


class Finding(StrEnum):
    """What the probe found; all but ``WORKS`` mean that the system stays off."""

    WORKS = "works"
    NO_ANSWER = "no_answer"
    PORTAL_REFUSED = "portal_refused"
    PIN_NOT_CHECKED = "pin_not_checked"
    TEST_CARD_REFUSED = "test_card_refused"
    TEST_CARD_BLOCKED = "test_card_blocked"
    WRONG_PIN_PASSES = "wrong_pin_passes"
    MADE_UP_CARD_PASSES = "made_up_card_passes"


_EXPLANATIONS = {
    Finding.WORKS: "The library system checks card and PIN.",
    Finding.NO_ANSWER: "The library system gives no usable answer: check address, TLS and dialect.",
    Finding.PORTAL_REFUSED: "The library system refuses the portal's own login: check its account.",
    Finding.PIN_NOT_CHECKED: "The library system does not check PINs: ask its vendor to switch "
    "the check on for this SIP2 account.",
    Finding.TEST_CARD_REFUSED: "The test card and its PIN are refused: check both, and encoding.",
    Finding.TEST_CARD_BLOCKED: "The test card is blocked or expired: use one in good standing.",
    Finding.WRONG_PIN_PASSES: "A WRONG PIN PASSES: anybody with a card number would get in.",
    Finding.MADE_UP_CARD_PASSES: "A MADE-UP CARD PASSES: anybody at all would get in.",
}


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One question and its answer; ``reason`` says why where there was none."""

    step: Step
    message: PatronMessage
    expected: Verification
    got: Verification
    reason: str

    @property
    def ok(self) -> bool:
        """True when the answer is the expected one."""
        return self.got is self.expected


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """``message`` is the setting to use; it means something only when the finding is WORKS."""

    finding: Finding
    message: PatronMessage
    steps: tuple[ProbeStep, ...]

    @property
    def may_be_switched_on(self) -> bool:
        """False: the system stays off."""
        return self.finding is Finding.WORKS

    @property
    def explanation(self) -> str:
        """One plain line for IT staff."""
        return _EXPLANATIONS[self.finding]


async def probe(
    library_for: Callable[[PatronMessage], CheckingLibrary],
    card: Secret,
    pin: Secret,
    messages: tuple[PatronMessage, ...] = (PatronMessage.STATUS, PatronMessage.INFORMATION),
) -> ProbeResult:
    """Ask with each kind of message until the PIN is checked: 23 first, since it tells the least.

    ``library_for`` makes the back end for a kind of message; ``card`` and ``pin`` are a test card
    in good standing. Give one message when the site's other settings need it (expiry needs 63).
    Stops at the first unexpected answer. Never raises for a broken neighbour.
    """
    steps: list[ProbeStep] = []
    finding, message = Finding.PIN_NOT_CHECKED, messages[0]
    for message in messages:
        finding = await _probe_with(library_for(message), message, card, pin, steps)
        if finding is not Finding.PIN_NOT_CHECKED:
            break
    return ProbeResult(finding, message, tuple(steps))


async def _probe_with(
    library: CheckingLibrary,
    message: PatronMessage,
    card: Secret,
    pin: Secret,
    steps: list[ProbeStep],
) -> Finding:
    refused = Verification.BAD_CREDENTIALS
    questions = (
        (Step.ANSWERS, Verification.OK, library.ping),
        (Step.RIGHT_PIN, Verification.OK, lambda: library.check(card, pin)),
        (Step.WRONG_PIN, refused, lambda: library.check(card, wrong_pin_beside(pin))),
        (Step.MADE_UP_CARD, refused, lambda: library.check(made_up_card_beside(card), pin)),
    )
    for step, expected, ask in questions:
        checked: Checked = await ask()
        steps.append(ProbeStep(step, message, expected, checked.outcome, str(checked.reason)))
        if not steps[-1].ok:
            return _explain(step, checked.outcome)
    return Finding.WORKS


def _explain(step: Step, got: Verification) -> Finding:
    """Name what an unexpected answer at this step means."""
    match got:
        case Verification.UNAVAILABLE:
            return Finding.NO_ANSWER
        case Verification.REFUSED_BY_SERVER:
            return Finding.PORTAL_REFUSED
        case Verification.NOT_VERIFIED:
            return Finding.PIN_NOT_CHECKED
        case Verification.BAD_CREDENTIALS:
            return Finding.TEST_CARD_REFUSED
    if step is Step.WRONG_PIN:
        return Finding.WRONG_PIN_PASSES
    return Finding.MADE_UP_CARD_PASSES if step is Step.MADE_UP_CARD else Finding.TEST_CARD_BLOCKED


def wrong_pin_beside(pin: Secret) -> Secret:
    """Return another PIN of the same shape: the last character becomes another digit."""
    text = pin.reveal()
    return Secret(text[:-1] + ("1" if text[-1:] != "1" else "2"))


def made_up_card_beside(card: Secret) -> Secret:
    """Return a card number of the same shape that nobody has: every digit a 9 (or an 8)."""
    text = card.reveal()
    for digit in "98":
        made_up = "".join(digit if letter.isdecimal() else letter for letter in text)
        if made_up != text:
            return Secret(made_up)
    return Secret(text + "9")
