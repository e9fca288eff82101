"""The commands that README and docs/ show, found and grouped. Nothing is run here.

What counts: every line of a fence marked ``sh``, every line behind a ``$`` in a fence marked
``console``, and every `kvar …` or `make …` in a sentence. The rule to keep: a page that shows a
command in any other way is found by the test, not passed over.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPOKEN = re.compile(r"(?<!`)`((?:kvar|make)(?: [^`]*)?)`")
_PROMPT = re.compile(r"^ *(?:\$ |sudo |kvar |make )", re.MULTILINE)


@dataclass(frozen=True)
class Command:
    """``script`` is what a shell is given; ``told`` the lines that the page shows below it."""

    page: str
    script: str
    told: tuple[str, ...] = ()


def name_of(page: Path) -> str:
    """Return the page's path below the repository."""
    return str(page.relative_to(ROOT))


def shown(page: Path) -> list[Command]:
    """Return the commands of a page in its order; a block of ``sh`` is one script."""
    found: list[Command] = []
    for indent, kind, text in _FENCE.findall(page.read_text("utf-8")):
        lines = [line.removeprefix(indent) for line in text.splitlines()]
        if kind == "sh":
            found.append(Command(name_of(page), "\n".join(lines)))
        elif kind == "console":
            found += _session(name_of(page), lines)
    return found


def _session(page: str, lines: list[str]) -> list[Command]:
    found: list[Command] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(Command(page, line.removeprefix("$ ")))
        else:
            last = found[-1]
            found[-1] = Command(page, last.script, (*last.told, line))
    return found


def unmarked(page: Path) -> list[str]:
    """Return the fences that hold commands and do not say so."""
    return [
        text
        for _, kind, text in _FENCE.findall(page.read_text("utf-8"))
        if kind not in {"sh", "console"} and _PROMPT.search(text)
    ]


def spoken(page: Path) -> list[str]:
    """Return every `kvar …` and `make …` that stands in a sentence."""
    return _SPOKEN.findall(_FENCE.sub("", page.read_text("utf-8")))
