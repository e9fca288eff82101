"""Omada, as TP-Link's FAQ 3231 and 2907 have it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given

from radius_bridge.clients import FamilyName
from radius_bridge.secret import Secret
from radius_bridge.vendors import omada_api
from radius_bridge.vendors.family import DynamicVerb, NotBelieved, PortalSettings
from radius_bridge.vendors.omada_api import TimeUnit
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.devices import GRANT, NOON, PHONE, PORTAL
from tests.radius_bridge.vendors.test_ruckus import JSON

OMADA = family_of(FamilyName.OMADA)
CONTROLLER = "fc2b25d44a950a6357313da0afb4c14a"
TOLD = {
    "clientMac": "3C-5A-B4-01-02-03",
    "apMac": "AC-84-C6-00-00-01",
    "ssidName": "Library",
    "radioId": "1",
    "site": "Default",
}
REDIRECT = "https://wifi.example.org/?" + "&".join(f"{key}={value}" for key, value in TOLD.items())


def test_radius_only_answers() -> None:
    assert OMADA.to_portal(PORTAL, PHONE) is None
    for verb in DynamicVerb:
        assert OMADA.dynamic(verb, GRANT, PHONE) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("AC-84-C6-00-00-01", "x"),
        ("radioId=1", "radioId=one"),
        ("radioId=1", "radioId=-1"),
        ("ssidName=Library", "ssidName="),
        ("ssidName=Library", "ssidName=" + "L" * 65),
        ("site=Default", "site="),
        ("3C-5A-B4-01-02-03", "10.1.0.50"),
        ("site=Default", "site=Default&target=192.0.2.50&scheme=ftp"),
    ],
)
def test_values_have_their_shape(old: str, new: str) -> None:
    url = REDIRECT.replace(old, new)
    assert OMADA.read_redirect(url, PortalSettings(("192.0.2.50",))) is NotBelieved.MALFORMED


@pytest.mark.parametrize(
    ("unit", "time"),
    [
        (TimeUnit.FOR_MILLISECONDS, 3_600_000),
        (TimeUnit.FOR_MICROSECONDS, 3_600_000_000),
        (TimeUnit.UNTIL_MICROSECONDS, 1_795_698_000_000_000),
    ],
)
def test_time_is_meant_as_the_setting_says(unit: TimeUnit, time: int) -> None:
    body = omada_api.authorise(TOLD | {"form": "https://x"}, 3600, NOON, unit)
    assert body == TOLD | {"radioId": 1, "time": time, "authType": 4}
    if unit is TimeUnit.UNTIL_MICROSECONDS:
        end = datetime.fromtimestamp(time // 1_000_000, UTC)
        assert (end - NOON).total_seconds() == 3600


def test_what_has_ended_is_still_a_time() -> None:
    body = omada_api.authorise(TOLD, -5, NOON, TimeUnit.FOR_MILLISECONDS)
    assert body["time"] == 1000


def test_an_operator_logs_in_before() -> None:
    assert omada_api.login_path(CONTROLLER) == f"/{CONTROLLER}/api/v2/hotspot/login"
    assert omada_api.authorise_path("") == "/api/v2/hotspot/extPortal/auth"
    assert omada_api.login("kvar", Secret(b"xyz")) == {"name": "kvar", "password": "xyz"}
    answer = {"errorCode": 0, "msg": "Hotspot log in successfully.", "result": {"token": "a3f0"}}
    assert omada_api.read_token(answer) == "a3f0"
    for wrong in (
        answer | {"errorCode": -30109},
        answer | {"result": {"token": "a\r\nb"}},
        answer | {"result": None},
        answer | {"errorCode": False},
        [],
    ):
        assert omada_api.read_token(wrong) is None


def test_a_controller_has_an_identifier_or_none() -> None:
    assert omada_api.is_controller(CONTROLLER)
    assert omada_api.is_controller("")
    assert not omada_api.is_controller("../admin")


@pytest.mark.parametrize(
    ("code", "did"), [(0, True), ("0", True), (-1005, False), (False, False), ([], False)]
)
def test_an_answer_is_a_success_only_when_it_says_so(code: object, did: bool) -> None:
    assert omada_api.succeeded({"errorCode": code}) is did


@given(JSON)
def test_every_answer_is_read(body: object) -> None:
    token = omada_api.read_token(body)
    assert token is None or omada_api.succeeded(body)
