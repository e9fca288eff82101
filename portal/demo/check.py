"""``make demo-check``: a scripted phone, one line a step.

Not a test suite (tests/ is): it shows the main job once, on the real thing. The rule to keep: each
step says what was seen, and the first that is not right ends the check.
"""

import json
import sys
from collections.abc import Callable, Iterator
from time import monotonic

from firewall.lab.phone import Phone, Stream
from firewall.lab.processes import LabError
from portal.demo.browser import ONLINE
from portal.demo.check_branch import BranchCheck
from portal.demo.steps import PROBE_BODY, PROBE_URL, StepFailedError, browse, expect
from portal.demo.world import World, WorldSettings

CARD, PIN = "20000000000001", "1234"
ECHO_HOST = "www.example.com"


class Check:
    """The steps, in their order; each returns what it saw."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.phone: Phone = world.phones[0]
        self.stranger: Phone = world.phones[1]
        self._stream: Stream | None = None

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield the name of each step and what does it."""
        yield "the phone joins the guest network", self.join
        yield "the phone is captured", self.is_captured
        yield "nothing of a stranger passes", self.nothing_passes
        yield "a wrong PIN is refused", self.wrong_pin
        yield "card and PIN in a real browser", self.log_in
        yield "the phone is online", self.is_online
        yield "every process of Kvar is killed", self.kill_everything
        yield "Kvar is back", self.come_back
        yield "the stranger is still outside", self.nothing_passes
        yield "the guest logs out", self.log_out
        yield "the phone is captive again", self.is_captured

    def join(self) -> str:
        """DHCP with option 114, IPv6 by router advertisement."""
        lease = self.phone.join(ipv6=True)
        self.stranger.join(ipv6=True)
        expect(lease.captive_portal_uri == self.world.lab.captive_portal_uri, lease)
        return f"{lease.address}, option 114 is {lease.captive_portal_uri}"

    def is_captured(self) -> str:
        """Port 80 leads to the portal, port 443 is refused, the API says captive."""
        answer = self.phone.http(PROBE_URL)
        location = answer.header("Location") or ""
        expect(answer.status == 302 and location.startswith(self.world.portal_origin), answer)
        refused = self.phone.tcp_connect("www.example.com", 443)
        expect(refused.outcome == "refused", refused)
        expect(self._api()["captive"] is True, "the API says online")
        return f"Apple's probe gets 302 to {location}; port 443 refused; the API says captive"

    def nothing_passes(self) -> str:
        """A stranger's packets over both families reach nothing beyond the gateway."""
        internet = self.world.lab.internet
        sources = (self._address(), *self.stranger.ipv6_addresses())
        before = internet.packets_from(*sources, exclude_dns=True)
        hosts = ("198.51.100.7", "2001:db8:5::7", "8.8.8.8", "2001:4860:4860::8888")
        sent = self.stranger.fire(
            [(kind, host, port) for kind in ("tcp", "udp", "icmp") for host in hosts
             for port in (53, 80, 443, 853)]
        )  # fmt: skip
        passed = internet.packets_from(*sources, exclude_dns=True) - before
        expect(passed == 0, f"{passed} of {sent} packets passed")
        return f"0 of {sent} packets over IPv4 and IPv6"

    def _address(self) -> str:
        if self.stranger.lease is None:
            raise StepFailedError("the stranger has no lease")
        return self.stranger.lease.address

    def wrong_pin(self) -> str:
        """The page says so, and the phone stays captive."""
        seen = self._browse("sign-in", CARD, "9999")
        expect("stämmer inte" in seen["text"], seen)
        expect(self._api()["captive"] is True, "a wrong PIN let the phone in")
        return str(seen["title"])

    def log_in(self) -> str:
        """In Chromium, without JavaScript, following the captive redirect as a guest does."""
        seen = self._browse("sign-in", CARD, PIN)
        expect(ONLINE in seen["text"], seen)
        return f"“{seen['title']}” at {seen['url']}"

    def is_online(self) -> str:
        """The genuine probe answer, the internet over both families, and the API."""
        for family in (4, 6):
            answer = self.phone.http(PROBE_URL, family=family)
            expect(answer.status == 200 and answer.body == PROBE_BODY, answer)
        expect(self._api()["captive"] is False, "the API says captive")
        self._stream = self.phone.stream(ECHO_HOST)
        return "the genuine Apple answer over IPv4 and IPv6; the API says online"

    def kill_everything(self) -> str:
        """Kill -9: gate, keeper, portal, supervisor and PostgreSQL; the stream goes on."""
        count = self.world.kill()
        expect(count >= 5, f"only {count} processes were running")
        answer = self.phone.http(PROBE_URL)
        expect(answer.status == 200 and answer.body == PROBE_BODY, answer)
        return f"{count} processes killed; the phone is online all the same"

    def come_back(self) -> str:
        """Started again, nothing lost in between, and the session is known."""
        self.world.start()
        expect(self._api()["captive"] is False, "the session was lost")
        if self._stream is None:
            raise StepFailedError("there was no stream")
        report = self._stream.stop()
        expect(report.lost == 0 and report.sent > 100, report)
        gap_ms = round(report.longest_gap_s * 1000)
        return f"0 of {report.sent} datagrams lost meanwhile, longest gap {gap_ms} ms"

    def log_out(self) -> str:
        """With the button on the status page."""
        seen = self._browse("sign-out")
        return f"“{seen['title']}”"

    def _api(self) -> dict[str, object]:
        accept = (("Accept", "application/captive+json"),)
        answer = self.phone.http(self.world.lab.captive_portal_uri, headers=accept)
        expect(answer.status == 200, answer)
        return dict(json.loads(answer.body))

    def _browse(self, *arguments: str) -> dict[str, str]:
        return browse(self.phone, self.world.portal_origin, *arguments)


def run(write: Callable[[str], object] = print) -> int:
    """Build the world, run the steps, return the exit code."""
    began = monotonic()
    write("building the virtual guest network, the library system and Kvar …")
    try:
        with World(WorldSettings(phones=2, branch=True)) as world:
            for name, step in (*Check(world).steps(), *BranchCheck(world).steps()):
                write(f"✓ {name}: {step()}")
    except (StepFailedError, LabError) as problem:
        write(f"✗ {problem}")
        return 1
    write(f"all steps passed in {monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(run())
