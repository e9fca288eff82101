import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pysip2 import (
    LoginRequest,
    PatronInformationRequest,
    PatronStatusRequest,
    SCStatusRequest,
    calculate_checksum,
    decode_message,
)

from portal.domain.identity import Secret
from portal.domain.verification import Verification
from portal.library.sip2.verdict import ExpiryCheck, Policy, is_about, judge
from portal.library.sip2.wire import (
    LONGEST_FRAME,
    AnswerFault,
    Dialect,
    FrameReader,
    Login,
    LoginAnswer,
    MalformedAnswerError,
    PatronAnswer,
    PatronMessage,
    PatronQuery,
    Query,
    ResendRequest,
    ScStatus,
    StatusAnswer,
    UnsendableError,
    checksum_of,
    encode,
    is_login_prompt,
    parse,
    seal,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "sip2"
TODAY = date(2026, 11, 22)
SENT_AT = datetime(2026, 11, 22, 6, 11, 32)  # noqa: DTZ001 - the wire's local time
SIMPLE = {
    "accepted": LoginAnswer(accepted=True),
    "refused": LoginAnswer(accepted=False),
    "online": StatusAnswer(online=True),
    "resend": ResendRequest(),
}


@dataclass(frozen=True)
class Vector:
    file: str
    encoding: str
    frame: bytes
    outcomes: tuple[str, ...] = ()


def read_vectors(kind: str) -> Iterator[Any]:
    """``>`` our encoder writes this, ``<`` an answer with its ``=`` outcomes."""
    for file in sorted(VECTORS.glob("t*.txt")):
        lines = file.read_text("utf-8").splitlines()
        encoding = next(line.split()[2] for line in lines if line.startswith("! encoding"))
        for number, line in enumerate(lines):
            if line.startswith(kind):
                rest = lines[number + 1 :]
                yield pytest.param(
                    Vector(file.name, encoding, unescape(line[2:]), tuple(outcomes(rest))),
                    id=f"{file.stem}:{number + 1}",
                )


def unescape(text: str) -> bytes:
    return text.encode("ascii").decode("unicode_escape").encode("latin-1")


def outcomes(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("= "):
            return
        yield line[2:]


def policy_of(options: list[str]) -> Policy:
    policy = Policy()
    for option in options:
        name, value = option.split("=")
        if name == "deny":
            policy = Policy(frozenset(map(int, value.split(","))), policy.check_expiry)
        else:
            policy = Policy(policy.deny_positions, ExpiryCheck(value))
    return policy


@pytest.mark.parametrize("vector", list(read_vectors("<")))
def test_recorded_answers_mean_what_they_say(vector: Vector) -> None:
    answer = parse(vector.frame, Dialect(vector.encoding)).answer
    assert vector.outcomes
    for outcome, *options in (text.split() for text in vector.outcomes):
        if isinstance(answer, PatronAnswer):
            assert judge(answer, policy_of(options), TODAY) == Verification(outcome)
        else:
            assert answer == SIMPLE[outcome]


@pytest.mark.parametrize("vector", list(read_vectors("<")))
def test_frames_are_cut_whole_byte_by_byte_and_with_trailing_bytes(vector: Vector) -> None:
    assert FrameReader().feed(vector.frame + b"\r") == [vector.frame]
    assert FrameReader().feed(b"\n\r\n" + vector.frame + b"\r\n") == [vector.frame]
    assert FrameReader().feed(vector.frame + b"\n") == [vector.frame]
    slow = FrameReader()
    pieces = [slow.feed(bytes([byte])) for byte in vector.frame + b"\r"]
    assert pieces[-1] == [vector.frame]
    assert not any(pieces[:-1])
    trailing = FrameReader()
    assert trailing.feed(vector.frame + b"\r941AY") == [vector.frame]
    assert trailing.partial == b"941AY"


@pytest.mark.parametrize("vector", list(read_vectors("<")))
def test_a_cut_answer_never_says_more_than_the_whole(vector: Vector) -> None:
    whole = [text.split()[0] for text in vector.outcomes]
    for length in range(len(vector.frame)):
        try:
            answer = parse(vector.frame[:length], Dialect(vector.encoding)).answer
        except MalformedAnswerError:
            continue
        if isinstance(answer, PatronAnswer) and judge(answer, Policy(), TODAY) == "ok":
            assert "ok" in whole


def query_of(message: object) -> Query:
    match message:
        case LoginRequest():
            password = Secret(message.login_password)
            return Login(message.login_user_id, password, message.location_code or "")
        case SCStatusRequest():
            return ScStatus()
        case PatronStatusRequest() | PatronInformationRequest():
            is_status = isinstance(message, PatronStatusRequest)
            return PatronQuery(
                PatronMessage.STATUS if is_status else PatronMessage.INFORMATION,
                Secret(message.patron_identifier),
                Secret(message.patron_password or ""),
                datetime.strptime(message.transaction_date, "%Y%m%d    %H%M%S"),  # noqa: DTZ007
                message.language,
                message.institution_id,
                Secret(message.terminal_password or ""),
            )
    raise AssertionError(message)


@pytest.mark.parametrize("vector", list(read_vectors(">")))
def test_our_encoder_writes_the_recorded_requests(vector: Vector) -> None:
    decoded = decode_message(vector.frame + b"\r", encoding=vector.encoding)
    body = encode(query_of(decoded.message), Dialect(vector.encoding))
    checksum = decoded.checksum is not None
    frame = seal(body, checksum=checksum, sequence=decoded.sequence_number)
    assert frame == vector.frame + b"\r"


@pytest.mark.parametrize(
    "line",
    [
        line
        for line in (VECTORS / "checksums.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ],
)
def test_checksums(line: str) -> None:
    encoding, rest = line.split(" ", 1)
    covered, checksum = rest.rsplit(" ", 1)
    assert checksum_of(covered.encode(encoding)) == checksum.encode()


def test_a_checksum_has_zeros_in_front() -> None:
    assert checksum_of(b"\xff" * 241 + b"AZ") == b"0F56"


def test_lower_case_checksums_are_accepted_and_wrong_ones_are_not() -> None:
    assert parse(b"941AY0AZfdfd", Dialect()).sequence == 0
    with pytest.raises(MalformedAnswerError) as caught:
        parse(b"941AY0AZFDFE", Dialect())
    assert caught.value.fault is AnswerFault.CHECKSUM_WRONG


def test_the_tail_is_read_with_and_without_a_number() -> None:
    numbered = parse(b"941AY0AZFDFD", Dialect())
    assert (numbered.sequence, numbered.checksummed) == (0, True)
    unnumbered = parse(b"941AZFEC7", Dialect())
    assert (unnumbered.sequence, unnumbered.checksummed) == (None, True)
    plain = parse(b"941", Dialect())
    assert (plain.sequence, plain.checksummed) == (None, False)


@pytest.mark.parametrize("frame", [b"", b"9", b"12", b"\xff\xff", b"HTTP/1.1 400 Bad Request"])
def test_unknown_codes_are_malformed(frame: bytes) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(frame, Dialect())
    assert caught.value.fault is AnswerFault.CODE_UNKNOWN


@pytest.mark.parametrize(
    "frame", [b"94", b"98" + b"Y" * 33, b"24" + b" " * 34, b"64" + b" " * 58, b"24AA|BLY|CQY|"]
)
def test_short_fixed_parts_are_truncated(frame: bytes) -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        parse(frame, Dialect())
    assert caught.value.fault is AnswerFault.TRUNCATED


def test_an_endless_answer_is_given_up() -> None:
    reader = FrameReader()
    assert reader.feed(b"2" * LONGEST_FRAME) == []
    with pytest.raises(MalformedAnswerError) as caught:
        reader.feed(b"4")
    assert caught.value.fault is AnswerFault.TOO_LONG
    with pytest.raises(MalformedAnswerError):
        FrameReader().feed(b"2" * (LONGEST_FRAME + 1) + b"\r")


@pytest.mark.parametrize("prompt", [b"login: ", b"\xff\xfb\x01login:", b"Welcome!\r\nUsername: "])
def test_a_terminal_s_prompt_is_recognised(prompt: bytes) -> None:
    assert is_login_prompt(prompt)


@pytest.mark.parametrize("answer", [b"941", b"98YYYYYY", b"login failed", b""])
def test_other_bytes_are_no_prompt(answer: bytes) -> None:
    assert not is_login_prompt(answer)


# --- sending ---


def patron_query(card: str = "4711", pin: str = "1234") -> PatronQuery:
    return PatronQuery(PatronMessage.STATUS, Secret(card), Secret(pin), SENT_AT)


@pytest.mark.parametrize(
    "value",
    ["123|ADx|", "4711\r", "4711\n2300", "47\x0011", "4711\x7f", "47\x9111", "4" * 65, "4" * 4096],
)
def test_field_injection_is_refused(value: str) -> None:
    for query in (
        patron_query(card=value),
        patron_query(pin=value),
        Login(value, Secret("x")),
        Login("x", Secret(value)),
        Login("x", Secret("x"), value),
    ):
        with pytest.raises(UnsendableError) as caught:
            encode(query, Dialect())
        assert value not in str(caught.value)


@pytest.mark.parametrize("query", [patron_query(card=""), patron_query(pin="")])
def test_an_empty_card_or_pin_is_never_sent(query: PatronQuery) -> None:
    with pytest.raises(UnsendableError):
        encode(query, Dialect())


def test_the_site_s_delimiter_is_used_and_refused() -> None:
    dialect = Dialect(delimiter="^")
    assert encode(patron_query(), dialect).endswith(b"AO^AA4711^AC^AD1234^")
    with pytest.raises(UnsendableError):
        encode(patron_query(card="47^11"), dialect)


def test_what_cannot_be_encoded_is_refused_not_replaced() -> None:
    with pytest.raises(UnsendableError):
        encode(patron_query(pin="ぴん"), Dialect("cp850"))


def test_a_delimiter_that_the_encoding_makes_is_refused() -> None:
    text = "ポ"  # 0x83 0x7C in Shift JIS: its second byte is the delimiter
    with pytest.raises(UnsendableError):
        encode(patron_query(card=text), Dialect("shift_jis"))


def test_a_frame_ends_in_one_cr_and_holds_no_lf() -> None:
    frame = seal(encode(patron_query(), Dialect()), checksum=True, sequence=3)
    assert frame.count(b"\r") == 1
    assert frame.endswith(b"\r")
    assert b"\n" not in frame


def test_neither_card_nor_pin_nor_password_shows_in_a_repr() -> None:
    answer = parse(b"24" + b" " * 35 + b"AO|AA4711|AEEva Berg|BLY|CQY|", Dialect())
    shown = repr(patron_query()) + repr(Login("portal", Secret("s3cret"))) + repr(answer)
    for secret in ("4711", "1234", "s3cret", "Eva"):
        assert secret not in shown


printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F), max_size=70)


@given(
    printable, printable, printable, st.sampled_from(PatronMessage), st.integers(0, 9) | st.none()
)
def test_an_independent_implementation_reads_what_we_send(
    card: str, pin: str, institution: str, message: PatronMessage, sequence: int | None
) -> None:
    query = PatronQuery(
        message, Secret(card), Secret(pin), SENT_AT, institution_id=institution, language="001"
    )
    try:
        body = encode(query, Dialect("utf-8"))
    except UnsendableError:
        bad = set(map(chr, [*range(0x20), *range(0x7F, 0xA0), ord("|")]))
        unsafe = any(len(text) > 64 or bad & set(text) for text in (card, pin, institution))
        assert unsafe or not card or not pin
        return
    frame = seal(body, checksum=sequence is not None, sequence=sequence)
    decoded = decode_message(frame, encoding="utf-8")
    assert query_of(decoded.message) == query
    assert decoded.sequence_number == sequence
    if sequence is not None:
        assert calculate_checksum(frame[:-5]) == frame[-5:-1].decode()


# --- the verdict ---


def patron(fields: bytes, status: bytes = b" " * 14, code: bytes = b"64") -> PatronAnswer:
    fixed = {b"24": 35, b"64": 59}[code]
    answer = parse(code + (status + b" " * 59)[:fixed] + fields, Dialect()).answer
    assert isinstance(answer, PatronAnswer)
    return answer


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        (b"BLY|CQY|", "ok"),
        (b"BLY|CQY", "ok"),
        (b"CQY|BLY", "ok"),
        (b"BLYes|CQYes", "ok"),
        (b"BLN|CQY|", "bad_credentials"),
        (b"BLy|CQY|", "bad_credentials"),
        (b"BL|CQY|", "bad_credentials"),
        (b"BL |CQY|", "bad_credentials"),
        (b"BLY|BLN|CQY|", "bad_credentials"),
        (b"BLY|CQN|", "bad_credentials"),
        (b"BLY|CQ0|", "bad_credentials"),
        (b"BLY|CQY|CQN|", "bad_credentials"),
        (b"BLY|CQ|", "not_verified"),
        (b"BLY|CQ |", "not_verified"),
        (b"BLY|CQY|CQ|", "not_verified"),
        (b"BLY|", "not_verified"),
        (b"CQY|", "not_verified"),
        (b"", "not_verified"),
        (b"AEBLY|AFCQY|", "not_verified"),
        (b"BLYCQY|", "not_verified"),
    ],
)
@pytest.mark.parametrize("code", [b"24", b"64"])
def test_the_verdict(fields: bytes, outcome: str, code: bytes) -> None:
    assert judge(patron(fields, code=code), Policy(), TODAY) == outcome


