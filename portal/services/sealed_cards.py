"""Sealing a card's number at log-in, under two keys: the organisation's and the week's.

Neither opens it alone: the organisation's private key is on no machine of ours, and the week's log
key is destroyed with the week, which is an erasure in every backup. The rule to keep: fails closed.
A site that seals lets no card in whose number could not be sealed: a gap that nobody knows of would
be worse than a guest who is told to wait.
"""

from portal.domain.identity import Secret, SiteId
from portal.services.doors import Doors
from portal.services.key_files import KeyRingError
from portal.services.key_ring import KeyRing
from portal.services.ports import Trace
from portal.services.sealing import Seal


def sealed_card(doors: Doors, site_id: SiteId, card: Secret, trace: Trace) -> bytes | None:
    """Return the card's number, sealed for the guest that history calls so; None: none is kept.

    Raises:
        KeyRingError: the site seals, and there is no key for it.
    """
    if not doors.sites[site_id].seals_identities or trace.subject is None:
        return None
    if doors.identity_key is None:
        raise KeyRingError(f"{site_id} seals identities, and [sealed_identity] names no key")
    inner = doors.identity_key.seal(card, trace.subject)
    return _of_week(doors.keys, trace.key_id).close(Secret(inner.hex()), trace.subject)


def inner_seal(keys: KeyRing, key_id: str, sealed: bytes, guest: bytes) -> bytes | None:
    """Take the week's seal off, which leaves the organisation's; None: that key is destroyed.

    Raises:
        KeyRingError: it is another text, or another key of that name.
    """
    if keys.identity_seal(key_id) is None:
        return None
    return bytes.fromhex(_of_week(keys, key_id).open(sealed, guest).reveal())


def _of_week(keys: KeyRing, key_id: str) -> Seal:
    half = keys.identity_seal(key_id)
    if half is None:
        raise KeyRingError(f"{key_id}.key is gone; restore it from the backup")
    return Seal(half)
