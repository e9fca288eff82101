"""The Debian package: built, laid out in a folder, and run from there."""

import subprocess
from pathlib import Path
from tempfile import gettempdir

import pytest


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    subprocess.run(["deploy/debian/build.sh", folder], check=True, stdout=subprocess.DEVNULL)
    (package,) = folder.glob("kvar_*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, folder / "root"], check=True)
    return folder / "root"


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
    example = laid_out / "usr/share/doc/kvar/examples/kvar.toml"
    assert _python(laid_out, "-m", "portal", "--config", str(example), "config", "check") == (
        f"{example}: right\n"
    )


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
