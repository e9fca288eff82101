from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.identifiers import IDENTIFIERS, Identifiers, Ticket

NAS, OTHER = ("192.0.2.1", 3799), ("192.0.2.2", 3799)
STEPS = st.lists(
    st.tuples(st.sampled_from([NAS, OTHER]), st.booleans(), st.floats(0, 200)), max_size=400
)


def test_one_port_gives_each_identifier_once_then_the_next_port_is_used() -> None:
    identifiers = Identifiers()
    tickets = [identifiers.take(NAS, 0.0) for _ in range(300)]
    assert tickets[0] == Ticket(0, 0)
    assert tickets[255:257] == [Ticket(0, 255), Ticket(1, 0)]
    assert len(set(tickets)) == 300


def test_when_all_are_out_or_rest_there_is_none_and_later_there_are_again() -> None:
    identifiers = Identifiers(window_s=300, ports_max=1)
    for number in range(IDENTIFIERS):
        ticket = identifiers.take(NAS, 0.0)
        assert ticket is not None
        if number < 2:
            identifiers.give_back(NAS, ticket, 10.0 + number)
    assert identifiers.take(NAS, 309.9) is None
    assert identifiers.take(NAS, 310.0) == Ticket(0, 0)
    assert identifiers.take(NAS, 310.0) is None
    assert identifiers.take(NAS, 311.0) == Ticket(0, 1)


def test_one_access_point_that_uses_up_its_own_takes_none_from_another() -> None:
    identifiers = Identifiers(ports_max=1)
    assert all(identifiers.take(NAS, 0.0) for _ in range(IDENTIFIERS))
    assert identifiers.take(NAS, 0.0) is None
    assert identifiers.take(OTHER, 0.0) == Ticket(0, 0)


def test_an_access_point_is_forgotten_when_the_window_has_passed_and_not_before() -> None:
    identifiers = Identifiers(window_s=300)
    ticket = identifiers.take(NAS, 0.0)
    assert ticket is not None
    identifiers.take(OTHER, 1.0)
    assert len(identifiers) == 2
    identifiers.give_back(NAS, ticket, 2.0)
    identifiers.give_back(OTHER, Ticket(0, 0), 2.0)
    assert identifiers.take(OTHER, 301.0) == Ticket(0, 1)
    assert len(identifiers) == 2
    identifiers.take(OTHER, 302.0)
    assert len(identifiers) == 1


@given(STEPS)
def test_no_port_repeats_an_identifier_within_the_window(
    steps: list[tuple[tuple[str, int], bool, float]],
) -> None:
    identifiers, now = Identifiers(window_s=300, ports_max=1), 0.0
    out: dict[tuple[str, int], list[Ticket]] = defaultdict(list)
    last_used: dict[tuple[tuple[str, int], Ticket], float] = {}
    for peer, takes, passed in steps:
        now += passed
        if takes and (ticket := identifiers.take(peer, now)) is not None:
            assert ticket not in out[peer]
            assert now - last_used.get((peer, ticket), -300.0) >= 300.0 - 1e-6
            out[peer].append(ticket)
        elif out[peer]:
            ticket = out[peer].pop(0)
            identifiers.give_back(peer, ticket, now)
            last_used[peer, ticket] = now
