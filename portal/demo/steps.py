"""What the steps of ``make demo-check`` share: what they look at, and how they fail."""

import json

from firewall.lab.phone import Phone, run_in_phone

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
PROBE_BODY = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n"


class StepFailedError(Exception):
    """What was seen is not what should be."""


def expect(condition: bool, seen: object) -> None:
    """Raise StepFailedError with what was seen, unless the condition holds."""
    if not condition:
        raise StepFailedError(str(seen))


def browse(phone: Phone, origin: str, *arguments: str) -> dict[str, str]:
    """Do something in a browser on the phone (browser.py), and return what was seen at the end."""
    done = run_in_phone(phone, "portal.demo.browser", [origin, *arguments])
    if done.returncode:
        raise StepFailedError(done.stderr.strip()[-2000:])
    return dict(json.loads(done.stdout))
