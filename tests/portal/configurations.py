"""The beginnings of configuration files that the tests go on from, and reading them."""

from pathlib import Path

import pytest

from portal.config import Config
from portal.config_file import ConfigError, parse

SECRET = "wZ3jhq0Tn5eUJ7KfUQb2m1Rk"

PORTAL = """
[organisation]
name = "Umeå bibliotek"

[portal]
host_name = "wifi.example.se"
certificate_file = "/etc/kvar/chain.pem"
private_key_file = "/etc/kvar/key.pem"
"""
"""What every file has, without a library."""

MINIMAL = f"""{PORTAL}
[library_system]
host = "sip2.example.se"

[[sites]]
id = "stadsbiblioteket"
name = "Stadsbiblioteket"
guest_interfaces = ["guest0"]
"""
"""The smallest file that can be used: a library behind the gateway, and its library system."""

VILLAGE = f"""{PORTAL}
[[sites]]
id = "village"
name = "Bybiblioteket"
login_methods = ["accept"]

[radius]
"""
"""A library without a gateway, whose access points are still to be named."""

CLIENT = f"""
[[radius.clients]]
name = "ap"
networks = ["10.1.2.0/24"]
secret = "{SECRET}"
site = "village"
"""
"""One access point of the village's."""


def parsed(text: str) -> Config:
    return parse(text, Path("kvar.toml"))


def problems(text: str) -> dict[str, str]:
    """Return what the file is refused for, by the keys."""
    with pytest.raises(ConfigError) as caught:
        parsed(text)
    return {problem.key: problem.message for problem in caught.value.problems}
