"""hostapd 2.10, as src/radius/radius_das.c and the access point of a test lab answer."""

import pytest

from radius_bridge.clients import FamilyName
from radius_bridge.vendors.family import DynamicKind, DynamicVerb
from radius_bridge.vendors.registry import family_of
from tests.radius_bridge.vendors.attributes import lines_of
from tests.radius_bridge.vendors.devices import GRANT, PHONE

HOSTAPD = family_of(FamilyName.HOSTAPD)


@pytest.mark.parametrize("verb", list(DynamicVerb))
def test_a_session_is_shortened_by_a_disconnect_never_by_a_coa(verb: DynamicVerb) -> None:
    message = HOSTAPD.dynamic(verb, GRANT, PHONE)
    assert message is not None
    assert message.kind is DynamicKind.DISCONNECT
    assert lines_of(message) == ["Calling-Station-Id = 3C-5A-B4-01-02-03"]
