"""Who keeps lists of flaws, and how each is asked: the package index, OSV, npm's registry.

Not Debian's packages (``debian.py``). Every source is asked first about something that is known to
be flawed; one that has nothing to say of it keeps no list, whatever its status code, and counts as
silent. A source that cannot be asked is an answer with a problem, never an exception.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from packaging.version import InvalidVersion, Version

from deploy.flaws.report import Answer, Component, Flaw

TIMEOUT_S = 30.0
AT_ONCE = 8
NOT_FOUND = 404

FLAWED = Component("PyPI", "pycrypto", "2.6.1")
"""Given up in 2013 with published flaws, and this is its newest version."""
WITHDRAWN = Component("PyPI", "aiohttp", "4.0.0a1")
"""Yanked by its authors."""
FLAWED_OF_NPM = Component("npm", "minimist", "0.0.8")

KEEPS_NO_LIST = "it names no flaw of {}, which has known ones"


class NotAnsweredError(Exception):
    """The source was not reached, refused, or sent what it must not."""


SIMPLE = "application/vnd.pypi.simple.v1+json"


def _fetch(url: str, body: object = None, accept: str = "application/json") -> Any:
    """Return a JSON answer; None when there is no such page. Raises NotAnsweredError."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": accept, "Content-Type": "application/json", "User-Agent": "kvar-flaws"}
    request = Request(url, data, headers)  # noqa: S310 - the maintainer's own addresses
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            return json.load(answer)
    except HTTPError as problem:
        if problem.code == NOT_FOUND and body is None:
            return None
        raise NotAnsweredError(f"HTTP {problem.code}") from problem
    except (OSError, ValueError) as problem:
        raise NotAnsweredError(str(getattr(problem, "reason", problem))) from problem


Judgement = tuple[bool, list[Flaw], list[str]]
"""Whether it was judged, its flaws, hints."""


def _each(answer: Answer, control: Component, judge: Callable[[Component], Judgement]) -> Answer:
    """Ask about the control, then about each component."""
    try:
        if not judge(control)[1]:
            return replace(answer, problem=KEEPS_NO_LIST.format(control))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            judged = list(pool.map(judge, answer.asked))
    except NotAnsweredError as problem:
        return replace(answer, problem=str(problem))
    pairs = list(zip(answer.asked, judged, strict=True))
    return replace(
        answer,
        told_of=frozenset(one for one, (told, _, _) in pairs if told),
        flaws=tuple(flaw for _, (_, flaws, _) in pairs for flaw in flaws),
        hints=tuple(hint for _, (_, _, hints) in pairs for hint in hints),
    )


def published_by_index(index: str, asked: Sequence[Component]) -> Answer:
    """Ask the index's JSON interface, where it passes on the advisory database of PyPA."""

    def judge(one: Component) -> Judgement:
        page = _fetch(f"{index}/pypi/{one.name}/{one.version}/json")
        if page is None:  # some mirrors have only the page of the newest version
            page = _fetch(f"{index}/pypi/{one.name}/json")
            if page is None or page.get("info", {}).get("version") != one.version:
                return False, [], []
        if "vulnerabilities" not in page:
            return False, [], []
        listed = page["vulnerabilities"] or []
        return True, [_advisory(one, each) for each in listed if not each.get("withdrawn")], []

    return _each(
        Answer(
            source=f"package index, published flaws ({index}/pypi)",
            tells="of flaws published for a version",
            cannot_tell="of C libraries inside wheels, nor of versions that it has no page for",
            asked=tuple(asked),
        ),
        FLAWED,
        judge,
    )


def _advisory(one: Component, told: dict[str, Any]) -> Flaw:
    return Flaw(
        one,
        (told["id"], *told.get("aliases", ())),
        _short(told.get("summary") or told.get("details") or ""),
        tuple(told.get("fixed_in") or ()),
    )


