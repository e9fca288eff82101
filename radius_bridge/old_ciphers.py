"""MD4 and DES, which MS-CHAPv2 is made of and OpenSSL 3 no longer offers by default.

Not for anything else: both are broken, and this code takes a time that depends on its input. The
passwords that meet it are log-in tokens of a minute. Pure.
The rule to keep: one block of DES, encryption only.
Source: RFC 1320 (MD4); FIPS 46-3 (DES), whose tables count bits from 1 at the left.
"""

import struct
from collections.abc import Callable, Sequence

_MASK = 0xFFFF_FFFF


def md4(data: bytes) -> bytes:
    """Return the 16 octets of MD4."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for at in range(0, len(padded), 64):
        state = _md4_block(state, struct.unpack_from("<16I", padded, at))
    return struct.pack("<4I", *state)


_Mix = Callable[[int, int, int], int]
_MD4_ROUNDS: tuple[tuple[_Mix, int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, (3, 7, 11, 19), tuple(range(16))),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (3, 5, 9, 13),
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (3, 9, 11, 15),
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
    ),
)


def _md4_block(state: tuple[int, int, int, int], words: Sequence[int]) -> tuple[int, int, int, int]:
    a, b, c, d = state
    for mix, constant, shifts, order in _MD4_ROUNDS:
        for step, word in enumerate(order):
            total = (a + mix(b, c, d) + words[word] + constant) & _MASK
            shift = shifts[step % 4]
            a, b, c, d = d, (total << shift | total >> (32 - shift)) & _MASK, b, c
    mixed = zip(state, (a, b, c, d), strict=True)
    first, second, third, fourth = ((old + new) & _MASK for old, new in mixed)
    return first, second, third, fourth


def _table(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split()))


_INITIAL = tuple(
    column - 8 * row for column in (58, 60, 62, 64, 57, 59, 61, 63) for row in range(8)
)
_FINAL = tuple(_INITIAL.index(bit) + 1 for bit in range(1, 65))
_PERMUTATION = _table(
    "16 7 20 21 29 12 28 17 1 15 23 26 5 18 31 10 2 8 24 14 32 27 3 9 19 13 30 6 22 11 4 25"
)
_KEY_HALVES = _table(
    "57 49 41 33 25 17 9 1 58 50 42 34 26 18 10 2 59 51 43 35 27 19 11 3 60 52 44 36 "
    "63 55 47 39 31 23 15 7 62 54 46 38 30 22 14 6 61 53 45 37 29 21 13 5 28 20 12 4"
)
_ROUND_KEY = _table(
    "14 17 11 24 1 5 3 28 15 6 21 10 23 19 12 4 26 8 16 7 27 20 13 2 "
    "41 52 31 37 47 55 30 40 51 45 33 48 44 49 39 56 34 53 46 42 50 36 29 32"
)
_ROTATIONS = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
_BOXES = tuple(
    tuple(int(digit, 16) for digit in "".join(rows.split()))
    for rows in (
        "e4d12fb83a6c5907 0f74e2d1a6cb9538 41e8d62bfc973a50 fc8249175b3ea06d",
        "f18e6b34972dc05a 3d47f28ec01a69b5 0e7ba4d158c6932f d8a13f42b67c05e9",
        "a09e63f51dc7b428 d709346a285ecbf1 d6498f30b12c5ae7 1ad069874fe3b52c",
        "7de3069a1285bc4f d8b56f03472c1ae9 a690cb7df13e5284 3f06a1d8945bc72e",
        "2c417ab6853fd0e9 eb2c47d150fa3986 421bad78f9c5630e b8c71e2d6f09a453",
        "c1af92680d34e75b af427c9561de0b38 9ef528c3704a1db6 432c95fabe17608d",
        "4b2ef08d3c975a61 d0b7491ae35c2f86 14bdc37eaf680592 6bd814a7950fe23c",
        "d2846fb1a93e50c7 1fd8a374c56b0e92 7b419ce206adf358 21e74a8dfc90356b",
    )
)


def _permute(value: int, width: int, table: Sequence[int]) -> int:
    out = 0
    for bit in table:
        out = out << 1 | (value >> (width - bit) & 1)
    return out


def _mix(number: int, six: int) -> int:
    """Return what box `number` makes of six bits, where the permutation puts its four."""
    row, column = six >> 4 & 2 | six & 1, six >> 1 & 0xF
    return _permute(_BOXES[number][16 * row + column] << (28 - 4 * number), 32, _PERMUTATION)


_MIXED_BOXES = tuple(tuple(_mix(number, six) for six in range(64)) for number in range(8))
"""Boxes and permutation in one look-up."""


def des_encrypt(key: bytes, block: bytes) -> bytes:
    """Return the 8 octets of this block under this key of 7 octets (56 bits without parity)."""
    mixed = _permute(int.from_bytes(block, "big"), 64, _INITIAL)
    left, right = mixed >> 32, mixed & _MASK
    for round_key in _round_keys(key):
        left, right = right, left ^ _feistel(right, round_key)
    return _permute(right << 32 | left, 64, _FINAL).to_bytes(8, "big")


def _round_keys(key: bytes) -> list[int]:
    """Make the 16 keys of 48 bits; the tables count the eighth bit of each octet, parity, too."""
    bits = int.from_bytes(key, "big")
    spread = 0
    for group in range(8):
        spread = spread << 8 | (bits >> (49 - 7 * group) & 0x7F) << 1
    halves = _permute(spread, 64, _KEY_HALVES)
    left, right = halves >> 28, halves & 0xFFF_FFFF
    keys = []
    for rotation in _ROTATIONS:
        left, right = _rotate(left, rotation), _rotate(right, rotation)
        keys.append(_permute(left << 28 | right, 56, _ROUND_KEY))
    return keys


def _feistel(half: int, round_key: int) -> int:
    # The expansion: eight groups of six bits, each with its neighbours' outer bits, in a circle.
    circle = (half & 1) << 33 | half << 1 | half >> 31
    out = 0
    for number, box in enumerate(_MIXED_BOXES):
        six = (circle >> (28 - 4 * number) ^ round_key >> (42 - 6 * number)) & 0x3F
        out |= box[six]
    return out


def _rotate(half: int, count: int) -> int:
    return (half << count | half >> (28 - count)) & 0xFFF_FFFF
