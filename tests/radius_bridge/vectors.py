"""The text vectors of RADIUS: each line one packet, or what the packet above it holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "vectors" / "radius"
SECRET_TEXT = b"xyzzy5461"


@dataclass(frozen=True)
class Example:
    """A packet of an RFC: the request that it answers, and the words about it."""

    name: str
    octets: bytes
    request: bytes | None
    words: dict[str, str]


def lines_of(name: str) -> Iterator[str]:
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line


def examples() -> Iterator[Example]:
    for file in sorted(FOLDER.glob("*_examples.txt")):
        lines = list(lines_of(file.name))
        request = b""
        for number, (line, words) in enumerate(zip(lines[::2], lines[1::2], strict=True)):
            octets = bytes.fromhex(line[2:])
            named = words[2:].split()
            request = octets if line[0] == ">" else request
            yield Example(
                f"{file.stem}:{number}",
                octets,
                None if line[0] == ">" else request,
                dict(zip(named[::2], named[1::2], strict=True)),
            )


def numbers(text: str) -> list[int]:
    return [] if text == "none" else [int(number) for number in text.split(",")]
