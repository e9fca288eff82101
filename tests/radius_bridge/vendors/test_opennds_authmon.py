"""What openNDS' authmon asks, as 9.10.0 wrote it, and what its shell makes of an answer."""

import base64
import hashlib
import re
import subprocess
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius_bridge.vendors.opennds_authmon import (
    LONGEST_PAYLOAD,
    MOST_LISTED,
    Ask,
    Entry,
    Question,
    answer,
    answer_out,
    gateway_hash,
    read_question,
)

NAME = "Library Node:62d61ab00cb3 "
HASH = "a3b86c9195efdea07e7fa6305349399eae9b72e2b667e765563d4d19c9c27766"
"""What 9.10.0 made of another name of that kind."""
FIRST, SECOND = "ab" * 32, "0123" * 16
ACKNOWLEDGED = (
    "KiBhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJh"
    "YmFiIDAxMjMwMTIzMDEyMzAxMjMwMTIzMDEyMzAxMjMwMTIzMDEyMzAxMjMwMTIzMDEyMzAxMjMwMTIzMDEyM"
    "zAxMjM%3D"
)
DEAUTHED = (
    "bWV0aG9kPXRpbWVvdXRfZGVhdXRoLCBjbGllbnRtYWM9MDI6NGI6NTY6MDA6MDA6MDEsIGJ5dGVzX2luY29t"
    "aW5nPTEsIHRva2VuPTliOTZjNzExLCBjdXN0b209Ym1FPQ%3D%3D"
)
BODY = f"auth_get=%s&gatewayhash={HASH}&payload=%s"


def fields_of(body: str) -> dict[str, str]:
    return dict(parse_qsl(body))


def payload_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("verb", "payload", "ask", "rhids"),
    [  # the bodies that post-request.php sent
        ("view", "bm9uZQ%3D%3D", Ask.WHOM_TO_LET_IN, ()),
        ("view", "Kg%3D%3D", Ask.LET_IN, ()),
        (
            "view",
            ACKNOWLEDGED,
            Ask.LET_IN,
            (FIRST, SECOND),
        ),
        ("clear", "bm9uZQ%3D%3D", Ask.NOTHING, ()),
        (
            "deauthed",
            DEAUTHED,
            Ask.NOTHING,
            (),
        ),
        ("custom", "a3Zhci1vdXQ%3D", Ask.WHOM_TO_PUT_OUT, ()),
        ("custom", payload_of(f"kvar-out * {FIRST}\n"), Ask.PUT_OUT, (FIRST,)),
        ("custom", payload_of("kvar-outside"), Ask.NOTHING, ()),
        ("list", "bm9uZQ%3D%3D", Ask.WHOM_TO_LET_IN_ONCE, ()),
        ("view", payload_of(f"* {FIRST}\n{SECOND}\n* x {FIRST}"), Ask.LET_IN, (FIRST, SECOND)),
    ],
)
def test_a_question_is_read_as_it_was_asked(
    verb: str, payload: str, ask: Ask, rhids: tuple[str, ...]
) -> None:
    assert read_question(fields_of(BODY % (verb, payload))) == Question(ask, HASH, rhids)


def test_a_plus_that_became_a_space_is_a_plus() -> None:
    payload = payload_of(f"* {FIRST} ~~~>>>")
    assert "+" in payload
    question = read_question(fields_of(BODY % ("view", payload)))
    assert question is not None
    assert question.rhids == (FIRST,)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"auth_get": "view", "payload": payload_of("none")},
        {"auth_get": "view", "gatewayhash": HASH, "payload": payload_of("no list")},
        {"auth_get": "deauth", "gatewayhash": HASH, "payload": payload_of("none")},
        {"auth_get": "view", "gatewayhash": HASH[:-1], "payload": payload_of("none")},
        {"auth_get": "view", "gatewayhash": HASH.upper(), "payload": payload_of("none")},
        {"auth_get": "view", "gatewayhash": f"../{HASH}", "payload": payload_of("none")},
        {"auth_get": "view", "gatewayhash": HASH, "payload": "bm9uZQ"},
        {"auth_get": "view", "gatewayhash": HASH, "payload": "\u00e5"},
        {"auth_get": "list", "gatewayhash": HASH, "payload": "A" * (LONGEST_PAYLOAD + 4)},
    ],
)
def test_what_is_no_question_is_none(fields: dict[str, str]) -> None:
    assert read_question(fields) is None


@given(st.dictionaries(st.sampled_from(["auth_get", "gatewayhash", "payload"]), st.text()))
def test_anything_can_be_asked(fields: dict[str, str]) -> None:
    question = read_question(fields)
    assert question is None or re.fullmatch("[0-9a-f]{64}", question.gateway)


def test_a_gateways_hash_is_that_of_its_name_as_it_writes_it() -> None:
    written = "Library%20Node%3a62d61ab00cb3%20"
    assert gateway_hash(NAME) == hashlib.sha256(written.encode()).hexdigest()
    assert gateway_hash("Å-_.~+/") == hashlib.sha256(b"%c3%85-_.~%2b%2f").hexdigest()


def test_an_answer_holds_whole_entries_as_far_as_they_are_read() -> None:
    rhids = [hashlib.sha256(bytes([number])).hexdigest() for number in range(40)]
    text = answer(Entry(rhid, 525_600, 9_999_999, 9_999_999) for rhid in rhids)
    kept = text[2 : 2 + 1024]
    assert text.startswith("* ")
    assert text == f"* {kept}"
    words = kept.split(" ")
    assert 8 <= len(words) <= MOST_LISTED
    assert all(re.fullmatch(r"[0-9a-f]{64}(%20\d+){5}", word) for word in words)
    assert len(answer(Entry(rhid, 60) for rhid in rhids[:MOST_LISTED]).split(" ")) == 12
    assert answer([]) == answer_out([]) == "*"
    assert answer_out([FIRST, "no hash", SECOND]) == f"* {FIRST} {SECOND}"


@given(st.text(), st.integers(), st.integers(), st.integers())
def test_nothing_but_digits_comes_to_the_gateways_shell(
    rhid: str, minutes: int, upload: int, download: int
) -> None:
    for one in (rhid, FIRST):
        text = answer([Entry(one, minutes, upload, download)])
        assert re.fullmatch(r"\*( [0-9a-f]{64}(%20[0-9]{1,8}){5})?", text)


@pytest.mark.program
def test_its_shell_divides_an_answer_as_it_is_meant() -> None:
    """The lines of authmon.sh, with `echo` instead of `ndsctl`."""
    script = """
authlist=$1
authlist=${authlist:2:1024}
for authparams_enc in $authlist; do
    authparams=$(printf "${authparams_enc//%/\\\\x}")
    ndsctlcmd="auth $authparams 2>/dev/null"
    eval echo "$ndsctlcmd"
done
"""
    entries = [Entry(FIRST, 61, 0, 8000), Entry(SECOND, 0)]
    command = ["bash", "-c", script, "authmon", answer(entries)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"auth {FIRST} 61 0 8000 0 0\nauth {SECOND} 1 0 0 0 0\n"
