"""What the doors to typed codes have in common: the caps that all of them are under."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DeviceWaits:
    """This device typed too many codes that nobody has: it may try again at ``until``."""

    until: datetime


@dataclass(frozen=True, slots=True)
class CodesBusy:
    """So many unknown codes were typed here, or everywhere, that none is looked up now."""


@dataclass(frozen=True, slots=True)
class UnknownCode:
    """Nobody has this code; the guess was counted."""


HeldBack = DeviceWaits | CodesBusy | UnknownCode
