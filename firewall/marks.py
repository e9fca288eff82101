"""The bits of the packet mark and the connection mark, and the hash that marks captured flows.

Not the rules that set them (chains.py). Pure.
The rule to keep: what the rules write and what the agent looks for is defined here only.
"""

import struct

PASS = 0x1
"""On packets from an admitted device. The fail-closed routing rule tests this bit and GARDEN."""
GARDEN = 0x2
"""On packets of a stranger to a walled-garden host."""
FORWARDED = 0x4
"""On packets from the world to a guest: only these need a living session behind them."""
MAY_LEAVE = PASS | GARDEN

PROFILE_SHIFT = 4
PROFILE_MASK = 0xF0
NUMBER_SHIFT = 16
NUMBER_MASK = 0x7FFF_0000
NUMBER_MAX = 0x7FFF
"""Every admitted device has a number of its own, so that its connections can be deleted by mark."""

CAPTURED_BASE = 0x8000_0000
"""Connection marks from here up: flows of strangers redirected to this machine, by hash of MAC."""
CAPTURED_COUNT = 0x0100_0000
CAPTURED_SEED = 0x6B76_6172

_WORD = 0xFFFF_FFFF
_GOLDEN = 0xDEAD_BEEF


def device_mark(number: int, profile: int) -> int:
    """Return the mark of an admitted device: `number` 1-32767, `profile` 0-15."""
    return number << NUMBER_SHIFT | profile << PROFILE_SHIFT | PASS


def number_of(mark: int) -> int:
    """Return the device number in a mark."""
    return (mark & NUMBER_MASK) >> NUMBER_SHIFT


def profile_of(mark: int) -> int:
    """Return the profile number in a mark."""
    return (mark & PROFILE_MASK) >> PROFILE_SHIFT


def captured_mark(mac: bytes) -> int:
    """Return the connection mark of a stranger's redirected flows.

    The same as the rule's `jhash ether saddr mod … seed … offset …`. Two devices may share one:
    deleting the other's redirected flow by mistake only makes the kernel redirect it anew.
    """
    scaled = _jhash(mac, CAPTURED_SEED) * CAPTURED_COUNT >> 32  # the kernel's reciprocal_scale
    return CAPTURED_BASE + scaled


def _jhash(key: bytes, seed: int) -> int:
    """Bob Jenkins's hash of up to 12 bytes, as in Linux's include/linux/jhash.h."""
    a = b = c = (_GOLDEN + len(key) + seed) & _WORD
    x, y, z = struct.unpack("<III", key.ljust(12, b"\0"))
    return _jhash_final((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)


def _jhash_final(a: int, b: int, c: int) -> int:
    c = ((c ^ b) - _rotate(b, 14)) & _WORD
    a = ((a ^ c) - _rotate(c, 11)) & _WORD
    b = ((b ^ a) - _rotate(a, 25)) & _WORD
    c = ((c ^ b) - _rotate(b, 16)) & _WORD
    a = ((a ^ c) - _rotate(c, 4)) & _WORD
    b = ((b ^ a) - _rotate(a, 14)) & _WORD
    return ((c ^ b) - _rotate(b, 24)) & _WORD


def _rotate(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD
