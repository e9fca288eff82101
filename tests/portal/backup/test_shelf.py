"""The folder of backups: whole files only, the newest always, nobody else reads them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.backup.shelf import KEYS_NAME, backups, name_of, one_at_a_time, rotate, whole_file

NOW = datetime(2026, 11, 27, 4, 0, 7, tzinfo=UTC)


def fill(directory: Path, count: int, *, encrypted: bool = True) -> list[Path]:
    """One a day, the newest now; oldest first."""
    moments = [NOW - timedelta(days=back) for back in reversed(range(count))]
    paths = [directory / name_of(moment, encrypted=encrypted) for moment in moments]
    for path in paths:
        path.touch()
    (directory / KEYS_NAME).touch()
    (directory / "somebody's.tar").touch()
    return paths


def test_names_are_times(tmp_path: Path) -> None:
    paths = fill(tmp_path, 3)
    assert paths[-1].name == "kvar-20261127T040007Z.tar.age"
    assert [kept.path for kept in backups(tmp_path)] == paths
    assert backups(tmp_path)[-1].made_at == NOW
    assert backups(tmp_path / "none") == []


def test_the_oldest_go_by_number(tmp_path: Path) -> None:
    paths = fill(tmp_path, 10)
    assert rotate(tmp_path, 7, None, NOW) == paths[:3]
    assert rotate(tmp_path, 7, None, NOW) == []
    assert {path.name for path in tmp_path.iterdir()} == {
        *(path.name for path in paths[3:]), KEYS_NAME, "somebody's.tar",
    }  # fmt: skip


def test_the_oldest_go_by_age_but_never_the_newest(tmp_path: Path) -> None:
    paths = fill(tmp_path, 5)
    assert rotate(tmp_path, 7, timedelta(days=2), NOW) == paths[:2]
    assert rotate(tmp_path, 1, timedelta(days=2), NOW + timedelta(days=99)) == paths[2:4]
    assert [kept.path for kept in backups(tmp_path)] == paths[4:]


def test_a_file_stands_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "kvar-20261127T040007Z.tar"
    with whole_file(path) as file:
        file.write(b"old")
        assert not path.exists()
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ZeroDivisionError), whole_file(path) as file:
        file.write(bytes(1 // len(b"")))
    assert path.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == [path.name]


def test_what_a_killed_backup_left_goes(tmp_path: Path) -> None:
    (tmp_path / "kvar-20261127T040007Z.tar.1234.part").touch()
    (tmp_path / "kvar-keys.tar.age.5678.part").touch()
    another = tmp_path / "film.mkv.part"
    another.touch()
    rotate(tmp_path, 7, None, NOW)
    assert list(tmp_path.iterdir()) == [another]


def test_the_folder_is_made_and_closed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with one_at_a_time(folder):
        assert folder.stat().st_mode & 0o777 == 0o700
