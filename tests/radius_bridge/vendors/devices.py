"""A guest's phone, what it may, and the portal's address, for every family's tests."""

from datetime import UTC, datetime
from ipaddress import ip_network

from radius_bridge.access import Bandwidth, Grant, Station, ToPortal
from radius_bridge.accounting import AccountingRecord
from radius_bridge.clients import RadiusClient
from radius_bridge.dictionary import AccountingStatus
from radius_bridge.secret import Secret
from radius_bridge.vendors.family import LoginToken

PHONE = Station(
    mac="3c:5a:b4:01:02:03",
    ip="10.1.0.50",
    user_name=b"3C-5A-B4-01-02-03",
    accounting_session_id=b"655f0a1b00000001",
    source_ip="192.0.2.10",
    nas_ip="192.0.2.10",
    nas_identifier=b"lib-ap1",
)
SESSION = b"01938f4e"
GRANT = Grant(
    session=SESSION,
    session_timeout_s=28_800,
    idle_timeout_s=1200,
    bandwidth=Bandwidth(upload_bit_s=2_000_000, download_bit_s=8_000_000),
)
PLAIN_GRANT = Grant(session=SESSION, session_timeout_s=28_800)
PORTAL = ToPortal("https://wifi.example.org/cwa/Wm9l?")
TOKEN = LoginToken("kvar-0k3jR9", Secret(b"abcdefghijklmnopqrstuv"))
WELCOME = "https://wifi.example.org/status"
CLIENT = RadiusClient("main-library", (ip_network("192.0.2.0/24"),), Secret(b"0123456789abcdef"))
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
RECORD = AccountingRecord(
    CLIENT,
    AccountingStatus.INTERIM_UPDATE,
    PHONE,
    NOON,
    NOON,
    upload_octets=111,
    download_octets=999,
)
ENDS = [
    "Session-Timeout = 28800",
    "Termination-Action = 1",
    "Idle-Timeout = 1200",
    "Acct-Interim-Interval = 300",
]
PLAIN_ENDS = [one for one in ENDS if not one.startswith("Idle")]
CLASS = ["Class = 01938f4e"]
