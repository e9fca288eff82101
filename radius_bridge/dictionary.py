"""The attributes that Kvar knows, by number and by name: what their octets mean.

Not all there are: an attribute that is missing here is kept as octets all the same. Pure.
The rule to keep: each table names its source, and a name, like a number, stands for one attribute.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class DataType(StrEnum):
    """How a value is written (RFC 2865 section 5, RFC 3162, RFC 6929, RFC 8044)."""

    TEXT = "text"
    OCTETS = "octets"
    INTEGER = "integer"
    INTEGER64 = "integer64"
    TIME = "time"
    IPV4_ADDRESS = "ipv4_address"
    IPV6_ADDRESS = "ipv6_address"
    IPV6_PREFIX = "ipv6_prefix"
    INTERFACE_ID = "interface_id"


@dataclass(frozen=True, slots=True)
class Definition:
    """One attribute: `vendor` is 0 for the standard's own.

    `tagged`: the first octet may be a tag (RFC 2868). `salted`: hidden as Tunnel-Password is.
    `secret`: its value must never be shown, hidden or not.
    """

    name: str
    vendor: int
    kind: int
    data_type: DataType
    tagged: bool = False
    salted: bool = False
    secret: bool = False


class Vendor(IntEnum):
    """Who has attributes here: the private enterprise numbers of IANA."""

    CISCO = 9
    MICROSOFT = 311
    TP_LINK = 11863
    FORTINET = 12356
    WISPR = 14122
    AIRESPACE = 14179
    CHILLISPOT = 14559
    ARUBA = 14823
    MIKROTIK = 14988
    CAMBIUM = 17713
    RUCKUS = 25053
    MERAKI = 29671
    UBIQUITI = 41112


class ServiceType(IntEnum):
    """Service-Type (RFC 2865 section 5.6, RFC 5176); CALL_CHECK is how some ask for a MAC."""

    LOGIN = 1
    FRAMED = 2
    ADMINISTRATIVE = 6
    AUTHENTICATE_ONLY = 8
    CALL_CHECK = 10
    AUTHORIZE_ONLY = 17


class AccountingStatus(IntEnum):
    """Acct-Status-Type (RFC 2866 section 5.1)."""

    START = 1
    STOP = 2
    INTERIM_UPDATE = 3
    ACCOUNTING_ON = 7
    ACCOUNTING_OFF = 8


class TerminateCause(IntEnum):
    """Acct-Terminate-Cause (RFC 2866 section 5.10)."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    LOST_SERVICE = 3
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    ADMIN_REBOOT = 7
    PORT_ERROR = 8
    NAS_ERROR = 9
    NAS_REQUEST = 10
    NAS_REBOOT = 11
    PORT_UNNEEDED = 12
    PORT_PREEMPTED = 13
    PORT_SUSPENDED = 14
    SERVICE_UNAVAILABLE = 15
    CALLBACK = 16
    USER_ERROR = 17
    HOST_REQUEST = 18


class ErrorCause(IntEnum):
    """Error-Cause (RFC 5176 section 3.5)."""

    RESIDUAL_CONTEXT_REMOVED = 201
    INVALID_EAP_PACKET = 202
    UNSUPPORTED_ATTRIBUTE = 401
    MISSING_ATTRIBUTE = 402
    NAS_IDENTIFICATION_MISMATCH = 403
    INVALID_REQUEST = 404
    UNSUPPORTED_SERVICE = 405
    UNSUPPORTED_EXTENSION = 406
    INVALID_ATTRIBUTE_VALUE = 407
    ADMINISTRATIVELY_PROHIBITED = 501
    REQUEST_NOT_ROUTABLE = 502
    SESSION_CONTEXT_NOT_FOUND = 503
    SESSION_CONTEXT_NOT_REMOVABLE = 504
    OTHER_PROXY_PROCESSING_ERROR = 505
    RESOURCES_UNAVAILABLE = 506
    REQUEST_INITIATED = 507
    MULTIPLE_SESSION_SELECTION_UNSUPPORTED = 508


