"""PURE: what devices ask to find out whether they are captive, and what the real servers say.

Rows P1 … P30, one `Probe` per URL, usable as test data: the lab's internet answers from this table
and the tests compare what a phone received with it, byte for byte. Sources: AOSP NetworkMonitor,
Chromium captive_portal_detector.cc, ChromeOS shill, Microsoft's NCSI overview, Mozilla
CaptivePortalService.cpp, NetworkManager nm-connectivity.c, the Wireless Broadband Alliance's list.
The header lists are the lab's own beyond those a client looks at.
"""

from __future__ import annotations

import dataclasses
import urllib.parse

APPLE = "CaptiveNetworkSupport-480 wispr"
ANDROID = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/60.0.3112.32 Safari/537.36"
)
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/130.0.0.0 Safari/537.36"
)
NCSI = "Microsoft NCSI"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NETWORK_MANAGER = "NetworkManager"
UNKNOWN = "Mozilla/5.0"

REDIRECT_OR_OTHER_BODY = "a redirect or another body"
ANY_200_TO_399_BUT_204 = "a status of 200 to 399 other than 204"
ANY_OTHER_THAN_204 = "any other 2xx or 3xx, or 511"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: all headers in order, and the body's bytes."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """One request of one client family."""

    row: str
    """P1 … P30."""
    client: str
    url: str
    user_agent: str
    genuine: Answer
    captive_when: str
    """What this client reads as "sign in here"."""
    http_version: str = "1.1"
    method: str = "GET"
    verified: bool = True
    """False where the real server's answer is not known and the lab's is only a stand-in."""

    @property
    def host(self) -> str:
        """The host name in the URL."""
        return urllib.parse.urlsplit(self.url).netloc

    @property
    def target(self) -> str:
        """Path and query, as in the request line."""
        parts = urllib.parse.urlsplit(self.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """What the client sends besides Host."""
        return (("User-Agent", self.user_agent), ("Connection", "close"))

    def __str__(self) -> str:
        return f"{self.row} {self.url}"


@dataclasses.dataclass(frozen=True, slots=True)
class DnsProbe:
    """A look-up whose true answer a client insists on (row P10, Windows)."""

    row: str
    name: str
    kind: str
    genuine: str


def page(
    body: bytes, *, kind: str = "text/plain", extra: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """A 200 as the lab's internet sends it: no Date, so that whole answers can be compared."""
    headers = (
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
        *extra,
        ("Connection", "close"),
    )
    return Answer(200, "OK", headers, body)


NO_CONTENT = Answer(204, "No Content", (("Connection", "close"),), b"")
APPLE_SUCCESS = page(
    b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>\n", kind="text/html"
)
APPLE_OLD_SUCCESS = page(
    b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>", kind="text/html"
)
MSN = Answer(
    302,
    "Found",
    (("Location", "https://www.msn.com/"), ("Content-Length", "0"), ("Connection", "close")),
    b"",
)
FIREFOX_CANONICAL = page(
    b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>',
    kind="text/html",
)
ONLINE_HEADER = (("X-NetworkManager-Status", "online"),)
ONLINE_BODY = page(b"NetworkManager is online\n", extra=ONLINE_HEADER)
UBUNTU = Answer(204, "No Content", (*ONLINE_HEADER, ("Connection", "close")), b"")
KINDLE = page(
    b"<html><head><title>Kindle Reachability Probe Page</title></head>"
    b"<body>81ce4465-7167-4dcb-835b-dcc9e44c112a</body></html>\n",
    kind="text/html",
)
NINTENDO = page(b"ok\n", extra=(("X-Organization", "Nintendo"),))
PLAYSTATION = Answer(403, "Forbidden", (("Content-Length", "0"), ("Connection", "close")), b"")

DNS_PROBES = (
    DnsProbe("P10", "dns.msftncsi.com", "A", "131.107.255.255"),
    DnsProbe("P10", "dns.msftncsi.com", "AAAA", "fd3e:4f5a:5b81::1"),
)


def _apple() -> list[Probe]:
    client = "iOS, iPadOS, macOS, watchOS"
    first = Probe(
        "P1",
        client,
        "http://captive.apple.com/hotspot-detect.html",
        APPLE,
        APPLE_SUCCESS,
        REDIRECT_OR_OTHER_BODY,
        http_version="1.0",
    )
    # The sheet asks again with HTTP/1.1 and a browser's name; both must be treated alike.
    sheet = dataclasses.replace(first, user_agent=UNKNOWN, http_version="1.1")
    hosts = (
        "www.apple.com",
        "www.appleiphonecell.com",
        "www.airport.us",
        "www.ibook.info",
        "www.itools.info",
        "www.thinkdifferent.us",
    )
    older = [
        Probe(
            "P2",
            "older Apple",
            f"http://{host}/library/test/success.html",
            APPLE,
            APPLE_OLD_SUCCESS,
            REDIRECT_OR_OTHER_BODY,
            http_version="1.0",
        )
        for host in hosts
    ]
    return [first, sheet, *older]


_NO_CONTENT_URLS: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    (
        "P3",
        "Android 7 and later",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        (
            "http://connectivitycheck.gstatic.com/generate_204",
            "https://www.google.com/generate_204",
            "http://www.google.com/gen_204",
            "http://play.googleapis.com/generate_204",
        ),
    ),
    (
        "P4",
        "Android 4 to 6",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        (
            "http://clients3.google.com/generate_204",
            "http://connectivitycheck.android.com/generate_204",
        ),
    ),
    (
        "P5",
        "Chrome",
        CHROME,
        ANY_OTHER_THAN_204,
        ("http://www.gstatic.com/generate_204",),
    ),
    (
        "P6",
        "Edge",
        CHROME,
        ANY_OTHER_THAN_204,
        (
            "http://edge.microsoft.com/captiveportal/generate_204",
            "http://edge-http.microsoft.com/captiveportal/generate_204",
        ),
    ),
    (
        "P7",
        "ChromeOS",
        CHROME,
        "302 or 307 with a Location, or 200 with more than one byte",
        (
            "http://safebrowsing.google.com/generate_204",
            "http://www.googleapis.com/generate_204",
            "https://www.gstatic.com/generate_204",
            "https://accounts.google.com/generate_204",
            "https://www.googleapis.com/generate_204",
        ),
    ),
    (
        "P19",
        "GrapheneOS",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://connectivitycheck.grapheneos.network/generate_204",),
    ),
    (
        "P20",
        "Xiaomi",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://connect.rom.miui.com/generate_204",),
    ),
    (
        "P21",
        "Huawei, Honor",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        (
            "http://connectivitycheck.platform.hicloud.com/generate_204",
            "http://connectivitycheck.cbg-app.huawei.com/generate_204",
            "http://connectivitycheck.platform.hihonorcloud.com/generate_204",
        ),
    ),
    (
        "P22",
        "OPPO",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://conn1.oppomobile.com/generate_204",),
    ),
    (
        "P23",
        "Vivo",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://wifi.vivo.com.cn/generate_204",),
    ),
    (
        "P24",
        "Samsung in China",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://connectivity.samsung.com.cn/generate_204",),
    ),
    (
        "P25",
        "Fire OS",
        ANDROID,
        ANY_200_TO_399_BUT_204,
        ("http://fireoscaptiveportal.com/generate_204",),
    ),
    ("P26", "Steam", UNKNOWN, "anything but 204", ("http://test.steampowered.com/204",)),
    (
        "P30",
        "Cloudflare WARP",
        UNKNOWN,
        "anything but 204",
        ("http://cp.cloudflare.com/generate_204",),
    ),
)


def _no_content() -> list[Probe]:
    return [
        Probe(row, client, url, agent, NO_CONTENT, captive_when)
        for row, client, agent, captive_when, urls in _NO_CONTENT_URLS
        for url in urls
    ]


_PAGES: tuple[tuple[str, str, str, str, str, Answer], ...] = (
    (
        "P8",
        "Windows 10 1607 and later",
        NCSI,
        "another body, or a status other than 200",
        "http://www.msftconnecttest.com/connecttest.txt",
        page(b"Microsoft Connect Test"),
    ),
    (
        "P8",
        "Windows 10 1607 and later, IPv6",
        NCSI,
        "another body, or a status other than 200",
        "http://ipv6.msftconnecttest.com/connecttest.txt",
        page(b"Microsoft Connect Test"),
    ),
    (
        "P9",
        "Windows Vista to 10 1511",
        NCSI,
        "another body, or a status other than 200",
        "http://www.msftncsi.com/ncsi.txt",
        page(b"Microsoft NCSI"),
    ),
    (
        "P9",
        "Windows Vista to 10 1511, IPv6",
        NCSI,
        "another body, or a status other than 200",
        "http://ipv6.msftncsi.com/ncsi.txt",
        page(b"Microsoft NCSI"),
    ),
    (
        "P11",
        "Windows, page for the user",
        CHROME,
        "opened in the browser when captive",
        "http://www.msftconnecttest.com/redirect",
        MSN,
    ),
    (
        "P12",
        "Firefox",
        FIREFOX,
        REDIRECT_OR_OTHER_BODY,
        "http://detectportal.firefox.com/canonical.html",
        FIREFOX_CANONICAL,
    ),
    (
        "P12",
        "Firefox",
        FIREFOX,
        REDIRECT_OR_OTHER_BODY,
        "http://detectportal.firefox.com/success.txt?ipv4",
        page(b"success\n"),
    ),
    (
        "P12",
        "Firefox",
        FIREFOX,
        REDIRECT_OR_OTHER_BODY,
        "http://detectportal.firefox.com/success.txt?ipv6",
        page(b"success\n"),
    ),
    (
        "P13",
        "NetworkManager, Fedora",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://fedoraproject.org/static/hotspot.txt",
        page(b"OK"),
    ),
    (
        "P14",
        "NetworkManager, RHEL",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://static.redhat.com/test/rhel-networkmanager.txt",
        page(b"OK"),
    ),
    (
        "P15",
        "NetworkManager, Debian",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://network-test.debian.org/nm",
        page(b"NetworkManager is online\n"),
    ),
    (
        "P16",
        "NetworkManager, Ubuntu",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://connectivity-check.ubuntu.com/",
        UBUNTU,
    ),
    (
        "P17",
        "NetworkManager, Arch",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://ping.archlinux.org/",
        ONLINE_BODY,
    ),
    (
        "P17",
        "NetworkManager, Manjaro",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://ping.manjaro.org/check_network_status.txt",
        ONLINE_BODY,
    ),
    (
        "P17",
        "NetworkManager, KDE",
        NETWORK_MANAGER,
        REDIRECT_OR_OTHER_BODY,
        "http://networkcheck.kde.org/",
        page(b"OK"),
    ),
    (
        "P18",
        "GNOME's portal window",
        CHROME,
        REDIRECT_OR_OTHER_BODY,
        "http://nmcheck.gnome.org/check_network_status.txt",
        page(b"NetworkManager is online"),
    ),
    (
        "P25",
        "Kindle",
        UNKNOWN,
        "the page lacks the known number",
        "http://spectrum.s3.amazonaws.com/kindle-wifi/wifistub.html",
        KINDLE,
    ),
    (
        "P25",
        "Kindle",
        UNKNOWN,
        "the page lacks the known number",
        "http://spectrum.s3.amazonaws.com/kindle-wifi/wifistub-eink.html",
        KINDLE,
    ),
    (
        "P25",
        "Kindle",
        UNKNOWN,
        "the page lacks the known number",
        "http://spectrum.s3.amazonaws.com/kindle-wifi/wifiredirect.html",
        KINDLE,
    ),
    (
        "P27",
        "Nintendo Switch",
        UNKNOWN,
        "header X-Organization missing",
        "http://ctest.cdn.nintendo.net/",
        NINTENDO,
    ),
    (
        "P27",
        "older Nintendo",
        UNKNOWN,
        "header X-Organization missing",
        "http://conntest.nintendowifi.net/",
        NINTENDO,
    ),
    (
        "P28",
        "PlayStation",
        UNKNOWN,
        "not known",
        "http://ena.net.playstation.net/netstart/ps4",
        PLAYSTATION,
    ),
)

PROBES: tuple[Probe, ...] = (
    *_apple(),
    *_no_content(),
    *(
        Probe(row, client, url, agent, genuine, captive_when)
        for row, client, agent, captive_when, url, genuine in _PAGES
    ),
    Probe(
        "P29",
        "Roku",
        "http://captive.roku.com/ok",
        UNKNOWN,
        page(b"ok\n"),
        "not known",
        verified=False,
    ),
)

HOSTS: tuple[str, ...] = tuple(dict.fromkeys(probe.host for probe in PROBES))
HTTPS_HOSTS: tuple[str, ...] = tuple(
    dict.fromkeys(probe.host for probe in PROBES if probe.url.startswith("https:"))
)
GENUINE: dict[tuple[str, str], Answer] = {
    (probe.host, probe.target): probe.genuine for probe in PROBES
}


def ordinary_page(host: str) -> Answer:
    """What any other host of the lab's internet answers, at any path."""
    body = (
        f"<!doctype html><html lang=en><title>{host}</title>"
        f"<h1>{host}</h1><p>An ordinary page of the lab's internet.</p></html>\n"
    )
    return page(body.encode(), kind="text/html; charset=utf-8")
