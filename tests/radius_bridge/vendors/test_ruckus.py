"""Ruckus: PacketFence's Ruckus.pm, and the northbound interface by 800-73417-001 Rev B."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors import ruckus_api
from radius_bridge.vendors.family import (
    DynamicKind,
    DynamicVerb,
    NotBelieved,
    PortalSettings,
    Redirected,
)
from radius_bridge.vendors.registry import family_of
from radius_bridge.vendors.ruckus import PASSWORD_MAX_CHARACTERS
from radius_bridge.vendors.ruckus_api import Answer
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import CLASS, ENDS, GRANT, PHONE, PORTAL, TOKEN

RUCKUS = family_of(FamilyName.RUCKUS)
SETTINGS = PortalSettings(("192.0.2.31",))
PASSWORD = Secret(b"interface-password")
SMARTZONE = "https://wifi.example.org/?nbiIP=192.0.2.31&client_mac={}&uip={}&proxy={}"
HIDDEN = {
    "interface": "https://192.0.2.31:9443/portalintf",
    "client_mac": "ENC323e79bf1bbd5ac4",
    "client_ip": "ENCc59bb3bcb5d2c1a5",
    "proxy": "0",
}


def test_a_group_is_the_role() -> None:
    lines = lines_of(RUCKUS.grant(replace(GRANT, role="guests"), PHONE))
    assert lines == [*ENDS, *CLASS, "Ruckus-User-Groups = guests"]
    assert RUCKUS.to_portal(PORTAL, PHONE) is None


def test_there_is_a_disconnect_and_no_coa() -> None:
    message = RUCKUS.dynamic(DynamicVerb.EXPEL, None, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == [
        "Calling-Station-Id = 3C-5A-B4-01-02-03",
        "NAS-IP-Address = 192.0.2.10",
    ]
    assert RUCKUS.dynamic(DynamicVerb.ADMIT, GRANT, PHONE) is None
    assert RUCKUS.dynamic(DynamicVerb.CHANGE, GRANT, PHONE) is None


@pytest.mark.parametrize(
    ("mac", "ip", "proxy"),
    [
        ("ENC", "ENCc59bb3bcb5d2c1a5", "0"),
        ("ENCxyzxyzxyzxyzxyzx", "ENCc59bb3bcb5d2c1a5", "0"),
        ("ENC323e79bf1bbd5ac4", "ENC", "0"),
        ("ENC323e79bf1bbd5ac4", "", "0"),
        ("ENC323e79bf1bbd5ac4", "10.1.0.50", "2"),
        ("ENC" + "a" * 200, "10.1.0.50", "0"),
    ],
)
def test_hidden_values_have_their_shape(mac: str, ip: str, proxy: str) -> None:
    url = SMARTZONE.format(mac, ip, proxy)
    assert RUCKUS.read_redirect(url, SETTINGS) is NotBelieved.MALFORMED


def test_a_zone_director_hides_nothing_and_names_the_address() -> None:
    url = "https://wifi.example.org/?sip=192.0.2.31&client_mac={}&uip={}"
    for mac, ip in (("ENC323e79bf1bbd5ac4", "10.1.0.50"), ("3c5ab4010203", "")):
        assert RUCKUS.read_redirect(url.format(mac, ip), SETTINGS) is NotBelieved.MALFORMED


def test_the_token_fits_the_form() -> None:
    assert len(TOKEN.password.reveal()) <= PASSWORD_MAX_CHARACTERS


def test_hidden_values_go_back_to_the_interface_as_they_came() -> None:
    visitor = RUCKUS.read_redirect(
        SMARTZONE.format(HIDDEN["client_mac"], HIDDEN["client_ip"], "0"), SETTINGS
    )
    assert isinstance(visitor, Redirected)
    assert (visitor.mac, visitor.ip) == (None, None)
    assert ruckus_api.login(visitor.parameters, TOKEN, PASSWORD) == {
        "Vendor": "ruckus",
        "RequestUserName": "api",
        "RequestPassword": "interface-password",
        "APIVersion": "1.0",
        "RequestCategory": "UserOnlineControl",
        "RequestType": "LoginAsync",
        "UE-IP": "ENCc59bb3bcb5d2c1a5",
        "UE-MAC": "ENC323e79bf1bbd5ac4",
        "UE-Proxy": "0",
        "UE-Username": "kvar-0k3jR9",
        "UE-Password": "abcdefghijklmnopqrstuv",
    }


def test_state_and_end_are_asked_without_credentials() -> None:
    for body, kind in (
        (ruckus_api.status(HIDDEN, PASSWORD), "Status"),
        (ruckus_api.disconnect(HIDDEN, PASSWORD), "Disconnect"),
    ):
        assert body["RequestType"] == kind
        assert not {"UE-Username", "UE-Password"} & set(body)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (100, Answer.UNAUTHORISED),
        (101, Answer.AUTHORISED),
        (200, Answer.DONE),
        (201, Answer.AUTHORISED),
        (202, Answer.PENDING),
        (300, Answer.NOT_FOUND),
        (301, Answer.REFUSED),
        (302, Answer.MISCONFIGURED),
        (306, Answer.MISCONFIGURED),
        (400, Answer.UNAVAILABLE),
        (401, Answer.UNAVAILABLE),
        (True, Answer.UNAVAILABLE),
        ("201", Answer.UNAVAILABLE),
        (None, Answer.UNAVAILABLE),
        ([201], Answer.UNAVAILABLE),
    ],
)
def test_an_answer_is_a_success_only_when_it_says_so(code: object, answer: Answer) -> None:
    """The JSON responses of RUCKUS One's "WISPr API"; 202 means: ask again."""
    assert ruckus_api.read_answer({"Vendor": "ruckus", "ResponseCode": code}) is answer


def test_a_hidden_address_is_decrypted_by_the_controller() -> None:
    body = ruckus_api.decrypt("ENC323e79bf1bbd5ac4", PASSWORD)
    assert (body["RequestCategory"], body["RequestType"]) == ("GetConfig", "Decrypt")
    assert body["Data"] == "ENC323e79bf1bbd5ac4"
    said = {"ResponseCode": 200, "Data": "3C:5A:B4:01:02:03"}
    assert ruckus_api.read_decrypted(said) == "3C:5A:B4:01:02:03"
    for wrong in (said | {"ResponseCode": 300}, said | {"Data": 5}, [], None):
        assert ruckus_api.read_decrypted(wrong) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ResponseCode", "Data", "result", "token", "errorCode", "meta", "rc"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_every_answer_is_read(body: object) -> None:
    assert isinstance(ruckus_api.read_answer(body), Answer)
    assert ruckus_api.read_decrypted(body) is None or isinstance(body, dict)
