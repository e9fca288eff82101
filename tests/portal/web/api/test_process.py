"""The API as `kvar staff` serves it, with a token that `kvar token create` made."""

import asyncio
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.portal.storage.clusters import eventually
from tests.portal.web.api.api_under_test import Program, problem, told
from tests.portal.web.portal_under_test import exchange, get
from tests.ports import free_port

CONFIGURATION = """
[organisation]
name = "Exempelby"
contact_email = "wifi@exempelby.example"
data_protection_contact = "dpo@exempelby.example"
data_directory = "{directory}"

[portal]
host_name = "wifi.exempelby.example"
addresses = ["127.0.0.1"]
certificate_file = "{directory}/not-read-here.pem"
private_key_file = "{directory}/not-read-here.pem"

[staff]
host_name = "localhost"
port = {port}
health_port = {health_port}

[database]
dsn = "{dsn}"

[gate]
enabled = false
socket = "{directory}/gate.sock"

[[sites]]
id = "city"
name = "City"
guest_interfaces = ["guest0"]
login_methods = ["code"]
"""


def configured(dsn: str, directory: Path, port: int) -> list[str]:
    file = directory / "kvar.toml"
    text = CONFIGURATION.format(directory=directory, port=port, health_port=free_port(), dsn=dsn)
    file.write_text(text)
    return [sys.executable, "-m", "portal", "--config", str(file)]


def make_token(kvar: list[str]) -> str:
    words = [*kvar, "token", "create", "cinema", "--scope", "vouchers:write", "--site", "city"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


async def answers(port: int) -> bool:
    try:
        return (await exchange(port, get("/healthz"))).status == 200
    except OSError:
        return False


async def test_it_is_there_beside_the_pages(postgres_dsn: str, tmp_path: Path) -> None:
    port = free_port()
    kvar = configured(postgres_dsn, tmp_path, port)
    program = Program(port, await asyncio.to_thread(make_token, kvar))
    log = tmp_path / "log"
    with log.open("w") as stderr:
        process = await asyncio.create_subprocess_exec(*kvar, "staff", stderr=stderr)
    try:
        await eventually(partial(answers, port))
        (made,) = told(await program.post("/vouchers", {"hours": 1}))["vouchers"]
        assert (made["serial"], made["code"]) == ("A-0001", None)
        assert problem(await program.get("/vouchers")) == (403, "scope_missing")
        document = told(await Program(port, "").get("/openapi.json"))
        assert "/api/v1/vouchers" in document["paths"]
        assert (await exchange(port, get("/sign-in"))).status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []
    assert program.token not in log.read_text()
