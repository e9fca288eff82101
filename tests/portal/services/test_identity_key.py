"""The organisation's key pair: what one half seals, the other one opens, and nothing else does."""

import base64

import pytest

from portal.domain.identity import Secret
from portal.services.identity_key import (
    MARK,
    AnotherKeyError,
    IdentityKey,
    NotTheKeyError,
    make_pair,
    read_private,
)

PASSPHRASE = Secret("sex gröna fåglar sover i kväll")
CARD = Secret("20000000000001")
GUEST = b"g" * 32


def test_what_one_half_seals_the_other_opens() -> None:
    public, line = make_pair(PASSPHRASE)
    private = read_private(Secret(f"  {line.reveal()}\n"), PASSPHRASE)
    key = IdentityKey(public)
    for card in (CARD, Secret("7"), Secret("å" * 64), Secret("1" * 64)):
        assert private.open(key.seal(card, GUEST), GUEST).reveal() == card.reveal()
    assert private.belongs_to(public)

    sealed = key.seal(CARD, GUEST)
    assert sealed != key.seal(CARD, GUEST), "no two look alike"
    assert len(sealed) == len(key.seal(Secret("7"), GUEST)), "not even its length shows"
    for changed in (
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
        sealed[:4] + bytes([sealed[4] ^ 1]) + sealed[5:],
        sealed[:20],
        b"",
    ):
        with pytest.raises(AnotherKeyError):
            private.open(changed, GUEST)
    with pytest.raises(AnotherKeyError):
        private.open(sealed, b"h" * 32)  # moved to somebody else's row

    with pytest.raises(NotTheKeyError):
        read_private(line, Secret("sex gröna fåglar sover i natt"))
    raw = base64.b64decode(line.reveal().removeprefix(MARK))
    assert len(line.reveal()) < 200
    assert base64.b64decode(public) not in raw
    for wrong in ("", "kvar", MARK, MARK + "AAAA", MARK + "?", line.reveal().removeprefix(MARK)):
        with pytest.raises(NotTheKeyError):
            read_private(Secret(wrong), PASSPHRASE)
    assert line.reveal() not in repr((line, private, key))

    other = IdentityKey(make_pair(PASSPHRASE)[0])
    with pytest.raises(AnotherKeyError):
        private.open(other.seal(CARD, GUEST), GUEST)


@pytest.mark.parametrize("text", ["", "AAAA", "?", base64.b64encode(bytes(32)).decode()])
def test_what_nothing_can_be_sealed_to(text: str) -> None:
    """All zeros is a point of low order: whatever is sealed to it, everybody opens."""
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
        IdentityKey(text)
