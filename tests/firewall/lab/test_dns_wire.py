from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS

from firewall.lab import dns_wire, internet_names
from firewall.lab.dns_wire import MalformedDnsError, Question, Record


def test_scapy_reads_a_question() -> None:
    message = DNS(dns_wire.encode_question(Question(77, "captive.apple.com", dns_wire.A)))
    assert (message.id, message.rd, message.qdcount) == (77, 1, 1)
    assert (message.qd[0].qname, message.qd[0].qtype) == (b"captive.apple.com.", 1)


def test_scapy_reads_an_answer() -> None:
    question = Question(3, "a.example", dns_wire.AAAA)
    packed = ipaddress.IPv6Address("2001:db8::7").packed
    message = DNS(dns_wire.encode_answer(question, 0, [Record(dns_wire.AAAA, packed)]))
    assert (message.qr, message.rcode, message.an[0].rdata) == (1, 0, "2001:db8::7")
    assert message.an[0].rrname == b"a.example."


def test_a_negative_answer_carries_an_soa() -> None:
    message = DNS(dns_wire.encode_answer(Question(3, "x.invalid", dns_wire.A), 3, []))
    assert (message.rcode, message.ancount, message.nscount) == (3, 0, 1)
    assert message.ns[0].type == dns_wire.SOA


@pytest.mark.parametrize("kind", ["A", "AAAA", "TXT", "HTTPS", "NULL"])
def test_what_is_encoded_is_decoded(kind: str) -> None:
    number = dns_wire.type_number(kind)
    answer = internet_names.answer(Question(1, "www.tunnel.example", number))
    assert dns_wire.decode_question(answer) == Question(1, "www.tunnel.example", number)
    rcode, records, truncated = dns_wire.decode_answer(answer)
    assert (rcode, truncated) == ("NOERROR", False)
    assert [record for record, _ in records] == [kind]


def test_odd_answers_are_put_into_words() -> None:
    question = Question(1, "a.example", dns_wire.A)
    alias = Record(dns_wire.CNAME, dns_wire.encode_name("b.example"))
    answer = dns_wire.encode_answer(question, 0, [alias, Record(4711, b"\x01\x02")])
    assert dns_wire.decode_answer(answer)[1] == (("CNAME", "b.example"), ("TYPE4711", "0102"))
    assert dns_wire.decode_answer(dns_wire.encode_answer(question, 9, []))[0] == "RCODE9"
    with pytest.raises(MalformedDnsError):
        dns_wire.decode_question(bytes(12))


def test_what_the_internet_knows() -> None:
    def ask(name: str, kind: int) -> tuple[str, tuple[tuple[str, str], ...]]:
        return dns_wire.decode_answer(internet_names.answer(Question(1, name, kind)))[:2]

    assert ask("dns.msftncsi.com", dns_wire.A) == ("NOERROR", (("A", "131.107.255.255"),))
    assert ask("dns.msftncsi.com", dns_wire.AAAA) == ("NOERROR", (("AAAA", "fd3e:4f5a:5b81::1"),))
    assert ask("nobody.invalid", dns_wire.A) == ("NXDOMAIN", ())
    assert ask("printer", dns_wire.A) == ("NXDOMAIN", ())
    assert ask("a.example", dns_wire.TXT) == ("NOERROR", (("TXT", "v=spf1 -all"),))
    assert ask("a.example", dns_wire.HTTPS) == ("NOERROR", ())
    assert ask("captive.apple.com", dns_wire.A) == ("NOERROR", (("A", "151.101.0.1"),))


def test_type_numbers() -> None:
    assert dns_wire.type_number("TYPE65399") == 65399
    with pytest.raises(ValueError, match="invalid literal"):
        dns_wire.type_number("NONSENSE")


@given(st.binary(max_size=100))
def test_any_bytes_are_borne(message: bytes) -> None:
    with contextlib.suppress(MalformedDnsError):
        dns_wire.decode_question(message)
    with contextlib.suppress(MalformedDnsError):
        dns_wire.decode_answer(message)


def test_a_pointer_to_itself_is_refused() -> None:
    message = bytes(5) + b"\x01" + bytes(6) + b"\xc0\x0c\x00\x01\x00\x01"
    with pytest.raises(MalformedDnsError):
        dns_wire.decode_question(message)


@given(st.from_regex(r"[a-z]{1,20}\.[a-z]{2,10}", fullmatch=True))
def test_every_name_has_steady_addresses(host: str) -> None:
    for family in (4, 6):
        address = ipaddress.ip_address(internet_names.address(host, family))
        assert address.version == family
        assert address.is_global
        assert internet_names.address(host, family) == str(address)