def withdrawn_by_authors(index: str, asked: Sequence[Component]) -> Answer:
    """Ask the simple interface (PEP 691, 700, 792): what was yanked or put under quarantine."""

    def judge(one: Component) -> Judgement:
        page = _fetch(f"{index}/simple/{one.name}/", accept=SIMPLE)
        if page is None:
            return False, [], []
        files = [each for each in page["files"] if _version_of(each, one) == one.version]
        reasons = {str(each["yanked"]) for each in files if each.get("yanked")}
        flaws = [
            Flaw(one, ("yanked",), "" if reason == "True" else _short(reason)) for reason in reasons
        ]
        state = page.get("project-status") or {}
        if state.get("status") == "quarantined":
            flaws.append(Flaw(one, ("quarantined",), _short(state.get("reason") or "")))
        newest = _newest(page.get("versions", []))
        hints = [f"{one}: {newest} is out"] if newest and newest != one.version else []
        return bool(files), flaws, hints

    return _each(
        Answer(
            source=f"package index, withdrawn versions ({index}/simple)",
            tells="of versions that their authors took back, of quarantine, of newer versions",
            cannot_tell="of published flaws",
            asked=tuple(asked),
            publishes=False,
        ),
        WITHDRAWN,
        judge,
    )


def _version_of(file: dict[str, Any], one: Component) -> str:
    """Return the pinned version when the file's name is of it."""
    name = str(file["filename"])
    rest = name[len(one.name) :].lstrip("-_.")
    return one.version if rest.startswith((f"{one.version}-", f"{one.version}.tar")) else ""


def _newest(versions: Iterable[str]) -> str | None:
    """Return the newest released one."""
    readable = []
    for text in versions:
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        if not version.is_prerelease:
            readable.append((version, text))
    return max(readable)[1] if readable else None


def published_by_osv(service: str, asked: Sequence[Component]) -> Answer:
    """Ask OSV for all at once."""
    answer = Answer(
        source=f"OSV ({service})",
        tells="of flaws published for a version, of Python's and npm's packages",
        cannot_tell="of C libraries inside wheels",
        asked=tuple(asked),
    )
    queries = [
        {"package": {"ecosystem": one.ecosystem, "name": one.name}, "version": one.version}
        for one in (FLAWED, *asked)
    ]
    try:
        told = _fetch(f"{service}/v1/querybatch", {"queries": queries})
        control, *results = told["results"]
        found = zip(asked, results, strict=True)
        flaws = [
            Flaw(one, (each["id"],)) for one, each_of in found for each in each_of.get("vulns", ())
        ]
    except NotAnsweredError as problem:
        return replace(answer, problem=str(problem))
    except (KeyError, TypeError, ValueError):
        return replace(answer, problem="it sent something else than its interface says")
    if not control.get("vulns"):
        return replace(answer, problem=KEEPS_NO_LIST.format(FLAWED))
    return replace(answer, told_of=frozenset(asked), flaws=tuple(flaws))


def published_by_npm(registry: str, asked: Sequence[Component]) -> Answer:
    """Ask npm's registry as `npm audit` does."""
    answer = Answer(
        source=f"npm's registry ({registry})",
        tells="of flaws published for what the tests use",
        cannot_tell="of anything that is shipped",
        asked=tuple(asked),
    )
    body: dict[str, list[str]] = {}
    for one in (FLAWED_OF_NPM, *asked):
        body.setdefault(one.name, []).append(one.version)
    try:
        told = _fetch(f"{registry}/-/npm/v1/security/advisories/bulk", body)
        flaws = [
            Flaw(one, (each.get("url") or str(each["id"]),), _short(each.get("title", "")))
            for one in asked
            for each in told.get(one.name, ())
        ]
    except NotAnsweredError as problem:
        return replace(answer, problem=str(problem))
    except (AttributeError, KeyError, TypeError):
        return replace(answer, problem="it sent something else than its interface says")
    if FLAWED_OF_NPM.name not in told:
        return replace(answer, problem=KEEPS_NO_LIST.format(FLAWED_OF_NPM))
    return replace(answer, told_of=frozenset(asked), flaws=tuple(flaws))


def _short(text: str) -> str:
    """Return the first line, at most 100 characters."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= 100 else f"{line[:97]}…"
