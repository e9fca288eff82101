"""The report of known flaws, against registries of every kind, and against the real ones."""

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.flaws import debian, sources
from deploy.flaws.__main__ import main
from deploy.flaws.report import (
    FLAWS_KNOWN,
    IN_ORDER,
    NOBODY_TOLD,
    Answer,
    Component,
    Flaw,
    Report,
    packaged,
    pinned,
)

GOOD = Component("PyPI", "good", "1.0")
BAD = Component("PyPI", "bad", "2.0")
OLD = Component("PyPI", "old", "1.0")
AXE = Component("npm", "axe-core", "4.14.1")
ADVISORY = {
    "id": "PYSEC-1", "aliases": ["CVE-1"], "summary": "lets anybody in", "fixed_in": ["2.1"],
    "withdrawn": None,
}  # fmt: skip
CONTROL_PAGE = {"info": {"version": "2.6.1"}, "vulnerabilities": [ADVISORY]}


class Registry:
    """A registry that gives the pages it is told, and "not found" for the rest."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(outer.pages.get(self.path))

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                page = outer.pages.get(self.path)
                self._answer(page(asked) if callable(page) else page, 405)

            def _answer(self, page: object, otherwise: int = 404) -> None:
                body = page if isinstance(page, bytes) else json.dumps(page).encode()
                self.send_response(otherwise if page is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


def page(version: str, *advisories: Mapping[str, Any]) -> dict[str, Any]:
    return {"info": {"version": version}, "vulnerabilities": list(advisories)}


# --- the package index, published flaws


def test_an_index_with_a_page_for_each_version(registry: Registry) -> None:
    registry.pages = {
        "/pypi/pycrypto/2.6.1/json": CONTROL_PAGE,
        "/pypi/good/1.0/json": page("3.0"),
        "/pypi/bad/2.0/json": page("3.0", ADVISORY, {**ADVISORY, "id": "x", "withdrawn": "2026"}),
    }
    answer = sources.published_by_index(registry.address, [GOOD, BAD])
    assert answer.problem == ""
    assert answer.told_of == {GOOD, BAD}
    assert answer.flaws == (Flaw(BAD, ("PYSEC-1", "CVE-1"), "lets anybody in", ("2.1",)),)


def test_a_mirror_with_the_newest_version_only_cannot_tell_of_others(registry: Registry) -> None:
    registry.pages = {
        "/pypi/pycrypto/json": CONTROL_PAGE,
        "/pypi/good/json": page("1.0"),
        "/pypi/bad/json": page("2.0", ADVISORY),
        "/pypi/old/json": page("1.1"),
    }
    answer = sources.published_by_index(registry.address, [GOOD, BAD, OLD])
    assert answer.told_of == {GOOD, BAD}
    assert [flaw.component for flaw in answer.flaws] == [BAD]


def test_an_index_that_keeps_no_list_is_silent_however_friendly(registry: Registry) -> None:
    registry.pages = {
        "/pypi/pycrypto/2.6.1/json": page("2.6.1"),
        "/pypi/good/1.0/json": page("1.0"),
    }
    answer = sources.published_by_index(registry.address, [GOOD])
    assert "names no flaw of pycrypto" in answer.problem
    assert answer.told_of == frozenset()


def test_an_index_without_that_interface_is_silent(registry: Registry) -> None:
    assert sources.published_by_index(registry.address, [GOOD]).problem
    registry.pages = {"/pypi/pycrypto/2.6.1/json": b"<html>sign in</html>"}
    assert sources.published_by_index(registry.address, [GOOD]).problem


def test_what_does_not_listen_is_silent(registry: Registry) -> None:
    registry.server.shutdown()
    registry.server.server_close()
    for answer in (
        sources.published_by_index(registry.address, [GOOD]),
        sources.withdrawn_by_authors(registry.address, [GOOD]),
        sources.published_by_osv(registry.address, [GOOD]),
        sources.published_by_npm(registry.address, [AXE]),
    ):
        assert "refused" in answer.problem
        assert answer.told_of == frozenset()


# --- the package index, the simple interface


def simple(name: str, version: str, *versions: str, yanked: bool | str = False) -> dict[str, Any]:
    files = [
        {"filename": f"{name}-{version}-py3-none-any.whl", "yanked": yanked},
        {"filename": f"{name}-{version}1.tar.gz", "yanked": "another version"},
    ]
    return {"files": files, "versions": [version, *versions]}


def test_what_its_authors_took_back(registry: Registry) -> None:
    registry.pages = {
        "/simple/aiohttp/": simple("aiohttp", "4.0.0a1", yanked="by mistake"),
        "/simple/good/": simple("good", "1.0", "1.1", "2.0rc1", "neither"),
        "/simple/bad/": simple("bad", "2.0", yanked=True),
        "/simple/old/": {**simple("old", "1.0"), "project-status": {
            "status": "quarantined", "reason": "somebody else's\nmore"}},
    }  # fmt: skip
    answer = sources.withdrawn_by_authors(registry.address, [GOOD, BAD, OLD])
    assert set(answer.flaws) == {
        Flaw(BAD, ("yanked",), ""), Flaw(OLD, ("quarantined",), "somebody else's")
    }  # fmt: skip
    assert answer.hints == ("good 1.0: 1.1 is out",)
    assert not answer.publishes


def test_a_mirror_that_forgets_what_was_taken_back_is_silent(registry: Registry) -> None:
    registry.pages = {
        "/simple/aiohttp/": simple("aiohttp", "4.0.0a1"),
        "/simple/good/": simple("good", "1.0"),
    }
    assert "aiohttp 4.0.0a1" in sources.withdrawn_by_authors(registry.address, [GOOD]).problem


# --- OSV and npm


def osv(flawed: set[str]) -> Any:
    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        named = (query["package"]["name"] for query in asked["queries"])
        return {"results": [{"vulns": [{"id": "GHSA-1"}]} if n in flawed else {} for n in named]}

    return answer


def test_osv(registry: Registry) -> None:
    registry.pages = {"/v1/querybatch": osv({"pycrypto", "bad", "axe-core"})}
    answer = sources.published_by_osv(registry.address, [GOOD, BAD, AXE])
    assert [str(flaw.component) for flaw in answer.flaws] == ["bad 2.0", "axe-core 4.14.1"]
    registry.pages = {"/v1/querybatch": osv(set())}
    assert sources.published_by_osv(registry.address, [GOOD]).problem
    registry.pages = {"/v1/querybatch": {"results": []}}
    assert "something else" in sources.published_by_osv(registry.address, [GOOD]).problem


def test_npm(registry: Registry) -> None:
    path = "/-/npm/v1/security/advisories/bulk"
    control = {"minimist": [{"id": 7, "title": "pollution"}]}
    registry.pages = {path: {**control, "axe-core": [{"id": 8, "title": "bad"}]}}
    answer = sources.published_by_npm(registry.address, [AXE])
    assert answer.flaws == (Flaw(AXE, ("8",), "bad"),)
    registry.pages = {path: {}}
    assert sources.published_by_npm(registry.address, [AXE]).problem
    registry.pages = {path: []}
    assert "something else" in sources.published_by_npm(registry.address, [AXE]).problem
    registry.pages = {}
    assert sources.published_by_npm(registry.address, [AXE]).problem == "HTTP 405"


# --- Debian

UPGRADE = """
Inst libssl3 [3.0.19-1~deb12u2] (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst libpq5 [15.18-0] (15.20-0 Debian:12/oldstable [amd64])
Inst vim [1] (2 Debian-Security:12/oldstable-security [amd64])
Conf libssl3 (3.0.22-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
"""


def test_only_fixes_of_the_security_suite_for_what_kvar_needs() -> None:
    (found,) = debian.lacking(UPGRADE, frozenset({"libssl3", "libpq5"}))
    assert found.startswith("libssl3 3.0.19-1~deb12u2: 3.0.22-1~deb12u2 ")


def test_what_kvar_needs_is_read_off_its_control_file() -> None:
    needed = debian.needed(Path("deploy/debian/control.in").read_text())
    assert {"python3", "libnftables1", "postgresql", "dnsmasq"} <= set(needed)
    assert not any(set(name) & set("@(|)") for name in needed)


def test_apt_without_or_with_old_lists_of_the_security_suite_cannot_tell(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    assert debian.fixes(["python3"], now, tmp_path).problem == "apt knows no security suite"
    (tmp_path / "a.org_debian-security_dists_bookworm-security_InRelease").touch()
    assert debian.fixes(["python3"], now, tmp_path).problem == ""
    late = debian.fixes(["python3"], now + timedelta(days=8), tmp_path)
    assert late.problem.endswith("apt update")


# --- the report


def told(flaws: tuple[Flaw, ...] = (), of: tuple[Component, ...] = (), **more: Any) -> Answer:
    return Answer("a source", "much", "all", (GOOD, BAD), frozenset(of), flaws, **more)


def report(*answers: Answer) -> Report:
    return Report("1", "today", (GOOD, BAD), answers)


def test_a_flaw_that_two_sources_name_is_told_once() -> None:
    one = told((Flaw(BAD, ("PYSEC-1", "GHSA-1"), "", ("2.1",)),), (BAD,))
    other = told((Flaw(BAD, ("GHSA-1",)),), (GOOD, BAD))
    made = report(one, other)
    assert len(made.flaws) == 1
    assert made.status == FLAWS_KNOWN
    assert "fixed in 2.1" in "\n".join(made.lines())


def test_silence_is_no_good_news() -> None:
    assert report(told(problem="down")).status == NOBODY_TOLD
    assert report(told(of=(GOOD, BAD), publishes=False)).status == NOBODY_TOLD
    made = report(told(of=(GOOD,)), told(problem="down"))
    assert made.status == IN_ORDER
    assert "nobody could tell of 1: bad 2.0" in "\n".join(made.lines())
    assert made.document()["not_told_of"] == ["bad 2.0"]
    assert [one["answered"] for one in made.document()["sources"]] == [True, False]


def test_both_lock_files_are_read_whole() -> None:
    lock = Path("deploy/runtime.lock").read_text()
    assert len(pinned(lock)) == lock.count("==") - lock.count("implementation_name ==") - sum(
        lock.count(f"{marker} ==") for marker in ("sys_platform", "platform_python_implementation")
    )
    assert AXE.name in {one.name for one in packaged(json.loads(Path(
        "tests/browser/package-lock.json").read_text()))}  # fmt: skip


def test_the_command_ends_as_the_report_says(registry: Registry, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("bad==2.0 \\\n    --hash=sha256:00\n")
    words = [f"--{name}={registry.address}" for name in ("index", "osv", "npm")]
    words += [f"--shipped={lock}", f"--into={tmp_path}", f"--apt-lists={tmp_path}"]
    assert main(words) == NOBODY_TOLD
    registry.pages = {
        "/pypi/pycrypto/2.6.1/json": CONTROL_PAGE,
        "/pypi/bad/2.0/json": page("2.0", ADVISORY),
    }
    assert main(words) == FLAWS_KNOWN
    registry.pages["/pypi/bad/2.0/json"] = page("2.0")
    assert main(words) == IN_ORDER
    (written,) = tmp_path.glob("kvar_*.flaws.json")
    assert json.loads(written.read_text())["status"] == "none known"


# --- the real one


@pytest.mark.proof
def test_the_real_index_tells_of_what_is_shipped() -> None:
    """It keeps a list and names what is flawed, or it does not and is said to be silent."""
    index = "https://pypi.org"
    flawed = sources.published_by_index(index, [sources.FLAWED, GOOD])
    assert flawed.problem or {flaw.component for flaw in flawed.flaws} == {sources.FLAWED}
    taken_back = sources.withdrawn_by_authors(index, [sources.WITHDRAWN])
    assert [flaw.names for flaw in taken_back.flaws] == [("yanked",)]
