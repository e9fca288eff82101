"""Templates and style sheets of slips and displays: one page, and the policy it is served under.

Not what stands on a page. The rules to keep: one inline style sheet, allowed by its hash; no
script but one of our own by address; no request to anybody.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from portal.slips.words import Language

_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Page:
    """A finished page. ``policy`` is the Content-Security-Policy to send with it."""

    html: str
    policy: str


class Templates:
    """The templates in ``folder`` (``templates/slips``), read when they are first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._style = cache(self._join)

    def render(
        self,
        name: str,
        sheets: tuple[str, ...],
        language: Language,
        values: Mapping[str, object],
        script: str | None = None,
    ) -> Page:
        """Render ``name`` with these style sheets, one after the other.

        ``script``: the address of a script of our own; None: the page has none.
        """
        css = self._style(sheets)
        context = {
            "language": language,
            "t": lambda key, **fields: language.texts[key].format(**fields),
            "css": Markup(css),  # noqa: S704 - our own files
            "script": script,
        }
        html = self._environment.get_template(f"{name}.html").render({**context, **values})
        return Page(html, _policy(css, script))

    def _join(self, sheets: tuple[str, ...]) -> str:
        texts = [(self._folder / f"{sheet}.css").read_text("utf-8") for sheet in sheets]
        return "".join(line.strip() for text in texts for line in text.splitlines())


def _policy(css: str, script: str | None) -> str:
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"{_POLICY}; style-src 'sha256-{digest}'"
    return policy if script is None else f"{policy}; script-src 'self'; connect-src 'self'"
