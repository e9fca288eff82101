"""A voucher from the command to the kernel: typed, scanned, extended, printed again, turned off.

Everything real: the phone, the gateway, the portal, PostgreSQL.
"""

import re
from time import monotonic

import pytest

from firewall.lab import probes
from firewall.lab.phone import Phone
from firewall.lab.phone_answers import HttpAnswer
from firewall.lab.processes import LabError
from portal.demo.world import World
from tests.lab.guest import Guest, addresses_of, connections, fetch_sql, text_of, until

pytestmark = pytest.mark.root

PROBE_URL = "http://captive.apple.com/hotspot-detect.html"
AT_ONCE_S = 2.0


def kvar_voucher(world: World, *arguments: str) -> str:
    """Run ``kvar voucher`` for the first site on the gateway, and return what it says."""
    command = world.kvar_command("voucher", *arguments, "--site", world.config.sites[0].id)
    return world.lab.gateway.run(command).stdout


def make(world: World, *options: str) -> tuple[str, str]:
    """Make one voucher; return its serial and its code."""
    said = kvar_voucher(world, "create", *options)
    [(serial, code)] = re.findall(r"^([A-Z]+-\d{4})  (\d{3} \d{3} \d{4})  ", said)
    return serial, code


def type_code(guest: Guest, code: str) -> HttpAnswer:
    token = guest.token("/code", action="/code")
    return guest.post("/code", {"token": token, "code": code})


def is_through(phone: Phone) -> bool:
    return phone.http(PROBE_URL).body == probes.APPLE_SUCCESS.body


def test_turned_off_nothing_passes_any_more_in_either_family(world: World, guest: Guest) -> None:
    serial, code = make(world, "--preset", "4-hours")
    assert guest.is_captive()
    assert type_code(guest, code).header("Location") == "/status"
    assert is_through(guest.phone)
    assert f"{serial}: in use on 1 of 1" in kvar_voucher(world, "show", serial)

    streams = [guest.phone.stream("www.example.com", family=family) for family in (4, 6)]
    talk = guest.phone.converse("www.example.com")
    until(lambda: all(s.report().received > 50 for s in streams), "streams of both families")
    assert talk.say() == (True, "")

    assert f"{serial}: turned off" in kvar_voucher(world, "revoke", serial)

    reports = [stream.report() for stream in streams]
    received, sent = [r.received for r in reports], [r.sent for r in reports]
    until(
        lambda: all(s.report().sent > n + 200 for s, n in zip(streams, sent, strict=True)),
        "more of the streams",
    )
    assert [stream.stop().received for stream in streams] == received
    assert talk.say(timeout_s=1)[0] is False
    assert not guest.is_admitted()
    targets = [world.lab.internet.address_of("www.example.com", family) for family in (4, 6)]
    left = [
        line
        for line in connections(world, *addresses_of(guest.phone))
        if any(f"dst={target}" in line for target in targets)
    ]
    assert left == []
    assert guest.is_captive()
    page = text_of(guest.get("/"))
    assert "Koden är avstängd. Be personalen om en ny." in page
    assert "Koden är avstängd" in text_of(type_code(guest, code))


def test_another_node_puts_the_devices_out_within_two_seconds(world: World, guest: Guest) -> None:
    """Turned off in the database only, as by a node with a gate of its own."""
    serial, code = make(world)
    type_code(guest, code)
    assert guest.is_admitted()
    letters, number = serial.split("-")
    began = monotonic()
    gone = fetch_sql(
        world,
        "SELECT count(device) FROM voucher AS v, revoke_vouchers(ARRAY[v.id], false, now()) "
        "WHERE v.letters = $1 AND v.number = $2",
        letters,
        int(number),
    )
    assert gone == 1
    until(lambda: not guest.is_admitted(), "the keeper's look")
    assert monotonic() - began < AT_ONCE_S + 1, "with a look of ours and the start of nft"


def test_a_scanned_slip_logs_in_by_a_press_only(world: World, crowd: list[Phone]) -> None:
    serial, _ = make(world, "--devices", "2")
    token = _token_of(world, serial)
    first, second, third = [Guest(world, phone) for phone in crowd[:3]]
    shown = first.get(f"/v/{token.lower()}")
    assert "Din kod är ifylld" in text_of(shown)
    assert shown.header("Referrer-Policy") == "no-referrer"
    assert first.is_captive(), "a look logs nobody in"
    for guest in (first, second):
        form = guest.token(f"/v/{token}", action=f"/v/{token}")
        answer = guest.post(f"/v/{token}", {"token": form})
        assert (answer.status, answer.header("Location")) == (303, "/status")
        assert is_through(guest.phone)
    assert "används redan på 2 enheter" in text_of(third.get(f"/v/{token}"))
    assert third.is_captive()
    assert token not in world.log_file.read_text(errors="replace").upper()


def _token_of(world: World, serial: str) -> str:
    """Return the token of an unused voucher, as whoever prints its slip gets it."""
    from portal.composition.database import key_directory  # noqa: PLC0415 - beside its use
    from portal.services.key_ring import KeyRing  # noqa: PLC0415
    from portal.services.ports.vouchers import Sealed  # noqa: PLC0415
    from portal.services.voucher_secrets import VoucherSecrets  # noqa: PLC0415

    letters, number = serial.split("-")
    where = "FROM voucher WHERE letters = $1 AND number = $2"
    row = fetch_sql(world, f"SELECT ROW(id, key_id, sealed) {where}", letters, int(number))
    secrets = VoucherSecrets(KeyRing(key_directory(world.config)))
    slip = secrets.unseal(row[0], Sealed(row[1], row[2]))
    assert slip is not None
    return slip.token.reveal()


def test_extended_and_printed_again_the_visit_goes_on(world: World, crowd: list[Phone]) -> None:
    guest, late = [Guest(world, phone) for phone in crowd[:2]]
    serial, code = make(world, "--hours", "0.2", "--devices", "2")
    type_code(guest, code)
    talk = guest.phone.converse("www.example.com")
    assert f"{serial}: in use on 1 of 2" in kvar_voucher(world, "extend", serial, "--hours", "2")
    said = kvar_voucher(world, "reprint", serial)
    assert f"{serial} is turned off" in said
    [(new, new_code)] = re.findall(r"^([A-Z]+-\d{4})  (\d{3} \d{3} \d{4})  ", said)
    assert new != serial
    assert talk.say() == (True, "")
    assert guest.is_admitted()
    assert "Koden är avstängd" in text_of(type_code(late, code))
    assert type_code(late, new_code).header("Location") == "/status"
    kvar_voucher(world, "revoke", new)
    assert not guest.is_admitted()
    assert not late.is_admitted()


def test_a_batch_is_listed_and_turned_off(world: World) -> None:
    said = kvar_voucher(world, "create", "--count", "3", "--preset", "1-week")
    letters = said.split("-")[0]
    table = kvar_voucher(world, "export", letters, "--codes")
    code = said.split("  ")[1]
    assert f"{letters}-0001;{code};unused;0;1;" in table
    assert code not in kvar_voucher(world, "export", letters)
    assert f"{letters}: 3 turned off" in kvar_voucher(world, "revoke", letters, "--batch")
    assert f"{letters}-0003: turned off" in kvar_voucher(world, "list")
    with pytest.raises(LabError, match="no voucher of this site is called so"):
        kvar_voucher(world, "show", "ZZ-0001")
