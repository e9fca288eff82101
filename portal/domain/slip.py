"""A slip: what a visitor takes home on paper, or sees on a screen, and what it is printed on.

Not a voucher (a slip knows nothing of states and limits) and not a layout (portal/slips). The rule
to keep: plain data in local time, ready to be put into words; what lets a device in is a Secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from portal.domain.identity import Secret


class Security(StrEnum):
    """How the guest Wi-Fi is protected, as a phone's camera wants to be told."""

    OPEN = "nopass"
    WPA = "WPA"
    """WPA2 and WPA3 with a password: phones read ``WPA`` for both."""


@dataclass(frozen=True, slots=True)
class Network:
    """The guest Wi-Fi. ``password`` goes with WPA only.

    Raises:
        ValueError: no name, or a password where there is none, or none where there is one.
    """

    name: str
    security: Security = Security.OPEN
    password: Secret | None = None
    hidden: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a network needs a name: nobody can choose it otherwise")
        if (self.security is Security.WPA) != (self.password is not None):
            raise ValueError("a password goes with WPA, and an open network has none")


@dataclass(frozen=True, slots=True)
class Today:
    """Good until a clock time of the day it was handed out (local time)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class ToClosing:
    """Good until the library closes, on the day of the first login, which is before a date."""

    use_before: date


@dataclass(frozen=True, slots=True)
class Length:
    """Good for a length from the first login, which is before a date."""

    lasts: timedelta
    use_before: date


@dataclass(frozen=True, slots=True)
class FixedEnd:
    """Good until a moment (local time), whenever the first login is."""

    until: datetime


Validity = Today | ToClosing | Length | FixedEnd


@dataclass(frozen=True, slots=True)
class Slip:
    """One slip. ``code`` is as it is shown (``408 512 7730``), ``short_address`` as it is typed.

    ``login_url`` None: no QR code logs in by itself. ``devices``: how many may use the code.
    ``privacy_line``: whether the slip may promise that no visited sites are recorded.
    """

    library: str
    network: Network
    code: Secret
    login_url: Secret | None
    short_address: str
    validity: Validity
    devices: int
    serial: str
    privacy_line: bool = True


@dataclass(frozen=True, slots=True)
class SlipPlace:
    """What all slips of the organisation say.

    ``origin`` is where the guest site is ("https://wifi.example.se"), ``short_address`` what
    people type.
    """

    network: Network
    origin: str
    short_address: str
    time_zone: str
    privacy_line: bool = True


class Layout(StrEnum):
    """What a slip has room for."""

    COMPACT = "compact"
    """The code, one QR code (join), how long, where, which."""
    FULL = "full"
    """Both QR codes, the steps in words, and a second language."""


@dataclass(frozen=True, slots=True)
class PrintTarget:
    """A paper: its page in mm, how many slips stand on it, and in which layout.

    ``qr_mm`` is the size of its QR codes and ``largest_qr_mm`` the room for one with much in it,
    both with the quiet zone. ``dots`` is the width that a thermal printer prints, at 8 dots a mm
    (203 dpi); None: a page printer.
    """

    name: str
    page_mm: tuple[float, float]
    layout: Layout
    qr_mm: float
    largest_qr_mm: float
    columns: int = 1
    rows: int = 1
    slip_mm: tuple[float, float] | None = None
    dots: int | None = None

    @property
    def slips_per_page(self) -> int:
        """How many slips one page takes."""
        return self.columns * self.rows


A4_SLIPS = PrintTarget("a4", (210, 297), Layout.COMPACT, 24, 24.5, 3, 8, (63, 33))
"""Plain A4, cut along the lines."""
LABELS = PrintTarget("labels", (210, 297), Layout.COMPACT, 24, 25, 3, 8, (70, 37))
"""A4 sheets of 24 self-adhesive labels without margins."""
A6 = PrintTarget("a6", (105, 148), Layout.FULL, 30, 36)
ROLL_80 = PrintTarget("roll80", (80, 165), Layout.FULL, 24, 34, dots=576)
ROLL_58 = PrintTarget("roll58", (58, 210), Layout.FULL, 24, 40, dots=384)

TARGETS: Mapping[str, PrintTarget] = MappingProxyType(
    {target.name: target for target in (A4_SLIPS, LABELS, A6, ROLL_80, ROLL_58)}
)