_STANDARD = """
# RFC 2865
1 User-Name text
2 User-Password octets secret
3 CHAP-Password octets secret
4 NAS-IP-Address ipv4_address
5 NAS-Port integer
6 Service-Type integer
7 Framed-Protocol integer
8 Framed-IP-Address ipv4_address
9 Framed-IP-Netmask ipv4_address
10 Framed-Routing integer
11 Filter-Id text
12 Framed-MTU integer
13 Framed-Compression integer
14 Login-IP-Host ipv4_address
15 Login-Service integer
16 Login-TCP-Port integer
18 Reply-Message text
19 Callback-Number text
20 Callback-Id text
22 Framed-Route text
24 State octets
25 Class octets
26 Vendor-Specific octets
27 Session-Timeout integer
28 Idle-Timeout integer
29 Termination-Action integer
30 Called-Station-Id text
31 Calling-Station-Id text
32 NAS-Identifier text
33 Proxy-State octets
60 CHAP-Challenge octets secret
61 NAS-Port-Type integer
62 Port-Limit integer
# RFC 2866
40 Acct-Status-Type integer
41 Acct-Delay-Time integer
42 Acct-Input-Octets integer
43 Acct-Output-Octets integer
44 Acct-Session-Id text
45 Acct-Authentic integer
46 Acct-Session-Time integer
47 Acct-Input-Packets integer
48 Acct-Output-Packets integer
49 Acct-Terminate-Cause integer
50 Acct-Multi-Session-Id text
51 Acct-Link-Count integer
# RFC 2867
68 Acct-Tunnel-Connection text
86 Acct-Tunnel-Packets-Lost integer
# RFC 2868
64 Tunnel-Type integer tagged
65 Tunnel-Medium-Type integer tagged
66 Tunnel-Client-Endpoint text tagged
67 Tunnel-Server-Endpoint text tagged
69 Tunnel-Password octets tagged salted secret
81 Tunnel-Private-Group-Id text tagged
82 Tunnel-Assignment-Id text tagged
83 Tunnel-Preference integer tagged
90 Tunnel-Client-Auth-Id text tagged
91 Tunnel-Server-Auth-Id text tagged
# RFC 2869; RFC 3579 for 79 and 80
52 Acct-Input-Gigawords integer
53 Acct-Output-Gigawords integer
55 Event-Timestamp time
75 Password-Retry integer
76 Prompt integer
77 Connect-Info text
78 Configuration-Token text
79 EAP-Message octets secret
80 Message-Authenticator octets
85 Acct-Interim-Interval integer
87 NAS-Port-Id text
88 Framed-Pool text
# RFC 3162
95 NAS-IPv6-Address ipv6_address
96 Framed-Interface-Id interface_id
97 Framed-IPv6-Prefix ipv6_prefix
98 Login-IPv6-Host ipv6_address
99 Framed-IPv6-Route text
100 Framed-IPv6-Pool text
# RFC 4372, RFC 4675, RFC 4818, RFC 4849, RFC 5176
89 Chargeable-User-Identity octets
56 Egress-VLANID integer
57 Ingress-Filters integer
58 Egress-VLAN-Name text
123 Delegated-IPv6-Prefix ipv6_prefix
92 NAS-Filter-Rule text
101 Error-Cause integer
# RFC 6911
168 Framed-IPv6-Address ipv6_address
169 DNS-Server-IPv6-Address ipv6_address
# RFC 7268
177 Mobility-Domain-Id integer
181 WLAN-HESSID text
186 WLAN-Pairwise-Cipher integer
187 WLAN-Group-Cipher integer
188 WLAN-AKM-Suite integer
"""

_FREERADIUS = "the dictionaries of FreeRADIUS 3.2"

