"""A snapshot comes back as it was written, or not at all."""

import json
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.snapshot import SNAPSHOT_MAX_BYTES, Snapshot, SnapshotError, decode, encode

FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"
WRITTEN = 1_790_000_000.25
SNAPSHOT = Snapshot(WRITTEN, ((FIRST, WRITTEN + 600), (SECOND, WRITTEN - 1)))

devices = st.dictionaries(
    st.integers(1, 2**40 - 1).map(lambda n: b"\x02".hex() + ":" + n.to_bytes(5, "big").hex(":")),
    st.floats(-1e6, 3e7),
    max_size=20,
)


def sealed(body: object) -> bytes:
    line = json.dumps(body).encode() + b"\n"
    return b"kvar-admitted 1 " + sha256(line).hexdigest().encode() + b"\n" + line


@given(written_at=st.floats(1, 4e9), left=devices)
def test_it_comes_back_as_it_was(written_at, left):
    snapshot = Snapshot(written_at, tuple((mac, written_at + s) for mac, s in left.items()))
    assert decode(encode(snapshot)) == snapshot


def test_a_file_cut_short_anywhere_is_refused():
    whole = encode(SNAPSHOT)
    for length in range(len(whole)):
        with pytest.raises(SnapshotError):
            decode(whole[:length])


def test_a_file_with_something_behind_it_is_refused():
    for more in (b"\0", b"\n", encode(SNAPSHOT)):
        with pytest.raises(SnapshotError):
            decode(encode(SNAPSHOT) + more)


def test_every_flipped_bit_is_noticed():
    whole = encode(SNAPSHOT)
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        with pytest.raises(SnapshotError):
            decode(bytes(damaged))


@given(st.binary(max_size=300))
def test_noise_is_refused(noise):
    with pytest.raises(SnapshotError):
        decode(noise)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"written_at": WRITTEN},
        {"written_at": WRITTEN, "devices": {}},
        {"written_at": WRITTEN, "devices": [], "more": 1},
        {"written_at": "today", "devices": []},
        {"written_at": True, "devices": []},
        {"written_at": 0, "devices": []},
        {"written_at": 1e300, "devices": []},
        {"written_at": 10**400, "devices": []},
        {"written_at": float("nan"), "devices": []},
        {"written_at": 1.5e11, "devices": []},
        {"written_at": WRITTEN, "devices": [FIRST]},
        {"written_at": WRITTEN, "devices": [[FIRST, WRITTEN, 0]]},
        {"written_at": WRITTEN, "devices": [[FIRST, None]]},
        {"written_at": WRITTEN, "devices": [[FIRST, float("inf")]]},
        {"written_at": WRITTEN, "devices": [[FIRST, WRITTEN + 500 * 86_400]]},
        {"written_at": WRITTEN, "devices": [["01:00:00:00:00:01", WRITTEN]]},
        {"written_at": WRITTEN, "devices": [["FF:ff:ff:ff:ff:ff", WRITTEN]]},
        {"written_at": WRITTEN, "devices": [[7, WRITTEN]]},
        {"written_at": WRITTEN, "devices": [[FIRST, WRITTEN], [FIRST, WRITTEN + 1]]},
    ],
)
def test_impossible_values_are_refused_though_the_checksum_fits(body):
    with pytest.raises(SnapshotError):
        decode(sealed(body))


@pytest.mark.parametrize("line", [b"nonsense\n", b"[" * 100_000 + b"\n", b"\xff\n"])
def test_what_is_not_json_is_refused_though_the_checksum_fits(line):
    with pytest.raises(SnapshotError):
        decode(b"kvar-admitted 1 " + sha256(line).hexdigest().encode() + b"\n" + line)


def test_another_form_and_too_much_are_refused():
    for data in (
        encode(SNAPSHOT).replace(b"kvar-admitted 1", b"kvar-admitted 2"),
        bytes(SNAPSHOT_MAX_BYTES + 1),
    ):
        with pytest.raises(SnapshotError):
            decode(data)


def test_the_most_devices_a_gate_takes_fit():
    macs = (b"\x02\x00".hex(":") + ":" + n.to_bytes(4, "big").hex(":") for n in range(1, 32_768))
    many = Snapshot(WRITTEN, tuple((mac, WRITTEN + 86_400.125) for mac in macs))
    data = encode(many)
    assert len(data) < SNAPSHOT_MAX_BYTES / 2
    assert decode(data) == many


def test_time_goes_on_while_the_power_is_gone():
    assert SNAPSHOT.remaining(WRITTEN + 100) == [(FIRST, 500.0)]


def test_who_is_due_by_then_is_left_out():
    assert SNAPSHOT.remaining(WRITTEN + 600) == []


def test_a_clock_without_a_battery_leaves_the_time_that_was_left():
    assert SNAPSHOT.remaining(0.0) == [(FIRST, 600.0)]
