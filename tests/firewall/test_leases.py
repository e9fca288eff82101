from hypothesis import given
from hypothesis import strategies as st

from firewall.leases import Lease, decode_leases

MAC, IP = bytes.fromhex("020000000001"), bytes([10, 77, 0, 101])


def test_a_lease_as_dnsmasq_writes_it():
    text = "1764036000 02:00:00:00:00:01 10.77.0.101 phone 01:02:00:00:00:00:01\n"
    assert decode_leases(text, 1_764_032_400.0) == {IP: Lease(MAC, 1_764_036_000)}


def test_a_lease_of_zero_is_for_ever():
    assert decode_leases("0 02:00:00:00:00:01 10.77.0.101 * *\n", 1e9) == {IP: Lease(MAC, 0)}


def test_an_ended_lease_is_left_out():
    assert decode_leases("100 02:00:00:00:00:01 10.77.0.101 * *\n", 100.0) == {}


def test_ipv6_leases_name_no_device():
    text = "duid 00:01:00:01:2e\n1764036000 16777216 2001:db8::1 phone 00:01:00:01\n"
    assert decode_leases(text, 0.0) == {}


def test_a_broken_line_spoils_no_other():
    text = "\n1 2\n9 zz 10.0.0.1 * *\n9 02:00:00:00:00:01 10.0.0.256 * *\n"
    text += "٣ 02:00:00:00:00:01 10.0.0.1 *\n0 02:00:00:00:00:01 10.77.0.101 * *"
    assert decode_leases(text, 1.0) == {IP: Lease(MAC, 0)}


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    assert all(len(ip) == 4 for ip in decode_leases(text, 0.0))
