"""`python -m deploy.flaws`: asks every source, prints the report, writes it as JSON.

Ends with 1 when a flaw is known, with 2 when no list of published flaws answered.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.flaws import debian, sources
from deploy.flaws.report import Report, packaged, pinned
from portal.clock import utc_now

SHIPPED = Path("deploy/runtime.lock")
TESTS = Path("tests/browser/package-lock.json")
CONTROL = Path("deploy/debian/control.in")


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deploy.flaws")
    parser.add_argument("--index", default="https://pypi.org/simple", help="as pip names it")
    parser.add_argument("--osv", default="https://api.osv.dev")
    parser.add_argument("--npm", default="https://registry.npmjs.org")
    parser.add_argument("--into", type=Path, default=Path("dist"), help="the folder of the JSON")
    parser.add_argument("--shipped", type=Path, default=SHIPPED, help="the lock file")
    parser.add_argument("--apt-lists", type=Path, default=debian.LISTS, help="what apt knows")
    told = parser.parse_args(words)
    now = utc_now()
    (version,) = re.findall(r'^version = "(.+)"', Path("pyproject.toml").read_text(), re.MULTILINE)
    shipped = pinned(told.shipped.read_text())
    tests = packaged(json.loads(TESTS.read_text()))
    index = told.index.rstrip("/").removesuffix("/simple")
    report = Report(
        version,
        f"{now:%Y-%m-%d %H:%M} UTC",
        shipped,
        (
            sources.published_by_index(index, shipped),
            sources.published_by_osv(told.osv.rstrip("/"), (*shipped, *tests)),
            sources.withdrawn_by_authors(index, shipped),
            sources.published_by_npm(told.npm.rstrip("/"), tests),
            debian.fixes(debian.needed(CONTROL.read_text()), now, told.apt_lists),
        ),
    )
    print(*report.lines(), sep="\n")  # noqa: T201 - what it is for
    told.into.mkdir(exist_ok=True)
    text = json.dumps(report.document(), indent=1, ensure_ascii=False)
    (told.into / f"kvar_{version}.flaws.json").write_text(f"{text}\n")
    return report.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
