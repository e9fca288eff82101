"""Ethernet frames as devices send them, written by hand."""

import socket
import struct
from ipaddress import IPv4Address, ip_address

MAC = "02:00:00:00:77:01"
IPV4, IPV6 = "10.77.0.101", "2001:db8:77::101"
UNSPECIFIED = str(IPv4Address(0))
EVERYBODY = "ff:ff:ff:ff:ff:ff"


def packed(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def ethernet(kind: int, payload: bytes, mac: str = MAC, to: str = EVERYBODY) -> bytes:
    return packed(to) + packed(mac) + struct.pack("!H", kind) + payload


def arp(own: str, target: str, operation: int = 1, mac: str = MAC) -> bytes:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + packed(mac)
    addresses = IPv4Address(own).packed + bytes(6) + IPv4Address(target).packed
    return ethernet(0x0806, head + addresses, mac)


def udp(port: int, payload: bytes = b"", source: int = 1068) -> bytes:
    return struct.pack("!HHHH", source, port, 8 + len(payload), 0) + payload


def tcp(port: int) -> bytes:
    return struct.pack("!HHIIHHHH", 1024, port, 0, 0, 0x5002, 0, 0, 0)


def ipv4(protocol: int, payload: bytes, own: str, fragment: int = 0, options: int = 0) -> bytes:
    size = 20 + options
    fields = (0x40 | size // 4, 0, size + len(payload), 0, fragment, 64, protocol, 0)
    head = struct.pack("!BBHHHBBH", *fields) + IPv4Address(own).packed + b"\xff" * 4
    # netfilter on a bridge drops what has a wrong checksum
    total = sum(struct.unpack("!10H", head))
    checksum = 0xFFFF - (total + (total >> 16) & 0xFFFF)
    return head[:10] + struct.pack("!H", checksum) + head[12:] + bytes(options) + payload


def dhcp(own: str, mac: str = MAC) -> bytes:
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, 7, 0, 0) + bytes(16)
    body = head + packed(mac) + bytes(10 + 192) + b"\x63\x82\x53\x63" + b"\x35\x01\x01\xff"
    return ethernet(0x0800, ipv4(17, udp(67, body), own), mac)


def ipv6(following: int, payload: bytes, own: str, to: str = "ff02::1") -> bytes:
    addresses = ip_address(own).packed + socket.inet_pton(socket.AF_INET6, to)
    return struct.pack("!IHBB", 6 << 28, len(payload), following, 255) + addresses + payload


def icmpv6(kind: int, own: str, mac: str = MAC) -> bytes:
    return ethernet(0x86DD, ipv6(58, struct.pack("!BBHI", kind, 0, 0, 0) + bytes(16), own), mac)


def dhcpv6(own: str, port: int = 547, mac: str = MAC) -> bytes:
    return ethernet(0x86DD, ipv6(17, udp(port, b"\x01abc"), own), mac)