@pytest.mark.parametrize(
    ("positions", "deny", "outcome"),
    [
        ({2}, {4}, "ok"),  # healthy patrons in Evergreen
        ({0, 1, 2, 3}, {4}, "ok"),  # Koha: debts, expired or debarred
        ({0, 1, 2, 3}, {0, 4}, "blocked"),
        ({4}, {4}, "blocked"),
        ({4}, set(), "ok"),
        (set(range(14)), {4}, "ok"),  # FOLIO's borrowing block
        (set(range(14)), {0, 4}, "blocked"),
    ],
)
def test_the_site_decides_which_flags_refuse(
    positions: set[int], deny: set[int], outcome: str
) -> None:
    status = bytes(ord("Y") if position in positions else ord(" ") for position in range(14))
    answer = patron(b"BLY|CQY|", status)
    assert judge(answer, Policy(frozenset(deny)), TODAY) == outcome


@pytest.mark.parametrize(
    ("fields", "check", "outcome"),
    [
        (b"PA20261121|", "PA", "expired"),
        (b"PA20261122|", "PA", "ok"),
        (b"PA20261121    235959|", "PA", "expired"),
        (b"PA1|", "PA", "ok"),  # Polaris means something else by it
        (b"PA|", "PA", "ok"),
        (b"", "PA", "ok"),
        (b"PA20261121|PYY|", "off", "ok"),
        (b"PYY|", "PY", "expired"),
        (b"PYN|", "PY", "ok"),
        (b"PY|", "PY", "ok"),
    ],
)
def test_expiry_is_seen_where_the_site_names_its_field(
    fields: bytes, check: str, outcome: str
) -> None:
    policy = Policy(check_expiry=ExpiryCheck(check))
    assert judge(patron(b"BLY|CQY|" + fields), policy, TODAY) == outcome


