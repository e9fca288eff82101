"""The container description and the Ansible role: read, and held against what they name.

The image is built, and the composition run, in tests/deploy/test_image.py.
"""

import re
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from portal.__main__ import app

CONTAINERFILE = Path("deploy/container/Containerfile")
COMPOSE = Path("deploy/container/compose.yaml")
ROLE = Path("deploy/ansible/roles/kvar")


def test_everything_that_is_copied_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert len(copied) >= 6
    for source in " ".join(copied).split():
        assert Path(source).exists(), source


def test_the_image_has_what_the_package_has() -> None:
    text = CONTAINERFILE.read_text()
    wanted = re.search(r'"PANGO": "(.+)"', Path("deploy/debian/build.sh").read_text())
    assert wanted is not None
    for name in wanted[1].split(", "):
        assert name in text
    assert text.count("--require-hashes") == 2
    assert "USER kvar" in text


def test_each_service_runs_a_command_that_there_is_and_may_do_nothing_else() -> None:
    document = yaml.safe_load(COMPOSE.read_text())
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    ours = {name: one for name, one in document["services"].items() if name != "database"}
    assert set(ours) == {"migrate", "keeper", "portal", "staff", "radius"}
    for service in ours.values():
        assert service["command"][0] in group.commands
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "privileged" not in service
        for needed in service["depends_on"]:
            assert needed in document["services"]
        named = {volume.split(":")[0] for volume in service["volumes"] if volume[0] not in "$./"}
        assert named <= set(document["volumes"])


def test_the_database_is_on_no_network() -> None:
    database = yaml.safe_load(COMPOSE.read_text())["services"]["database"]
    assert database["network_mode"] == "none"
    assert "ports" not in database


def test_ansible_reads_the_role(tmp_path: Path) -> None:
    done = subprocess.run(
        ["ansible-playbook", "--inventory", "localhost,", "--list-tasks", "--syntax-check",
         "deploy/ansible/playbook.yml"],
        capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_variable_of_the_role_has_a_default_and_every_secret_is_unlogged() -> None:
    defaults = set(yaml.safe_load((ROLE / "defaults/main.yml").read_text()))
    tasks = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    text = (ROLE / "tasks/main.yml").read_text()
    registered = {task["register"] for task in tasks if "register" in task}
    assert set(re.findall(r"\bkvar_[a-z_]+\b", text)) <= defaults | registered
    for task in tasks:
        if "answers" in str(task):
            assert task["no_log"] is True, task["name"]


@pytest.mark.parametrize("unit", ["kvar-closed.service", "kvar.target", "kvar-radius.service"])
def test_what_the_role_starts_is_shipped(unit: str) -> None:
    assert unit in (ROLE / "tasks/main.yml").read_text()
    assert (Path("deploy/systemd") / unit).is_file()
