"""age's format: its own program reads ours and we read its; nothing changed or cut gets through."""

import io
import subprocess
from pathlib import Path

import pytest

from portal.backup import age
from portal.backup.age import AgeError, Decrypting, Encrypting

SIZES = [0, 1, age.CHUNK_BYTES - 1, age.CHUNK_BYTES, age.CHUNK_BYTES + 1, 3 * age.CHUNK_BYTES]


def sealed(plain: bytes, *recipients: str) -> bytes:
    sink = io.BytesIO()
    writer = Encrypting(sink, [age.read_recipient(recipient) for recipient in recipients])
    for start in range(0, len(plain), 50_000):
        writer.write(plain[start : start + 50_000])
    writer.finish()
    return sink.getvalue()


def opened(data: bytes, identity: str) -> bytes:
    reader = Decrypting(io.BytesIO(data), age.read_identities(identity))
    return b"".join(iter(lambda: reader.read(33_333), b""))


def text_of(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.program
@pytest.mark.parametrize("size", SIZES)
def test_age_reads_what_we_write(size: int, tmp_path: Path) -> None:
    identity, recipient = age.new_identity()
    (tmp_path / "key").write_text(identity)
    command = ["age", "--decrypt", "-i", str(tmp_path / "key")]
    data = sealed(text_of(size), recipient)
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    assert done.stdout == text_of(size)


@pytest.mark.program
@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_age_writes(size: int) -> None:
    made = subprocess.run(["age-keygen"], capture_output=True, text=True, check=True)
    recipient = made.stdout.split("public key: ")[1].split()[0]
    command = ["age", "-r", recipient]
    done = subprocess.run(command, input=text_of(size), capture_output=True, check=True)
    assert opened(done.stdout, made.stdout) == text_of(size)
    assert opened(sealed(b"ours", recipient), made.stdout) == b"ours"


def test_either_of_two_recipients_reads_and_a_third_does_not() -> None:
    pairs = [age.new_identity() for _ in range(3)]
    data = sealed(b"secret", pairs[0][1], pairs[1][1])
    assert [opened(data, identity) for identity, _ in pairs[:2]] == [b"secret"] * 2
    with pytest.raises(AgeError, match="for another key"):
        opened(data, pairs[2][0])
    assert b"secret" not in data


@pytest.mark.parametrize("size", [0, 100, age.CHUNK_BYTES, age.CHUNK_BYTES + 5])
def test_a_file_that_was_cut_or_changed_is_refused(size: int) -> None:
    identity, recipient = age.new_identity()
    whole = sealed(text_of(size), recipient)
    body = len(whole) - size
    for end in {0, 5, 30, 100, body - 20, len(whole) - 1, whole.find(b"---") + 60}:
        with pytest.raises(AgeError):
            opened(whole[:end], identity)
    for place in {25, 60, 130, len(whole) - 17, len(whole) - 1}:
        damaged = bytearray(whole)
        damaged[place] ^= 1
        with pytest.raises(AgeError):
            opened(bytes(damaged), identity)
    with pytest.raises(AgeError):
        opened(whole + b"x", identity)


def test_chunks_cannot_be_left_out_or_change_places() -> None:
    identity, recipient = age.new_identity()
    whole = sealed(text_of(3 * age.CHUNK_BYTES), recipient)
    size = age.CHUNK_BYTES + 16
    head, chunks = whole[: -3 * size], [whole[-3 * size : -2 * size], whole[-2 * size : -size]]
    for other in (chunks[:1], [*chunks[::-1], whole[-size:]], [whole[-size:]], chunks):
        with pytest.raises(AgeError):
            opened(head + b"".join(other), identity)


def test_other_kinds_of_stanza_are_passed_over() -> None:
    """Another program may have added one; the proof of the header covers it, so it is refused."""
    identity, recipient = age.new_identity()
    whole = sealed(b"x", recipient)
    more = whole.replace(b"-> X25519", b"-> other arg\nAAAA\n-> X25519", 1)
    with pytest.raises(AgeError, match="header was changed"):
        opened(more, identity)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "AGE-SECRET-KEY-1QQQ", "age1qqq"])
def test_what_is_no_private_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(AgeError) as caught:
        age.read_identities(text)
    assert "QQQ" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "age1", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1QQQ"])
def test_what_is_no_recipient_is_refused(text: str) -> None:
    with pytest.raises(AgeError, match="not a recipient"):
        age.read_recipient(text)


@pytest.mark.parametrize(
    "head", [b"", b"age-encryption.org/v2\n", age.INTRODUCTION, age.INTRODUCTION + b"x\n" * 300,
             age.INTRODUCTION + b"-> X25519 ?\n?\n--- ?\n"]
)  # fmt: skip
def test_what_is_no_header_is_refused(head: bytes) -> None:
    with pytest.raises(AgeError):
        opened(head, age.new_identity()[0])
