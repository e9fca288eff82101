"""DHCP's option 114, asked of a real dnsmasq on a guest interface of the test's own."""

import json
import subprocess
import sys

import pytest

from portal.doctor.announcement import (
    NoAnnouncementError,
    announcement,
    decode_announcement,
    encode_inform,
)
from portal.doctor.finding import Level
from tests.portal.doctor.test_outside import config

URI = "https://wifi.example.se/captive-portal/api"

SCRIPT = """
import asyncio, json, subprocess, sys, time
def run(*words): subprocess.run(words, check=True)
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "guest0", "type", "veth", "peer", "name", "phone0")
run("ip", "address", "add", "10.44.0.1/24", "dev", "guest0")
for name in ("guest0", "phone0"): run("ip", "link", "set", name, "up")
server = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
    "--pid-file=", "--interface=guest0", "--bind-dynamic", "--leasefile-ro", "--user=root",
    "--dhcp-range=10.44.0.10,10.44.0.20", *sys.argv[1:]], stderr=subprocess.DEVNULL)
from portal.config import Config
from portal.doctor.announcement import announcement
from tests.portal.doctor.test_outside import config
facts = config().model_dump()
facts["sites"][0]["guest_interfaces"] = ["guest0"]
told = Config.model_validate(facts)
finding = None
for _ in range(20):
    [finding] = asyncio.run(announcement(told))
    if "no DHCP server" not in finding.text: break
server.terminate()
print(json.dumps([finding.level.value, finding.text]))
"""


def on_the_wire(*options: str) -> tuple[str, str]:
    command = ["unshare", "--net", sys.executable, "-c", SCRIPT, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    level, text = json.loads(done.stdout)
    return level, text


@pytest.mark.root
def test_what_a_real_server_announces_is_read() -> None:
    assert on_the_wire(f"--dhcp-option-force=114,{URI}") == ("right", f"guest0 is told {URI}")


@pytest.mark.root
def test_another_announcement_is_a_failure() -> None:
    level, text = on_the_wire("--dhcp-option-force=114,https://old.example.se/")
    assert level == "failure"
    assert "https://old.example.se/, not" in text


async def test_an_interface_without_an_address_is_a_failure() -> None:
    facts = config()
    site = facts.sites[0].model_copy(update={"guest_interfaces": ["nowhere0"]})
    [finding] = await announcement(facts.model_copy(update={"sites": [site]}))
    assert (finding.level, finding.command) == (Level.FAILURE, "ip link")


def answer(options: bytes) -> bytes:
    return encode_inform(7, "10.44.0.1")[:240] + options


@pytest.mark.parametrize(
    ("options", "uri"),
    [
        (b"", ""),
        (b"\x35\x01\x05\xff", ""),
        (b"\x00\x00\x35\x01\x05\x72\x03abc\xff", "abc"),
        (b"\x72\x04abc\x00\xff", "abc"),  # some servers end it by a zero, against RFC 8910
    ],
)
def test_the_option_is_found_wherever_it_stands(options: bytes, uri: str) -> None:
    assert decode_announcement(answer(options)) == uri


@pytest.mark.parametrize("packet", [b"", b"x" * 300, answer(b"\x72"), answer(b"\x72\x09abc")])
def test_what_is_no_answer_is_refused(packet: bytes) -> None:
    with pytest.raises(NoAnnouncementError):
        decode_announcement(packet)


@pytest.mark.root
def test_a_doctor_who_is_not_root_says_so() -> None:
    script = (
        "import asyncio\nfrom portal.doctor.announcement import announcement\n"
        "from tests.portal.doctor.test_outside import config\n"
        "print(asyncio.run(announcement(config()))[0].command)"
    )
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "sudo kvar doctor\n"
