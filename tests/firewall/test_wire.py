import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall import verbs, wire
from firewall.verbs import Changes, Counters, DeviceUsage, RefusedError, Usage

MACS = st.integers(1, 2**46 - 1).map(
    lambda n: ((n & 0xFEFFFFFFFFFF) | 0x020000000000).to_bytes(6, "big").hex(":")
)
PROFILES = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)
ADMITS = st.builds(verbs.Admit, MACS, st.floats(0.001, verbs.REMAINING_MAX_S), PROFILES)
COUNTERS = st.builds(Counters, *[st.integers(0, 2**64 - 1)] * 4)
REQUESTS = st.one_of(
    ADMITS,
    st.builds(verbs.Expel, MACS),
    st.lists(ADMITS, unique_by=lambda d: d.mac, max_size=5).map(
        lambda devices: verbs.Reconcile(tuple(devices))
    ),
    st.ip_addresses(v=4).map(lambda ip: verbs.Identify(str(ip))),
    st.just(verbs.Identify("fe80::1", "guest0")),
    st.lists(MACS, unique=True, max_size=5).map(lambda macs: verbs.Probe(tuple(macs))),
    st.sampled_from([verbs.ReadUsage(), verbs.ReadAddresses(), verbs.Watch(), verbs.Ping()]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
GOOD = {"verb": "admit", "mac": "02:00:00:00:00:01", "remaining_s": 60}


@given(REQUESTS)
def test_a_request_comes_back_as_it_was_written(request):
    assert wire.decode_request(wire.encode_request(request)) == request


@given(st.binary(max_size=300))
def test_any_bytes_are_a_request_or_refused(line):
    with pytest.raises(RefusedError) as refused:
        wire.decode_request(line)
    assert refused.value.code == "bad_request"


@given(
    st.sampled_from(["admit", "expel", "reconcile", "identify", "usage", "probe", "watch", "ping"]),
    st.dictionaries(
        st.sampled_from(["mac", "macs", "remaining_s", "profile", "devices", "ip", "x"]),
        JSON,
        max_size=4,
    ),
)
def test_any_fields_are_a_request_or_refused(verb, fields):
    with suppress(RefusedError):
        wire.decode_request(json.dumps(fields | {"verb": verb}).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"mac": None},
        {"mac": "02-00-00-00-00-01"},
        {"mac": "ff:ff:ff:ff:ff:ff"},
        {"mac": "01:00:5e:00:00:01"},
        {"mac": "00:00:00:00:00:00"},
        {"mac": "02:00:00:00:00:01; nft flush ruleset"},
        {"remaining_s": 0},
        {"remaining_s": -1},
        {"remaining_s": True},
        {"remaining_s": "60"},
        {"remaining_s": float("nan")},
        {"remaining_s": float("inf")},
        {"remaining_s": 10**400},
        {"profile": None},
        {"profile": "Default"},
        {"profile": "a b"},
        {"more": 1},
        {"verb": ["admit"]},
        {"verb": "probe"},
    ],
)
def test_a_wrong_field_is_refused(change):
    with pytest.raises(RefusedError):
        wire.decode_request(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"verb":"admit"}',
        b"\xff",
        b"[" * 100_000,
        b'{"verb":"reconcile","devices":{}}',
        b'{"verb":"reconcile","devices":[1]}',
        b'{"verb":"reconcile","devices":[["02:00:00:00:00:01",1,"default"],["02:00:00:00:00:01",1,"default"]]}',
        b'{"verb":"probe"}',
        b'{"verb":"probe","macs":"02:00:00:00:00:01"}',
        b'{"verb":"probe","macs":["02:00:00:00:00:01",1]}',
        b'{"verb":"probe","macs":["01:00:00:00:00:01"]}',
        b'{"verb":"probe","macs":[],"more":1}',
        b'{"verb":"identify","ip":1}',
        b'{"verb":"identify","ip":"10.0.0"}',
        b'{"verb":"identify","ip":"10.0.0.1%"}',
        b'{"verb":"identify","ip":"10.0.0.1/8"}',
    ],
)
def test_a_wrong_line_is_refused(line):
    with pytest.raises(RefusedError):
        wire.decode_request(line)


def test_a_mac_is_read_in_any_case():
    assert wire.check_mac("0A:00:00:00:00:FF") == "0a:00:00:00:00:ff"


def test_an_ipv4_address_seen_through_an_ipv6_socket_is_an_ipv4_address():
    line = b'{"verb":"identify","ip":"::ffff:10.0.0.1"}'
    assert wire.decode_request(line) == verbs.Identify("10.0.0.1")


@given(
    st.dictionaries(
        MACS,
        st.builds(
            DeviceUsage,
            COUNTERS,
            st.floats(0, 1e6),
            PROFILES,
            st.none() | st.floats(0, 1e6),
        ),
        max_size=4,
    )
)
def test_usage_comes_back_as_it_was_written(devices):
    back = wire.decode_usage(json.loads(json.dumps(wire.encode_usage(Usage(7, devices)))))
    assert back.generation == 7
    assert back.devices.keys() == devices.keys()
    for mac, device in devices.items():
        found = back.devices[mac]
        assert (found.counters, found.profile) == (device.counters, device.profile)
        assert found.remaining_s == pytest.approx(device.remaining_s, abs=0.001)
        assert found.heard_s_ago == pytest.approx(device.heard_s_ago, abs=0.001)


def test_a_device_asked_for_twice_is_asked_once():
    line = b'{"verb":"probe","macs":["02:00:00:00:00:01","02:00:00:00:00:01"]}'
    assert wire.decode_request(line) == verbs.Probe(("02:00:00:00:00:01",))


def test_changes_come_back_as_they_were_written():
    changes = Changes(("a",), ("b", "c"), {"d": Counters(1, 2, 3, 4)})
    assert wire.decode_changes(json.loads(json.dumps(wire.encode_changes(changes)))) == changes
    assert changes.count == 4


def test_counters_add_up():
    assert Counters(1, 2, 3, 4) + Counters(1, 1, 1, 1) == Counters(2, 3, 4, 5)
    assert Counters(2, 3, 4, 5) - Counters(1, 1, 1, 1) == Counters(1, 2, 3, 4)


@given(COUNTERS)
def test_counters_come_back_as_they_were_written(counters):
    assert wire.decode_counters(json.loads(json.dumps(wire.encode_counters(counters)))) == counters


def test_a_device_comes_back_as_it_was_written():
    device = verbs.Identified("02:00:00:00:00:01", "guest0", "main")
    assert verbs.Identified(**wire.encode_identified(device)) == device


def test_ports_and_addresses_come_back_as_they_were():
    ports = {"02:00:00:00:00:01": verbs.OwnPorts(1024, 1279, 1.5)}
    given = verbs.Addresses(ports, (("02:00:00:00:00:01", "2001:db8::1"),))
    assert wire.decode_addresses(json.loads(json.dumps(wire.encode_addresses(given)))) == given
    assert wire.decode_addresses(wire.encode_addresses(verbs.Addresses())) == verbs.Addresses()
