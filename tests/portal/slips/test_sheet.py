from dataclasses import replace

import pytest

from portal.domain.slip import A4_SLIPS, A6, TARGETS, PrintTarget
from portal.slips.sheet import Printing, page_count, sheet_of
from tests.portal.slips.paper import EN, SLIP, SV, TEMPLATES, html_of, many


@pytest.mark.parametrize("script", [None, "/print.js"])
def test_a_page_to_print_asks_nobody_for_anything(script: str | None) -> None:
    page = sheet_of(TEMPLATES, [SLIP], Printing(TARGETS["a6"], SV), script=script, back="/desk")
    assert page.html.count("<style>") == 1
    assert "style=" not in page.html
    assert ("<script" in page.html) is (script is not None)
    assert "default-src 'none'" in page.policy
    assert ("script-src 'self'" in page.policy) is (script is not None)
    assert 'href="/desk"' in page.html


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_a_page_holds_what_the_paper_does(target: PrintTarget) -> None:
    count = target.slips_per_page + 1
    page = html_of(many(count), target)
    assert page.count('<section class="page">') == page_count(target, count) == 2
    assert page.count("<article") == count


def test_what_somebody_typed_is_escaped() -> None:
    page = html_of([replace(SLIP, library="<b>&", serial="<i>")], A6)
    assert "&lt;b&gt;&amp;" in page
    assert "<b>&" not in page
    assert "<i>" not in page


def test_without_a_login_address_there_is_one_code() -> None:
    page = html_of([replace(SLIP, login_url=None)], A6)
    assert page.count('class="qr"') == 1
    assert SV.texts["step2.qr"] not in page


def test_small_slips_have_one_language_and_one_code() -> None:
    page = sheet_of(TEMPLATES, [SLIP], Printing(A4_SLIPS, SV, EN)).html
    assert 'class="also"' not in page
    assert page.count('class="qr"') == 1


def test_what_is_promised_about_privacy_is_the_sites_to_say() -> None:
    promise = SV.texts["privacy"]
    assert promise in html_of([SLIP], A6)
    assert promise not in html_of([replace(SLIP, privacy_line=False)], A6)


def test_a_page_of_slips_never_shows_its_secrets_in_a_repr() -> None:
    assert "408" not in repr(SLIP)
    assert "umea.se/v" not in repr(SLIP)
