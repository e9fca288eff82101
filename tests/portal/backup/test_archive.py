"""The archive: what went in comes out, and a damaged or foreign one changes nothing."""

import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.backup.archive import (
    PIECE_BYTES,
    ArchiveError,
    Manifest,
    StoredFile,
    Writer,
    read_backup,
    read_keys,
)

NOW = datetime(2026, 11, 27, 4, 0, tzinfo=UTC)
MANIFEST = Manifest(NOW, "0.1.0", (1, 2, 18), 0, "/etc/kvar/kvar.toml", {"event": 3})
FILES = {Path("/etc/kvar/kvar.toml"): StoredFile(b"[x]\n", 0o640, "root", "kvar")}


def archive(dump: bytes = b"dump", files: Mapping[Path, StoredFile] = FILES) -> bytes:
    sink = io.BytesIO()
    writer = Writer(sink, NOW)
    writer.add_files(files)
    writer.add_database(dump[at : at + 100_000] for at in range(0, len(dump), 100_000))
    writer.finish(MANIFEST)
    return sink.getvalue()


def foreign(**entries: bytes) -> io.BytesIO:
    sink = io.BytesIO()
    with tarfile.open(mode="w", fileobj=sink) as tar:
        for name, data in entries.items():
            entry = tarfile.TarInfo(name.replace("_dot_", ".").replace("__", "/"))
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    sink.seek(0)
    return sink


@pytest.mark.parametrize("size", [0, 10, PIECE_BYTES, 2 * PIECE_BYTES + 77])
def test_what_goes_in_comes_out(size: int, tmp_path: Path) -> None:
    dump = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    contents = read_backup(io.BytesIO(archive(dump)), tmp_path)
    assert contents.dump.read_bytes() == dump
    assert contents.dump.stat().st_mode & 0o777 == 0o600
    assert contents.files == FILES
    manifest = contents.manifest
    assert (manifest.made_at, manifest.schema, manifest.tables) == (NOW, 18, {"event": 3})


def test_it_opens_by_hand(tmp_path: Path) -> None:
    """tar -x, cat database/*: nobody needs this program to get at the data."""
    dump = b"y" * (PIECE_BYTES + 10)
    with tarfile.open(fileobj=io.BytesIO(archive(dump))) as tar:
        tar.extractall(tmp_path, filter="data")
    pieces = sorted((tmp_path / "database").iterdir())
    assert b"".join(piece.read_bytes() for piece in pieces) == dump
    assert (tmp_path / "configuration/etc/kvar/kvar.toml").read_bytes() == b"[x]\n"


def test_a_damaged_one_is_refused(tmp_path: Path) -> None:
    whole = archive(b"z" * 5000)
    place = whole.index(b"zzzz")
    for number, data in enumerate(
        [
            b"",
            b"x" * 2000,
            whole[:3000],
            whole[: len(whole) // 2],
            whole[:place] + b"!" + whole[place + 1 :],
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(ArchiveError):
            read_backup(io.BytesIO(data), folder)


def test_a_manifest_of_another_form_is_refused(tmp_path: Path) -> None:
    for number, (text, words) in enumerate(
        [(b"{}", "damaged"), (b"[]", "damaged"), (b"\xff", "damaged"), (b'{"format": 2}', "newer")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        with pytest.raises(ArchiveError, match=words):
            read_backup(foreign(manifest_dot_json=text), folder)


def test_a_path_cannot_lead_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="leads elsewhere"):
        read_backup(foreign(configuration__etc___dot__dot___x=b""), tmp_path)


def test_keys() -> None:
    sink = io.BytesIO()
    writer = Writer(sink, NOW)
    writer.add_keys({"live-2026.key": b"k" * 32})
    unfinished = sink.getvalue()
    writer.finish(Manifest(NOW, "0.1.0"))
    assert read_keys(io.BytesIO(sink.getvalue())) == {"live-2026.key": b"k" * 32}
    for data in (unfinished, sink.getvalue()[:600]):
        with pytest.raises(ArchiveError):
            read_keys(io.BytesIO(data))
    for name in ("keys__sub__x_dot_key", "keys__x_dot_txt"):
        with pytest.raises(ArchiveError, match="no key"):
            read_keys(foreign(**{name: b""}))
