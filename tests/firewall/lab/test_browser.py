from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from firewall.lab.phone import run_in_phone

if TYPE_CHECKING:
    from firewall.lab.network import Lab

pytestmark = [pytest.mark.root, pytest.mark.browser]

VISIT = """\
import json, sys
from playwright.sync_api import Error
from firewall.lab.browser import opened_browser

def visit(page, url):
    try:
        return [page.goto(url).status, page.title()]
    except Error as error:
        return [0, error.message.split()[1]]

with opened_browser(languages="sv-SE") as browser:
    page = browser.pages[0]
    print(json.dumps([visit(page, url) for url in sys.argv[1:]]))
"""


def test_a_browser_on_a_phone_trusts_the_lab_and_nobody_else(open_lab: Lab) -> None:
    urls = ["http://neverssl.com/", "https://www.example.org/", "https://other.example.net/"]
    done = open_lab.phones[0].run([sys.executable, "-c", VISIT, *urls], check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        [200, "neverssl.com"],
        [200, "www.example.org"],
        [0, "net::ERR_CERT_COMMON_NAME_INVALID"],
    ]
    pids = ["ip", "netns", "pids", open_lab.phones[0].namespace.name]
    left = subprocess.run(pids, capture_output=True, check=True).stdout.split()
    programs = [pathlib.Path(f"/proc/{pid.decode()}/comm").read_text().strip() for pid in left]
    assert "chromium" not in programs


def test_a_module_runs_as_the_phone(open_lab: Lab) -> None:
    done = run_in_phone(open_lab.phones[0], "http.server", ["--help"])
    assert done.returncode == 0
    assert "usage" in done.stdout
