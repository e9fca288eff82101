"""The commands of docs/operations.md, in its order: a key, a backup, a try, and back."""

import shlex
import subprocess
import sys
from pathlib import Path

from portal.backup.shelf import backups
from tests.portal.composition.test_backup import Library
from tests.portal.documentation.documented_commands import ROOT, shown


def test_the_page_from_a_key_to_a_restore(postgres_dsn: str, tmp_path: Path) -> None:
    library = Library(tmp_path, postgres_dsn)
    library.key("form")
    stick = tmp_path / "stick"
    stick.mkdir()
    kvar = shlex.join([sys.executable, "-m", "portal", "--config", str(library.file)])
    told = []
    for command in shown(ROOT / "docs" / "operations.md"):
        script = command.script.replace("/media/stick", str(stick))
        script = script.replace("/var/backups/kvar", str(tmp_path / "backups"))
        if "BACKUP" in script:
            script = script.replace("BACKUP", backups(tmp_path / "backups")[-1].path.name)
        if "--check" not in script:  # the page restores over nothing; here there is something
            script = script.replace("kvar restore", "kvar restore --replace")
        script = f'kvar() {{ {kvar} "$@"; }}\n{script}'
        done = subprocess.run(
            ["bash", "-euc", script], capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, (command.script, done.stderr)
        told.append(done.stdout)
        if "backup-key" in script:
            recipients = done.stdout.strip().splitlines()[-1]
            library.say("recipients = []", recipients)
    assert "recipients" in told[0]
    assert "1 keys" in told[1]
    assert "can be restored" in told[2]
    assert "restored from" in told[3]
