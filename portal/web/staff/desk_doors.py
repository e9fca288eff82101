"""What the desk's pages work with: the use cases that the command line has too.

Not a place for rules. The rule to keep: a page calls services, never a store.
"""

from dataclasses import dataclass

from portal.services.group_tutoring import GroupTutoring
from portal.services.remembered import RememberedAtDesk
from portal.services.tutoring import Tutoring
from portal.services.vouchers import Vouchers


@dataclass(frozen=True, slots=True)
class DeskDoors:
    """The services of the desk."""

    tutoring: Tutoring
    groups: GroupTutoring
    remembered: RememberedAtDesk
    vouchers: Vouchers
