"""The commands of docs/monitoring.md work as they stand there."""

import asyncio
import os
import re
from pathlib import Path

from tests.portal.installation import PROCESSES, installed

ROOT = Path(__file__).parents[3]
DEFAULTS = {"portal": 9464, "staff": 9465, "keeper": 9467}


async def test_every_command(postgres_dsn: str, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    path = f"{Path(__file__).parent / '.tools'}:{os.environ['PATH']}"
    async with installed(postgres_dsn, tmp_path) as kvar:
        for block in blocks:
            script = block
            for name in PROCESSES:
                script = script.replace(f":{DEFAULTS[name]}", f":{kvar.ports[name]}")
            process = await asyncio.create_subprocess_exec(
                "sh", "-euc", script, cwd=ROOT, env={"PATH": path},
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            told, _ = await process.communicate()
            assert process.returncode == 0, (block, told.decode())
