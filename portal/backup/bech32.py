"""PURE: Bech32 (BIP 173) of whole octets, as age writes its keys; of any length.

Not encryption. The rule to keep: a text with a wrong letter is refused, whichever letter it is.
"""

from collections.abc import Iterable

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def encode(prefix: str, data: bytes) -> str:
    """Return the text, in the lower case of ``prefix``."""
    values = _regrouped(data, 8, 5, pad=True)
    mixed = _polymod([*_expanded(prefix), *values, *[0] * _CHECKSUM]) ^ 1
    checksum = [mixed >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in (*values, *checksum))}"


def decode(prefix: str, text: str) -> bytes:
    """Return the octets of a text in one case.

    Raises:
        ValueError: it is not one of this prefix, or a letter is wrong.
    """
    lower = text.lower()
    head, _, tail = lower.rpartition("1")
    if text not in {lower, text.upper()} or head != prefix or len(tail) < _CHECKSUM:
        raise ValueError(f"it does not begin with {prefix}1")
    if not set(tail) <= set(_LETTERS):
        raise ValueError("it has a letter that none of these has")
    values = [_LETTERS.index(letter) for letter in tail]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("a letter of it is wrong or missing")
    return bytes(_regrouped(values[:-_CHECKSUM], 5, 8, pad=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            check ^= term if top >> place & 1 else 0
    return check


def _regrouped(values: Iterable[int], from_bits: int, to_bits: int, *, pad: bool) -> list[int]:
    held, bits, found = 0, 0, []
    for value in values:
        held, bits = held << from_bits | value, bits + from_bits
        while bits >= to_bits:
            bits -= to_bits
            found.append(held >> bits & (1 << to_bits) - 1)
        held &= (1 << bits) - 1
    if pad and bits:
        found.append(held << to_bits - bits & (1 << to_bits) - 1)
    elif held or bits >= from_bits:
        raise ValueError("its last letter is wrong")
    return found
