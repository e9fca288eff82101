"""The steps of ``make demo-check`` at the branch: a phone behind an access point, without our gate.

Each step says what the phone and the access point saw; Kvar's own word is never taken for it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from firewall.lab.phone import Phone
from portal.demo.branch import SITE
from portal.demo.browser import ONLINE
from portal.demo.steps import PROBE_BODY, PROBE_URL, StepFailedError, browse, expect
from portal.demo.world import World

_MADE = re.compile(r"^(?P<serial>[A-Z]+-\d{4})  (?P<code>\d{3} \d{3} \d{4})  ", re.MULTILINE)
"""A line of ``kvar voucher create``."""


class BranchCheck:
    """The steps, in their order; each returns what it saw."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.point = world.access_point
        self.phone: Phone = world.branch_phone
        self._serial = ""

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield the name of each step and what does it."""
        yield "at the branch, the access point asks who a phone is", self.join
        yield "the access point holds it, and leads it to the portal", self.is_held
        yield "the desk's voucher, in a real browser", self.use_voucher
        yield "a CoA lets the phone in", self.is_let_in
        yield "the access point reports what it uses", self.is_reported
        yield "the desk turns the voucher off", self.is_put_out

    def join(self) -> str:
        """DHCP at the access point; MAC authentication by its first frame."""
        self.phone.link_up()
        lease = self.phone.join()
        asked = self._told("mac_authentication")
        expect(asked["answer"] == "redirected", asked)
        return f"{lease.address}; its MAC authentication is answered with a redirect"

    def is_held(self) -> str:
        """Port 80 leads to an address of the portal that names this visit, 443 is refused."""
        answer = self.phone.http(PROBE_URL)
        location = answer.header("Location") or ""
        expect(answer.status == 302 and location.startswith(self.world.portal_origin), answer)
        expect("redirect_url=" in location, location)
        refused = self.phone.tcp_connect("www.example.com", 443)
        expect(refused.outcome == "refused", refused)
        return f"302 to {location.partition('?')[0][:60]}…"

    def use_voucher(self) -> str:
        """Made at the desk's command line, typed on the page the phone was led to."""
        made = _MADE.search(self.world.kvar("voucher", "create", "--site", SITE))
        expect(made is not None, "no voucher was made")
        if made is None:
            raise StepFailedError("no voucher was made")
        self._serial = made["serial"]
        seen = browse(self.phone, self.world.portal_origin, "use-code", made["code"])
        expect(ONLINE in seen["text"], seen)
        return f"{self._serial}, “{seen['title']}”"

    def is_let_in(self) -> str:
        """The access point was told to ask again, and the phone is online."""
        self._told("reauthenticate")
        admitted = self._told("mac_authentication", answer="admitted")
        answer = self.phone.http(PROBE_URL)
        expect(answer.status == 200 and answer.body == PROBE_BODY, (admitted, answer))
        return "asked again after the CoA: admitted; the genuine Apple answer"

    def is_reported(self) -> str:
        """Start and Interim are acknowledged, which means that they are in the database."""
        start, interim = self._told("start"), self._told("interim_update", acknowledged=True)
        if not interim["octets"]:  # it was told before the phone's first packets were counted
            interim = self._told("interim_update", self.point.count(), acknowledged=True)
        expect(start["acknowledged"] and interim["octets"] > 0, (start, interim))
        return f"Start and Interim acknowledged, {interim['octets']} octets so far"

    def is_put_out(self) -> str:
        """A Disconnect ends it within moments; the access point reports the Stop and holds it."""
        seen = self.point.count()
        self.world.kvar("voucher", "revoke", self._serial, "--site", SITE)
        self._told("disconnect", seen)
        stop = self._told("stop", seen, acknowledged=True)
        self._told("mac_authentication", seen, answer="redirected")
        answer = self.phone.http(PROBE_URL)
        expect(answer.status == 302, answer)
        return f"Disconnect obeyed, Stop acknowledged with {stop['octets']} octets, held again"

    def _told(self, event: str, after: int = 0, **facts: Any) -> Any:
        return self.point.wait_for(event, after, mac=self.phone.mac, **facts)
