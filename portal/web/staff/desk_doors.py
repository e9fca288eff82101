"""What the desk's pages work with: the use cases that the command line has too.

Not a place for rules. The rule to keep: a page calls services, never a store.
"""

from dataclasses import dataclass

from portal.services.board import Board
from portal.services.day_codes import DayCodes
from portal.services.fault_reporting import FaultReporting
from portal.services.group_tutoring import GroupTutoring
from portal.services.remembered import RememberedAtDesk
from portal.services.tutoring import Tutoring
from portal.services.vouchers import Vouchers
from portal.web.staff.live_board import LiveBoard


@dataclass(frozen=True, slots=True)
class DeskDoors:
    """The services of the desk."""

    board: Board
    live: LiveBoard
    tutoring: Tutoring
    groups: GroupTutoring
    remembered: RememberedAtDesk
    vouchers: Vouchers
    day_codes: DayCodes
    faults: FaultReporting
