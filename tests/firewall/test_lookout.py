from ipaddress import ip_address

from firewall.lookout import EVENTS_BURST, EVENTS_PER_SECOND, SEEN_AGAIN_S, Lookout
from firewall.roster import Roster

MAC = "02:00:00:00:00:01"
IPV4, IPV6 = ip_address("10.0.0.7"), ip_address("fe80::7")
SITES = {"guest0": "main", "guest1": "branch"}


def lookout(*admitted: str) -> tuple[Lookout, Roster]:
    roster = Roster(10)
    for mac in admitted:
        roster.enter(mac, 0, 1e9)
    return Lookout(roster, SITES), roster


def test_a_stranger_is_told_of_at_once_and_then_seldom():
    watching, _ = lookout()
    seen = {"event": "device_seen", "mac": MAC, "interface": "guest0", "site": "main"}
    assert watching.notice(MAC, IPV4, "guest0", 0.0) == seen | {"ip": "10.0.0.7"}
    assert watching.notice(MAC, IPV4, "guest0", SEEN_AGAIN_S - 0.1) is None
    again = watching.notice(MAC, None, "guest0", SEEN_AGAIN_S, itself=False)
    assert again == seen | {"ip": ""}


def test_a_guest_is_noted_and_not_told_of():
    watching, roster = lookout(MAC)
    admission = roster.get(MAC)
    assert admission is not None
    assert admission.heard_s_ago(5.0) is None
    assert watching.notice(MAC, IPV4, "guest0", 5.0) is None
    assert watching.notice(MAC, IPV6, "guest0", 6.0) is None
    assert watching.notice(MAC, None, "guest0", 7.0) is None
    assert admission.heard_s_ago(9.0) == 2.0
    assert (admission.heard.ipv4, admission.heard.ipv6) == (IPV4, IPV6)


def test_what_the_kernel_only_remembers_is_no_sign_of_life():
    watching, roster = lookout(MAC)
    assert watching.notice(MAC, IPV4, "guest0", 5.0, itself=False) is None
    admission = roster.get(MAC)
    assert admission is not None
    assert admission.heard_s_ago(9.0) is None


def test_a_guest_elsewhere_is_told_of_but_not_each_time():
    watching, _ = lookout(MAC)
    assert watching.notice(MAC, IPV4, "guest0", 5.0) is None
    moved = watching.notice(MAC, IPV4, "guest1", 6.0)
    assert moved == {
        "event": "device_elsewhere",
        "mac": MAC,
        "interface": "guest1",
        "site": "branch",
        "before": "guest0",
    }
    assert watching.notice(MAC, IPV4, "guest0", 7.0) is None
    back = watching.notice(MAC, IPV4, "guest1", 6.0 + SEEN_AGAIN_S)
    assert back is not None
    assert back["before"] == "guest0"


def flood(watching: Lookout, devices: int, now: float) -> int:
    macs = (f"06:00:{n >> 24:02x}:{n >> 16 & 255:02x}:{n >> 8 & 255:02x}:{n & 255:02x}"
            for n in range(devices))  # fmt: skip
    return sum(watching.notice(mac, IPV4, "guest0", now) is not None for mac in macs)


def test_a_flood_of_invented_devices_makes_so_many_events_and_no_more():
    watching, _ = lookout()
    assert flood(watching, 50_000, 100.0) == EVENTS_BURST
    assert flood(watching, 50_000, 101.0) == EVENTS_PER_SECOND
    assert watching.notice(MAC, IPV4, "guest0", 101.0) is None
    # not told of is not seen: the next frame after the flood makes the event
    assert watching.notice(MAC, IPV4, "guest0", 101.1) is not None


def test_memory_is_bounded_and_a_flood_that_lasts_goes_on_being_bounded():
    watching, _ = lookout()
    told = sum(
        watching.notice(f"06:00:00:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}", None, "guest0",
                        n / EVENTS_PER_SECOND) is not None
        for n in range(25_000)
    )  # fmt: skip
    assert told == 25_000
    assert len(watching._told) <= 10_000
