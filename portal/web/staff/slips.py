"""What the staff site prints with: the words of slips, their templates, and who makes PDFs."""

from dataclasses import dataclass

from portal.slips.pages import Templates
from portal.slips.pdf import PdfMaker
from portal.web.staff.pdf_jobs import PdfJobs
from portal.web.texts import Language


@dataclass(frozen=True, slots=True)
class SlipTools:
    """The languages are those that a slip can be printed in."""

    languages: tuple[Language, ...]
    templates: Templates
    maker: PdfMaker
    jobs: PdfJobs
