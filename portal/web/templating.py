"""Templates: where they stand, how they are rendered, and links inside texts.

Not a site's pages. The rule to keep: autoescape on, no default for a missing value, read once.
"""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from portal.web.texts import Language


def make_environment(folder: Path) -> Environment:
    """Return the environment for the templates of one site."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Linked:
    """Turns the [bracketed] words of a text into a link; everything else is escaped."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def __call__(self, key: str, target: str, **values: object) -> Markup:
        """Return the text with its link, which leads to ``target``."""
        before, _, rest = self._language.text(key, **values).partition("[")
        words, _, after = rest.partition("]")
        link = Markup('<a href="{}">{}</a>').format(target, words)
        return escape(before) + link + escape(after)


def find_templates() -> Path:
    """Return the folder of the templates: beside the packages in a checkout, inside in a wheel."""
    package = Path(str(files("portal")))
    inside = package / "_templates"
    return inside if inside.is_dir() else package.parent / "templates"
