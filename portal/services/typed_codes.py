"""Which kind of code somebody means who types one: told by its length.

Not the reading of either. The rule to keep: where only one kind can be typed, it is that one.
"""

from portal.domain.room_code import CODE_DIGITS as ROOM_CODE_DIGITS
from portal.domain.site import LoginMethod, Site
from portal.domain.typed_code import NoCode, read_digits
from portal.domain.voucher_code import CODE_DIGITS as VOUCHER_CODE_DIGITS

_BETWEEN = (ROOM_CODE_DIGITS + VOUCHER_CODE_DIGITS) / 2


def means_voucher(site: Site, code_text: str) -> bool:
    """Say whether this is a voucher's code, or would be with its missing digits."""
    if LoginMethod.CODE not in site.login_methods:
        return False
    digits = read_digits(code_text)
    typed = digits.typed if isinstance(digits, NoCode) else len(digits)
    return not site.tutoring or typed >= _BETWEEN or not typed
