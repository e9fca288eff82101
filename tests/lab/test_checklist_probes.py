"""What every operating system asks to find out whether it is captive, through the real gateway.

Captive: one redirect for everything on port 80, and no host of the table is reached. Online: the
genuine answer, byte for byte, from the genuine server.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from firewall.lab import probes
from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from firewall.lab.probes import PROBES, Probe
from portal.demo.world import World
from tests.lab.guest import until

pytestmark = pytest.mark.root

FAMILIES = [4, 6]
ROWS = sorted({probe.row for probe in PROBES}, key=lambda row: int(row[1:]))
ANDROID_FALLS_BACK_S = 3.0
"""AOSP NetworkMonitor: an unanswered probe is given up for its fallback after so long."""

NextPhone = Callable[[], Phone]


def ask(phone: Phone, probe: Probe, family: int | None, **changes: object) -> HttpAnswer:
    """Send the probe with its own method, HTTP version and User-Agent."""
    terms: dict[str, object] = {
        "method": probe.method,
        "headers": probe.headers,
        "version": probe.http_version,
        "family": family,
    }
    return phone.http(probe.url, **{**terms, **changes})  # type: ignore[arg-type]


def of_row(row: str) -> list[Probe]:
    return [probe for probe in PROBES if probe.row == row]


def assert_captured(world: World, answer: HttpAnswer, status: int = 302) -> None:
    """C4, C5 and C6: the one answer to anything that a captive device asks on port 80."""
    assert answer.status == status, answer
    assert (answer.header("Location") or "").startswith(f"{world.portal_origin}/")
    assert answer.header("Cache-Control") == "no-store"
    assert answer.header("Connection") == "close"
    names = {name.lower() for name, _ in answer.headers}
    assert names.isdisjoint({"etag", "last-modified", "set-cookie", "strict-transport-security"})
    assert int(answer.header("Content-Length") or 0) > 4
    assert "transfer-encoding" not in names


def assert_clickable(world: World, answer: HttpAnswer) -> None:
    """For whoever sees the body, because redirects are not followed."""
    assert len(answer.body) == int(answer.header("Content-Length") or 0)
    assert f'<a href="{world.portal_origin}/">'.encode() in answer.body


def without_date(answer: HttpAnswer) -> tuple[object, ...]:
    headers = [pair for pair in answer.headers if pair[0] != "Date"]
    return answer.status, answer.reason, answer.version, headers, answer.body


# --- captive: C3 to C10 ---------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("row", ROWS)
def test_a_captive_phones_probes_are_redirected(
    world: World, next_phone: NextPhone, row: str, family: int
) -> None:
    for probe in of_row(row):
        answer = ask(next_phone(), probe, family)
        if probe.url.startswith("https:"):
            assert answer.failure == "refused", answer
        else:
            assert_captured(world, answer)
            assert_clickable(world, answer)
            assert answer.peer == world.lab.internet.address_of(probe.host, family)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_probe_host_is_reached(world: World, phone: Phone, family: int) -> None:
    """With the walled garden in its place, which must not let a probe host through."""
    addresses = [world.lab.internet.address_of(host, family) for host in probes.HOSTS]
    kinds = [("tcp", 80), ("tcp", 443), ("udp", 80), ("udp", 443), ("icmp", 0)]
    targets = [(kind, address, port) for kind, port in kinds for address in addresses]
    assert phone.dns("crl.lab.example", "A" if family == 4 else "AAAA").records
    before = world.lab.internet.packets_to(*addresses)
    assert phone.fire(targets) == len(targets)
    for address in addresses[::8]:
        assert phone.tcp_connect(address, 443).outcome == "refused"
    assert world.lab.internet.packets_to(*addresses) == before


HOSTS = [
    None,
    "",
    "captive.apple.com",
    "CAPTIVE.APPLE.COM.",
    "captive.apple.com:8080",
    "192.0.2.1",
    "[2001:db8::1]",
    "[2001:db8::1]:80",
    "10.44.0.1",
    "localhost",
    "xn--bibliotek-0za.example",
    "login.library.example.evil.example",
    "no such host",
    "a" * 255,
]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_any_host_is_redirected(
    world: World, next_phone: NextPhone, host: str | None, method: str, version: str
) -> None:
    named = (("Host", host),) if host is not None else ()
    answer = next_phone().http(
        "http://www.example.com/", method=method, version=version, headers=named, host=None
    )
    assert_captured(world, answer)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("address", ["literal", "gateway"])
def test_an_address_instead_of_a_name_is_redirected(
    world: World, next_phone: NextPhone, family: int, address: str
) -> None:
    network = world.lab.sites[0]
    gateway = network.gateway_v4 if family == 4 else network.gateway_v6
    elsewhere = "198.51.100.77" if family == 4 else "2001:db8:5::77"
    host = str(gateway) if address == "gateway" else elsewhere
    url = f"http://[{host}]/" if family == 6 else f"http://{host}/"
    assert_captured(world, next_phone().http(url))


@pytest.mark.parametrize(
    "path",
    ["/", "/generate_204", "/status", "/captive-portal/api", "//x", "/?q=%2e%2e", "/" + "x" * 4000],
    ids=lambda path: path[:20],
)
def test_any_path_is_redirected(world: World, next_phone: NextPhone, path: str) -> None:
    assert_captured(world, next_phone().http(f"http://www.example.com{path}"))


METHODS = {"POST": 303, "PUT": 303, "PATCH": 303, "DELETE": 303, "OPTIONS": 302, "PROPFIND": 302}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_redirected_too(
    world: World, next_phone: NextPhone, method: str, family: int
) -> None:
    body = b"x" * 2000 if METHODS[method] == 303 else b""
    answer = next_phone().http("http://www.example.com/x", method=method, body=body, family=family)
    assert_captured(world, answer, METHODS[method])


def test_answers_do_not_depend_on_the_user_agent(next_phone: NextPhone) -> None:
    agents = [*sorted({probe.user_agent for probe in PROBES}), "", "curl/8", "åäö"]
    seen = [
        without_date(next_phone().http("http://www.example.com/", headers=(("User-Agent", agent),)))
        for agent in agents
    ]
    seen.append(without_date(next_phone().http("http://www.example.com/")))
    assert seen == [seen[0]] * len(seen)


def test_a_thousand_probes_are_treated_alike(world: World, phone: Phone) -> None:
    """Faster than the limit of one device: the redirect or a reset at once, never silence."""
    answers = [phone.http("http://93.184.1.2/generate_204", timeout_s=2.0) for _ in range(1000)]
    assert {answer.failure for answer in answers} <= {None, "refused"}
    redirects = [without_date(answer) for answer in answers if answer.failure is None]
    assert len(redirects) >= 50
    assert redirects == [redirects[0]] * len(redirects)

    def asked_again() -> bool:
        answers.append(phone.http("http://93.184.1.2/generate_204", timeout_s=2.0))
        return answers[-1].failure is None

    until(asked_again, "a redirect after the limit")
    assert_captured(world, answers[-1])
    assert without_date(answers[-1]) == redirects[0]


def test_many_phones_at_once_are_answered_before_they_give_up(
    world: World, crowd: list[Phone]
) -> None:
    """Not a measure of speed (a benchmark is): nobody is driven to a fallback or to "online"."""

    def several(phone: Phone) -> list[HttpAnswer]:
        probe = PROBES[0]
        return [ask(phone, probe, 4, timeout_s=ANDROID_FALLS_BACK_S) for _ in range(25)]

    with ThreadPoolExecutor(len(crowd)) as pool:
        for answers in pool.map(several, crowd):
            for answer in answers:
                assert answer.failure in {None, "refused"}
                if answer.failure is None:
                    assert_captured(world, answer)


# --- online: C1 and C2 ----------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("row", ROWS)
def test_an_online_phone_gets_the_genuine_answer(
    world: World, steady_phone: Phone, row: str, family: int
) -> None:
    for probe in of_row(row):
        answer = ask(steady_phone, probe, family)
        genuine = probe.genuine
        assert answer.failure is None, answer
        assert (answer.status, answer.reason) == (genuine.status, genuine.reason)
        assert answer.headers == genuine.headers
        assert answer.body == genuine.body
        assert answer.peer == world.lab.internet.address_of(probe.host, family)


def test_the_genuine_server_has_seen_the_probe(world: World, steady_phone: Phone) -> None:
    """The answer is not made up on the way: the request arrives at the server's own address."""
    for family in FAMILIES:
        address = world.lab.internet.address_of("captive.apple.com", family)
        before = world.lab.internet.packets_to(address)
        assert ask(steady_phone, PROBES[0], family).body == probes.APPLE_SUCCESS.body
        assert world.lab.internet.packets_to(address) > before
