"""What the staff site prints with: the words of slips, their templates, and who makes PDFs."""

from collections.abc import Callable
from dataclasses import dataclass

from portal.domain.identity import SiteId
from portal.slips.pages import Templates
from portal.slips.pdf import PdfMaker
from portal.web.staff.pdf_jobs import PdfJobs
from portal.web.texts import Language

PrintObserver = Callable[[SiteId, str], None]
"""Is told what became of a slip for a thermal printer: sent, not_made or not_taken."""


def uncounted(_site: SiteId, _outcome: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class SlipTools:
    """The languages are those that a slip can be printed in."""

    languages: tuple[Language, ...]
    templates: Templates
    maker: PdfMaker
    jobs: PdfJobs
    printed: PrintObserver = uncounted
