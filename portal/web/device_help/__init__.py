"""How a device is connected, step by step: for visitors, and for the tutor beside them.

Its words are in this folder, one file a language; both sites load them beside their own.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

DEVICE_HELP = Path(__file__).parent

STEPS: Mapping[str, int] = MappingProxyType(
    {"nopage": 3, "iphone": 3, "android": 3, "windows": 3, "mac": 2, "chromebook": 2}
)
"""Each section's name in the texts' keys, and how many steps it has."""

_SECTIONS = {
    "iPhone": "iphone",
    "iPad": "iphone",
    "Android": "android",
    "Windows": "windows",
    "Mac": "mac",
    "Chromebook": "chromebook",
}


def section_of(kind: str) -> str:
    """Return the section for a kind of device ("iPhone"), the general one where it is unknown."""
    return _SECTIONS.get(kind, "nopage")
