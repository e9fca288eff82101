"""The command ``kvar`` as a user meets it: exit codes, and errors in plain lines."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.__main__ import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "deploy" / "kvar.toml"


def kvar(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "portal", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=dict(os.environ)
    )


@dataclass
class Here:
    """The same in this process: to start one takes a second."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def kvar(self, *arguments: str) -> tuple[object, str]:
        """Return the exit code, or the last line to say with exit code 1, and what was shown."""
        self.monkeypatch.setattr(sys, "argv", ["kvar", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, self.capsys.readouterr().out


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(capsys, monkeypatch)


def test_the_version_is_told() -> None:
    done = kvar("--version")
    assert (done.returncode, done.stdout.startswith("kvar ")) == (0, True)


def test_a_right_file_is_called_right() -> None:
    done = kvar("--config", str(EXAMPLE), "config", "check")
    assert (done.returncode, done.stdout) == (0, f"{EXAMPLE}: right\n")


def test_a_wrong_file_gives_one_line_a_problem_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(EXAMPLE.read_text().replace("host_name", "hostname"))
    done = kvar("--config", str(file), "config", "check")
    assert done.returncode == 1
    assert "did you mean host_name?" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_exit_code_2() -> None:
    assert kvar("no-such-command").returncode == 2


def test_what_is_shown_is_whole_and_without_secrets() -> None:
    done = kvar("--config", str(EXAMPLE), "config", "show")
    assert "change me" not in done.stdout
    assert json.loads(done.stdout)["limits"]["pin_attempts_per_day"] == 3


@pytest.mark.parametrize("command", ["portal", "keeper", "staff", "migrate"])
def test_a_process_without_what_it_needs_says_what_to_do(command: str, tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(EXAMPLE.read_text().replace("/var/lib/kvar", str(tmp_path / "data")))
    done = kvar("--config", str(file), command)
    assert done.returncode == 1
    assert done.stderr.startswith("kvar: ")
    assert "Traceback" not in done.stderr


def test_a_database_that_is_not_there_is_one_plain_line(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(
        EXAMPLE.read_text()
        .replace("/var/lib/kvar", str(tmp_path / "data"))
        .replace('dsn = ""', 'dsn = "postgresql://kvar@127.0.0.1:1/kvar"')
        .replace("[gate]\n", f'[gate]\nsocket = "{tmp_path}/gate/gate.sock"\n')
    )
    done = kvar("--config", str(file), "run")
    assert done.returncode == 1
    assert done.stderr.startswith("kvar: the database cannot be prepared: ")
    assert (tmp_path / "data" / "keys").stat().st_mode & 0o777 == 0o700
    assert len(done.stderr.splitlines()) == 1


def test_what_a_part_refuses_is_told_by_config_check(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(EXAMPLE.read_text().replace('"EXEMPELBY"', '"EXEMPEL|BY"'))
    done = kvar("--config", str(file), "config", "check")
    assert done.returncode == 1
    assert done.stderr.startswith(f"kvar: {file}: ")
    assert "Traceback" not in done.stderr


def test_the_doctor_names_every_failure_with_its_way_out(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(
        EXAMPLE.read_text()
        .replace("/var/lib/kvar", str(tmp_path / "data"))
        .replace("[gate]\n", f'[gate]\nsocket = "{tmp_path}/gate.sock"\n')
    )
    done = kvar("--config", str(file), "doctor", "--json")
    assert done.returncode == 1
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)}
    for check in ("certificate", "database", "gate"):
        assert findings[check]["level"] == "failure"
        assert findings[check]["way_out"]


@pytest.mark.parametrize(
    "command",
    [
        ["tutor", "list"],
        ["tutor", "let-in", "47"],
        ["tutor", "let-in", "52", "--continues", "47"],
        ["tutor", "group", "start"],
        ["tutor", "group", "list"],
        ["tutor", "group", "extend", "1"],
        ["tutor", "group", "end", "1"],
        ["device", "forget", "47"],
        ["voucher", "create"],
        ["voucher", "list"],
        ["voucher", "show", "A-0001"],
        ["voucher", "revoke", "A-0001"],
        ["voucher", "revoke", "B", "--batch"],
        ["voucher", "extend", "A-0001"],
        ["voucher", "reprint", "A-0001"],
        ["voucher", "export", "B"],
    ],
)
def test_a_staff_command_at_no_such_site_is_one_plain_line(command: list[str], here: Here) -> None:
    said, shown = here.kvar("--config", str(EXAMPLE), *command, "--site", "nowhere")
    assert str(said).startswith("kvar: no site 'nowhere'; the sites are ")
    assert (len(str(said).splitlines()), shown) == (1, "")
    assert here.kvar("--config", str(EXAMPLE), *command) == (2, "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["create", "Kim Larsson", "--role", "desk"], "a name is 2 to 40 of a-z"),
        (["create", "kim", "--role", "desk", "--site", "nowhere"], "no site 'nowhere'; the sites"),
        (["list"], "no [database] dsn, and no private one yet"),
        (["reset", "kim"], "no [database] dsn, and no private one yet"),
    ],
)
def test_what_an_account_command_cannot_do_is_one_plain_line(
    command: list[str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "kvar.toml"
    file.write_text(EXAMPLE.read_text().replace("/var/lib/kvar", str(tmp_path / "data")))
    done = kvar("--config", str(file), "account", *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"kvar: {said}")


def test_a_staff_site_that_is_not_configured_cannot_be_served(tmp_path: Path) -> None:
    file = tmp_path / "kvar.toml"
    text = EXAMPLE.read_text()
    section = text[text.index("[staff]") : text.index("[database]")]
    file.write_text(text.replace(section, ""))
    done = kvar("--config", str(file), "staff")
    assert done.returncode == 1
    assert done.stderr.startswith("kvar: no [staff] in the configuration")
