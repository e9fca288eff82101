"""``kvar setup`` as it is called: from a terminal's lines or a file, once and again."""

import os
import pty
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.clock import utc_now
from portal.composition.database import migrate_database
from portal.composition.local_postgres import prepare_database
from portal.composition.setup_files import SOCKETS, Place, make_certificates, write
from portal.composition.start import StartError
from portal.config_file import ConfigError, load, parse
from portal.setup import TEXTS, answers, configuration
from portal.storage.embedded import find_binaries
from portal.web.texts import load_languages
from tests.portal.storage.clusters import reachable_directory

ENGLISH = load_languages(TEXTS)[1]

FILE = """
login_methods = ["code"]
[municipality]
name = "Exempelby bibliotek"
[library]
name = "Exempelby stadsbibliotek"
[network]
ssid = "Biblioteket"
portal_host_name = "wifi.exempelby.example"
certificate_file = "{folder}/tls/chain.pem"
private_key_file = "{folder}/tls/key.pem"
[interfaces]
guest = ["guest0"]
[machine]
database = "{dsn}"
data_directory = "{folder}/data"
"""


@pytest.fixture
def answered(tmp_path: Path, postgres_dsn: str) -> Path:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn=postgres_dsn))
    return file


def set_up(file: Path, *options: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portal", "--config", str(file.with_name("kvar.toml"))]
    return subprocess.run(
        [*command, "setup", *options], input=typed, capture_output=True, text=True, check=False
    )


def by_file(file: Path, *options: str) -> str:
    done = set_up(file, "--answers", str(file), *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_once_makes_everything_and_again_changes_nothing(answered: Path) -> None:
    told = by_file(answered, "--language", "en")
    config = answered.with_name("kvar.toml")
    assert load(config).sites[0].id == "exempelby-stadsbibliotek"
    assert config.stat().st_mode & 0o777 == 0o600
    assert "http://localhost:8443/first#" in told
    assert "kvar account reset admin" in told  # the twin
    assert "✗ certificate" in told  # the doctor has looked, and a makeshift one is no real one
    assert "makeshift" in told
    before = {path: path.read_bytes() for path in answered.parent.rglob("*") if path.is_file()}
    again = by_file(answered, "--language", "en")
    assert "as the answers say already" in again
    assert "There is an account admin already" in again
    assert "/first#" not in again
    assert before == {p: p.read_bytes() for p in answered.parent.rglob("*") if p.is_file()}


def test_answers_that_everybody_can_read_are_told(answered: Path) -> None:
    answered.chmod(0o644)
    assert f"chmod 600 {answered}" in by_file(answered, "--language", "en")
    answered.chmod(0o640)
    assert "chmod" not in by_file(answered, "--language", "en")


def written(file: Path, *, replace: bool = False) -> list[str]:
    said: list[str] = []
    place = Place(file.with_name("kvar.toml"))
    write(answers.read(file), place, ENGLISH, said.append, replace=replace)
    return said


def test_a_file_edited_by_hand_is_left_and_said_so(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    config = file.with_name("kvar.toml")
    edited = config.read_text().replace("sessions_days = 14", "sessions_days = 7")
    config.write_text(edited)
    assert "was edited by hand and is left alone" in written(file)[0]
    assert config.read_text() == edited
    assert "the old one was kept as" in written(file, replace=True)[0]
    assert load(config).retention.sessions_days == 14
    assert config.with_name("kvar.toml.old").read_text() == edited


def test_other_answers_replace_a_file_of_ours_and_keep_a_copy(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    before = file.with_name("kvar.toml").read_text()
    file.write_text(file.read_text() + "[privacy]\nkeep_days = 3\n")
    assert "the old one was kept as" in written(file)[0]
    assert file.with_name("kvar.toml.old").read_text() == before


def test_a_folder_that_cannot_be_written_is_told_plainly(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    with pytest.raises(StartError, match="cannot be read"):
        write(answers.read(file), Place(file / "x" / "kvar.toml"), ENGLISH, print, replace=False)


def test_a_makeshift_certificate_takes_no_real_ones_place(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    place = Place(tmp_path / "kvar.toml")
    config = load(place.config_file)
    (tmp_path / "tls").mkdir()
    config.portal.certificate_file.write_text("real")
    said: list[str] = []
    make_certificates(config, place, ENGLISH, said.append, utc_now())
    assert said == []
    assert config.portal.certificate_file.read_text() == "real"


def test_one_killed_between_key_and_certificate_is_finished_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    place = Place(tmp_path / "kvar.toml")
    portal = load(place.config_file).portal
    said: list[str] = []
    make_certificates(load(place.config_file), place, ENGLISH, said.append, utc_now())
    key = portal.private_key_file.read_bytes()
    portal.certificate_file.unlink()
    make_certificates(load(place.config_file), place, ENGLISH, said.append, utc_now())
    assert len(said) == 2
    assert portal.private_key_file.read_bytes() == key
    ssl.create_default_context().load_cert_chain(portal.certificate_file, portal.private_key_file)
    portal.certificate_file.unlink()
    portal.private_key_file.write_text("no key")
    with pytest.raises(StartError, match="is no key"):
        make_certificates(load(place.config_file), place, ENGLISH, said.append, utc_now())


def test_an_edited_file_is_kept_before_another_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    config = file.with_name("kvar.toml")
    edited = config.read_text().replace("sessions_days = 14", "sessions_days = 7")
    config.write_text(edited)
    config.with_name("kvar.toml.old").mkdir()  # the copy cannot be written
    with pytest.raises(StartError, match="cannot be written"):
        written(file, replace=True)
    assert config.read_text() == edited


def test_wrong_answers_write_nothing(tmp_path: Path) -> None:
    answered = tmp_path / "answers.toml"
    answered.write_text(FILE.format(folder=tmp_path, dsn="private").replace("ssid", "sssid"))
    done = set_up(answered, "--answers", str(answered))
    assert done.returncode == 1
    assert f"kvar: {answered}: network.ssid: missing; this answer is required" in done.stderr
    assert "Traceback" not in done.stderr
    assert not answered.with_name("kvar.toml").exists()


def test_answers_that_contradict_one_another_write_nothing(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private").replace('["code"]', '["card"]'))
    with pytest.raises(ConfigError, match="card needs"):
        written(file)
    assert not file.with_name("kvar.toml").exists()


def test_answers_that_end_early_write_nothing(tmp_path: Path) -> None:
    answered = tmp_path / "answers.toml"
    done = set_up(answered, typed="en\nUmeå\n")
    assert done.returncode == 1
    assert "the answers ended before the questions; nothing was written" in done.stderr
    assert not answered.with_name("kvar.toml").exists()


def test_a_password_typed_at_a_terminal_is_not_echoed() -> None:
    """Every question at a real terminal, with a bad answer among them."""
    lines = [
        *("sv", "", "Umeå bibliotek", "", "Stadsbiblioteket", "Biblioteket", "hemligt-wifi"),
        *("wifi", "wifi.umea.example", "guest0", "wan0", "", "", "mån-fre 10-19", "code"),
        *("1", "30", "", "robin"),
    ]
    shown = _at_a_terminal(lines)
    assert "Fråga 9 av 9" in shown
    assert "Skriv ett namn." in shown
    assert "Skriv ett helt värdnamn" in shown
    assert "hemligt-wifi" not in shown


def test_answers_that_contradict_one_another_are_offered_again() -> None:
    """Nobody types nine answers twice because two of them do not fit; a secret is not shown."""
    lines = [
        *("en", "Umeå bibliotek", "", "Stadsbiblioteket", "Biblioteket", "hemligt-wifi"),
        *("wifi.umea.example", "guest0", "guest0", "", "", "always", "card none", "card"),
        *("koha", "https://koha.umea.example", "5d1f", "hemligt-koha", "expired"),
        *("1", "30", "", "robin"),
        *("", "", "", "", "", "", "", "wan0", "", "", "", "", "", "", "", "", "", "", "", "", ""),
    ]
    shown = _at_a_terminal(lines)
    assert "Write one or more of card, code, accept; or none." in shown
    assert "guest0 is a guest interface" in shown
    assert "offered once more" in shown
    assert shown.count("such as Exempelby bibliotek [Umeå bibliotek]: ") == 1
    assert shown.count("API key's secret; not shown) [********]: ") == 1
    assert "hemligt" not in shown
    assert "cannot be" in shown.splitlines()[-1]  # all fits now: it goes on to write


def test_an_edited_file_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="private"))
    written(file)
    config = file.with_name("kvar.toml")
    config.write_text(config.read_text() + "# ours\n")
    done = set_up(file, typed="en\n")
    assert done.returncode == 1
    assert "was edited by hand" in done.stderr
    assert "kvar setup --replace" in done.stderr
    assert "Språk" not in done.stdout
    assert "Språk" in set_up(file, "--replace", typed="").stdout


def _at_a_terminal(lines: list[str]) -> str:
    """Answer each prompt; the file cannot be written, so that nothing else happens."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = [sys.executable, "-m", "portal", "--config", "/dev/null/kvar.toml", "setup"]
        os.execv(sys.executable, command)  # noqa: S606 - the terminal's child
    shown = b""
    answers_left = list(lines)
    try:
        while True:
            read = os.read(terminal, 4096)
            shown += read
            if answers_left and shown.endswith(b": "):
                os.write(terminal, answers_left.pop(0).encode() + b"\n")
    except OSError:  # the terminal is closed: the program has ended
        pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return shown.decode()


def _quietly(command: list[str | Path]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Path]:
    """A PostgreSQL as Debian makes it: peer authentication, the superuser postgres; its socket."""
    tools = find_binaries()
    with reachable_directory() as folder:
        data = folder / "data"
        sockets = folder / "sockets"
        for path in (data, sockets):
            path.mkdir()
            subprocess.run(["chown", "postgres:", path], check=True)
        as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        arguments = ["-D", data, "--auth=peer", "--no-sync", "--encoding=UTF8", "--no-locale"]
        _quietly([*as_postgres, tools / "initdb", *arguments])
        options = f"-c listen_addresses='' -c fsync=off -k {sockets}"
        control = [*as_postgres, tools / "pg_ctl", "-D", data, "-w", "-l", folder / "data/log"]
        _quietly([*control, "-o", options, "start"])
        try:
            yield sockets
        finally:
            _quietly([*control, "-m", "immediate", "stop"])


@pytest.mark.root
async def test_the_machines_own_postgresql_gets_a_role_and_a_database(
    own_postgres: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path / "kvar.toml", sockets=own_postgres)
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="local"))
    given = answers.read(file)
    text = configuration.render(given, f"postgresql://{place.role}@/kvar?host={own_postgres}")
    config = parse(text, place.config_file)
    place.config_file.write_text(text)
    for _ in range(2):
        prepare_database(config, place)
        await migrate_database(config)


def test_a_postgresql_that_is_not_running_is_told_with_the_way_out(tmp_path: Path) -> None:
    place = Place(tmp_path / "kvar.toml", sockets=tmp_path)
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="local"))
    given = answers.read(file)
    text = configuration.render(given, f"postgresql://{place.role}@/kvar?host={tmp_path}")
    with pytest.raises(StartError, match="systemctl start postgresql"):
        prepare_database(parse(text, place.config_file), place)


def test_another_database_in_an_edited_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text(FILE.format(folder=tmp_path, dsn="local"))
    given = answers.read(file)
    config = parse(configuration.render(given, "postgresql://else@/where"), tmp_path)
    prepare_database(config, Place(tmp_path / "kvar.toml", sockets=tmp_path))
    assert Path("/var/run/postgresql") == SOCKETS
