"""A month of some libraries: read, put together, with what is too few withheld.

Not the page and not the PDF. The rule to keep: what is withheld is judged over every library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from portal.domain.identity import SiteId
from portal.domain.month_help import EVERY
from portal.domain.month_report import LibraryMonth, months_of, next_month
from portal.services.doors import STORE_ERRORS
from portal.services.ports.day_figures import DayFigures


@dataclass(frozen=True, slots=True)
class MonthReports:
    """``site_ids`` are all libraries, in the order in which they are shown; ``zone`` is a day's."""

    figures: DayFigures
    site_ids: Sequence[SiteId]
    zone: str

    async def of(
        self, first: date, own: Sequence[SiteId], *, total: bool
    ) -> Sequence[LibraryMonth] | None:
        """Return the months of these libraries, and with ``total`` that of all; None: away."""
        try:
            month = await self.figures.read(first, next_month(first), self.zone)
        except STORE_ERRORS:
            return None
        wanted = {*own, *([EVERY] if total else [])}
        return [one for one in months_of(month, self.site_ids) if one.site_id in wanted]
