"""The Debian package: built, laid out in a folder, and run from there."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from tempfile import gettempdir

import pytest

_specification = importlib.util.spec_from_file_location("sbom", "deploy/sbom.py")
assert _specification is not None
assert _specification.loader is not None
sbom = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(sbom)


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(["deploy/debian/build.sh", folder], check=True, stdout=subprocess.DEVNULL)
    (package,) = folder.glob("kvar_*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder / "root"], check=True)
    return folder / "root"


def _linked(root: Path, path: str) -> Path:
    """Return what a link of the package leads to, once its script has named the release in use."""
    target = (root / path).readlink()
    return root / "usr/lib/kvar" / target.relative_to("/usr/lib/kvar-current")


def _python(root: Path, *arguments: str) -> str:
    python = root / "usr/lib/kvar/bin/python"
    done = subprocess.run(
        [python, "-I", *arguments], capture_output=True, text=True, check=True, cwd=root
    )
    return done.stdout


def test_the_command_runs_from_the_packages_own_environment(laid_out: Path) -> None:
    assert _python(laid_out, "-m", "portal", "--version").startswith("kvar ")
    where = _python(laid_out, "-c", "import portal, firewall, radius_bridge; print(portal)")
    assert str(laid_out / "usr/lib/kvar") in where


def test_it_has_its_pages_and_its_statements(laid_out: Path) -> None:
    script = (
        "from portal.web.templating import find_templates\n"
        "from portal.storage import migrate\n"
        "print(len(list(find_templates().rglob('*.html'))))"
    )
    assert int(_python(laid_out, "-c", script)) > 50
    (migrations,) = laid_out.glob(
        "usr/lib/kvar/lib/python3*/site-packages/portal/storage/migrations"
    )
    names = [file.name for file in Path("portal/storage/migrations").glob("*.sql")]
    assert sorted(file.name for file in migrations.glob("*.sql")) == sorted(names)


def test_the_example_configuration_is_right_for_it(laid_out: Path) -> None:
    example = _linked(laid_out, "usr/share/doc/kvar/examples") / "kvar.toml"
    assert _python(laid_out, "-m", "portal", "--config", str(example), "config", "check") == (
        f"{example}: right\n"
    )


def test_it_has_all_that_the_manual_names(laid_out: Path) -> None:
    examples = _linked(laid_out, "usr/share/doc/kvar/examples")
    assert {path.name for path in Path("deploy/examples").iterdir()} <= {
        path.name for path in examples.iterdir()
    }
    units = (laid_out / "usr/lib/systemd/system").glob("*.d")
    shipped = {path.name for path in Path("deploy/systemd").iterdir()}
    assert {path.name.removesuffix(".d") for path in units} == shipped
    hook = _linked(laid_out, "usr/share/kvar/acme-deploy-hook")
    for program in (laid_out / "usr/bin/kvar", laid_out / "usr/lib/kvar/bin/kvar", hook):
        assert program.stat().st_mode & 0o777 == 0o755


def test_what_stands_outside_of_the_release_follows_it(laid_out: Path) -> None:
    """Going back to the one before is one link, so nothing else may belong to a release."""
    outside = [
        path
        for path in laid_out.rglob("*")
        if not path.is_dir() or path.is_symlink()
        if not path.is_relative_to(laid_out / "usr/lib/kvar")
        if not path.is_relative_to(laid_out / "DEBIAN")
    ]
    alone = {"usr/bin/kvar", "usr/share/doc/kvar/copyright"}
    units = [
        laid_out / "usr/lib/systemd/system" / unit.name for unit in Path("deploy/systemd").iterdir()
    ]
    alone |= {str(unit.relative_to(laid_out)) for unit in units}
    assert {str(path.relative_to(laid_out)) for path in outside if path.is_file()} == alone
    for unit in units:
        assert {"[Unit]", "[Service]", "[Timer]"}.isdisjoint(unit.read_text().splitlines())
        assert unit.stat().st_size, "systemd takes an empty one for masked"
    for path in outside:
        if path.is_symlink():
            assert _linked(laid_out, str(path.relative_to(laid_out))).exists(), path


def test_the_command_is_that_of_the_release_in_use(laid_out: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    text = (laid_out / "usr/bin/kvar").read_text().replace("/usr/lib", str(lib))
    for name in ("kvar", "kvar-before"):
        program = lib / name / "bin/kvar"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\necho "{name} $*"\n')
        program.chmod(0o755)

    def said() -> str:
        command = ["sh", "-c", text, "kvar", "doctor", "a b"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said() == "kvar doctor a b\n"
    (lib / "kvar-current").symlink_to("kvar-before")
    assert said() == "kvar-before doctor a b\n"


def test_systemd_takes_its_users_and_folders(laid_out: Path, tmp_path: Path) -> None:
    """In a root of the test's own: a refused line would leave the package half set up."""
    (tmp_path / "etc").mkdir()
    for tool, folder in (("sysusers", "sysusers.d"), ("tmpfiles", "tmpfiles.d")):
        file = tmp_path / folder / "kvar.conf"
        file.parent.mkdir()
        shutil.copy(_linked(laid_out, f"usr/lib/{folder}/kvar.conf"), file)
        words = ["--create"] if tool == "tmpfiles" else []
        done = subprocess.run(
            [f"systemd-{tool}", *words, f"--root={tmp_path}", file],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, "kvar.conf:" in done.stderr) == (0, False), done.stderr
    groups = (tmp_path / "etc/group").read_text()
    assert "kvar-gate" in next(line for line in groups.splitlines() if line.startswith("kvar:"))
    keys = (tmp_path / "var/lib/kvar/keys").stat()
    assert keys.st_mode & 0o777 == 0o700


def test_the_bill_of_materials_lists_what_is_in_it(laid_out: Path) -> None:
    document = json.loads(_linked(laid_out, "usr/share/doc/kvar/sbom.cdx.json").read_text())
    (packages,) = laid_out.glob("usr/lib/kvar/lib/python3*/site-packages")
    installed = {path.name.partition("-")[0].lower() for path in packages.glob("*.dist-info")}
    listed = {one["name"].replace("-", "_") for one in document["components"]}
    assert listed == {name.replace(".", "_") for name in installed} - {"kvar"}
    for one in document["components"]:
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert one["properties"], one["name"]  # every file that may be installed is pinned
        assert one["licenses"][0]["license"]["name"] != "not told", one["name"]


def test_nothing_is_shipped_that_nobody_pinned(laid_out: Path) -> None:
    (packages,) = laid_out.glob("usr/lib/kvar/lib/python3*/site-packages")
    lock = Path("deploy/runtime.lock").read_text().replace("aiohttp==", "aiohttp==0")
    with pytest.raises(ValueError, match="the lock file does not pin it"):
        sbom.bill(packages, lock, "1")


def test_nothing_in_it_is_for_tests_or_demonstrations(laid_out: Path) -> None:
    (packages,) = laid_out.glob("usr/lib/kvar/lib/python3*/site-packages")
    found = {path.name for path in packages.iterdir()}
    assert not found & {"scapy", "pysip2", "playwright", "pytest", "pyrad", "pip", "uv"}


def test_nothing_in_it_may_be_written_by_others_or_names_where_it_was_built(laid_out: Path) -> None:
    writable = [p for p in laid_out.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o022]
    assert writable == []
    built_in = str(Path(gettempdir()) / "tmp") + "."
    naming = [
        path
        for path in laid_out.rglob("*")
        if path.is_file() and not path.is_symlink() and built_in.encode() in path.read_bytes()
    ]
    assert naming == []