_VENDORS: dict[Vendor, str] = {
    Vendor.CISCO: f"""# {_FREERADIUS}
1 Cisco-AVPair text
""",
    Vendor.MICROSOFT: """# RFC 2548 section 2
1 MS-CHAP-Response octets secret
2 MS-CHAP-Error octets
7 MS-MPPE-Encryption-Policy integer
8 MS-MPPE-Encryption-Types integer
10 MS-CHAP-Domain octets
11 MS-CHAP-Challenge octets secret
16 MS-MPPE-Send-Key octets salted secret
17 MS-MPPE-Recv-Key octets salted secret
25 MS-CHAP2-Response octets secret
26 MS-CHAP2-Success octets secret
28 MS-Primary-DNS-Server ipv4_address
29 MS-Secondary-DNS-Server ipv4_address
""",
    Vendor.TP_LINK: """# a later dictionary of FreeRADIUS (3.2.1 has none of this vendor)
6 TPLink-Site text
7 TPLink-Omada text
8 TPLink-Redirect-Url text
9 TPLink-Portal-Access-Status integer
""",
    Vendor.FORTINET: f"""# {_FREERADIUS}
1 Fortinet-Group-Name text
2 Fortinet-Client-IP-Address ipv4_address
3 Fortinet-Vdom-Name text
7 Fortinet-SSID text
8 Fortinet-AP-Name text
""",
    Vendor.WISPR: f"""# {_FREERADIUS}; Wi-Fi Alliance, WISPr 1.0
1 WISPr-Location-ID text
2 WISPr-Location-Name text
3 WISPr-Logoff-URL text
4 WISPr-Redirection-URL text
5 WISPr-Bandwidth-Min-Up integer
6 WISPr-Bandwidth-Min-Down integer
7 WISPr-Bandwidth-Max-Up integer
8 WISPr-Bandwidth-Max-Down integer
9 WISPr-Session-Terminate-Time text
10 WISPr-Session-Terminate-End-Of-Day text
11 WISPr-Billing-Class-Of-Service text
""",
    Vendor.AIRESPACE: f"""# {_FREERADIUS}
1 Airespace-Wlan-Id integer
5 Airespace-Interface-Name text
6 Airespace-ACL-Name text
7 Airespace-Data-Bandwidth-Average-Contract integer
8 Airespace-Real-Time-Bandwidth-Average-Contract integer
9 Airespace-Data-Bandwidth-Burst-Contract integer
10 Airespace-Real-Time-Bandwidth-Burst-Contract integer
11 Airespace-Guest-Role-Name text
13 Airespace-Data-Bandwidth-Average-Contract-Upstream integer
14 Airespace-Real-Time-Bandwidth-Average-Contract-Upstream integer
15 Airespace-Data-Bandwidth-Burst-Contract-Upstream integer
16 Airespace-Real-Time-Bandwidth-Burst-Contract-Upstream integer
""",
    Vendor.CHILLISPOT: f"""# {_FREERADIUS}; 10 to 24 CoovaChilli 1.9, doc/dictionary.coovachilli
1 ChilliSpot-Max-Input-Octets integer
2 ChilliSpot-Max-Output-Octets integer
3 ChilliSpot-Max-Total-Octets integer
4 ChilliSpot-Bandwidth-Max-Up integer
5 ChilliSpot-Bandwidth-Max-Down integer
6 ChilliSpot-Config text
7 ChilliSpot-Lang text
8 ChilliSpot-Version text
9 ChilliSpot-OriginalURL text
10 ChilliSpot-Acct-View-Point integer
11 ChilliSpot-Require-UAM text
15 ChilliSpot-Session-State integer
21 ChilliSpot-Max-Input-Gigawords integer
22 ChilliSpot-Max-Output-Gigawords integer
23 ChilliSpot-Max-Total-Gigawords integer
24 ChilliSpot-VLAN-Id integer
100 ChilliSpot-UAM-Allowed text
101 ChilliSpot-MAC-Allowed text
102 ChilliSpot-Interval integer
""",
    Vendor.ARUBA: f"""# {_FREERADIUS}
1 Aruba-User-Role text
2 Aruba-User-Vlan integer
5 Aruba-Essid-Name text
6 Aruba-Location-Id text
9 Aruba-Named-User-Vlan text
10 Aruba-AP-Group text
12 Aruba-Device-Type text
43 Aruba-Captive-Portal-URL text
44 Aruba-MPSK-Passphrase octets salted secret
""",
    Vendor.MIKROTIK: f"""# {_FREERADIUS}
1 Mikrotik-Recv-Limit integer
2 Mikrotik-Xmit-Limit integer
3 Mikrotik-Group text
4 Mikrotik-Wireless-Forward integer
8 Mikrotik-Rate-Limit text
10 Mikrotik-Host-IP ipv4_address
12 Mikrotik-Advertise-URL text
13 Mikrotik-Advertise-Interval integer
14 Mikrotik-Recv-Limit-Gigawords integer
15 Mikrotik-Xmit-Limit-Gigawords integer
16 Mikrotik-Wireless-PSK text secret
17 Mikrotik-Total-Limit integer
18 Mikrotik-Total-Limit-Gigawords integer
19 Mikrotik-Address-List text
26 Mikrotik-Wireless-VLANID integer
27 Mikrotik-Wireless-VLANID-Type integer
""",
    Vendor.CAMBIUM: f"""# {_FREERADIUS}
151 Cambium-Traffic-Quota-Limit-Up integer
152 Cambium-Traffic-Quota-Limit-Down integer
153 Cambium-Traffic-Quota-Limit-Up-Gigwords integer
154 Cambium-Traffic-Quota-Limit-Down-Gigwords integer
155 Cambium-Traffic-Quota-Limit-Total integer
156 Cambium-Traffic-Quota-Limit-Total-Gigwords integer
""",
    Vendor.RUCKUS: f"""# {_FREERADIUS}
1 Ruckus-User-Groups text
3 Ruckus-SSID text
4 Ruckus-Wlan-Id integer
5 Ruckus-Location text
9 Ruckus-VLAN-ID integer
132 Ruckus-Wispr-Redirect-Policy text
134 Ruckus-Zone-Name text
135 Ruckus-Wlan-Name text
142 Ruckus-Dpsk octets secret
""",
    Vendor.MERAKI: f"""# {_FREERADIUS}
1 Meraki-Device-Name text
2 Meraki-Network-Name text
3 Meraki-Ap-Name text
4 Meraki-Ap-Tags text
""",
    Vendor.UBIQUITI: """# a later dictionary of FreeRADIUS (3.2.1 has none of this vendor)
1 UBNT-Data-Rate-DL integer64
2 UBNT-Data-Rate-DL-Burst integer64
3 UBNT-Data-Rate-UL integer64
4 UBNT-Data-Rate-UL-Burst integer64
""",
}


def _read(vendor: int, table: str) -> Iterator[Definition]:
    for line in table.splitlines():
        if line and not line.startswith("#"):
            kind, name, data_type, *flags = line.split()
            yield Definition(
                name,
                vendor,
                int(kind),
                DataType(data_type),
                tagged="tagged" in flags,
                salted="salted" in flags,
                secret="secret" in flags,
            )


DEFINITIONS: tuple[Definition, ...] = (
    *_read(0, _STANDARD),
    *(one for vendor, table in _VENDORS.items() for one in _read(vendor, table)),
)

_BY_NUMBER = {(one.vendor, one.kind): one for one in DEFINITIONS}
_BY_NAME = {one.name: one for one in DEFINITIONS}


def numbered(vendor: int, kind: int) -> Definition | None:
    """Return what this number means, None where Kvar does not know it; vendor 0: the standard."""
    return _BY_NUMBER.get((vendor, kind))


def named(name: str) -> Definition:
    """Return the attribute of this name.

    Raises:
        KeyError: there is none, which is a mistake in our own code.
    """
    return _BY_NAME[name]