def test_expired_is_said_before_blocked() -> None:
    policy = Policy(frozenset({0, 4}), ExpiryCheck.PY)
    assert judge(patron(b"BLY|CQY|PYY|", b"YYYY" + b" " * 10), policy, TODAY) == "expired"


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        (b"AA4711|", True),
        (b"AA 4711 |", True),
        (b"AA4712|", False),
        (b"AA|", False),
        (b"AE4711|", False),
        (b"AA4711|AA4712|", False),
    ],
)
def test_an_answer_for_another_card_is_noticed(fields: bytes, about: bool) -> None:
    assert is_about(patron(fields), Secret("4711")) is about


def test_letters_in_card_numbers_may_change_case() -> None:
    assert is_about(patron(b"AAb4711|"), Secret("B4711"))


# --- hostile bytes ---

BITS = [b"24", b"64", b"94", b"98", b"96", b" " * 35, b" " * 59, b"AA4711", b"|", b"BLY", b"CQY"]
BITS += [b"BLN", b"CQN", b"BL", b"CQ", b"CQ ", b"AEx", b"\xff", b"AY1AZ", b"F00D", b"\r", b"\n"]
hostile = st.binary(max_size=200) | st.lists(st.sampled_from(BITS), max_size=30).map(b"".join)


@given(hostile)
def test_the_parser_raises_nothing_but_its_own_error(data: bytes) -> None:
    for encoding in ("utf-8", "cp850", "ascii"):
        for frame in [data, *FrameReader().feed(data)]:
            with contextlib.suppress(MalformedAnswerError):
                parse(frame, Dialect(encoding))


@given(st.binary(max_size=300), st.integers(1, 40))
def test_frames_do_not_depend_on_how_the_stream_is_cut(data: bytes, size: int) -> None:
    whole, cut = FrameReader(), FrameReader()
    frames = [frame for at in range(0, len(data), size) for frame in cut.feed(data[at : at + size])]
    assert frames == whole.feed(data)
    assert cut.partial == whole.partial


values = st.sampled_from([b"Y", b"Y ", b"YBV7", b"N", b"", b" ", b"y", b"0", b"\xc5"])
pieces = st.lists(st.tuples(st.sampled_from([b"BL", b"CQ", b"AE", b"AF"]), values), max_size=6)


@given(pieces, st.sampled_from([b"24", b"64"]))
def test_never_ok_unless_every_bl_and_every_cq_says_y(
    fields: list[tuple[bytes, bytes]], code: bytes
) -> None:
    answer = patron(b"".join(name + value + b"|" for name, value in fields), code=code)
    said = {
        wanted: [value[:1] for name, value in fields if name == wanted] for wanted in (b"BL", b"CQ")
    }
    all_say_yes = all(answers and set(answers) == {b"Y"} for answers in said.values())
    assert (judge(answer, Policy(), TODAY) == "ok") is all_say_yes
