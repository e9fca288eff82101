"""Writes the package's bill of materials: CycloneDX 1.5, from what was installed and the lock file.

Usage: python deploy/sbom.py SITE_PACKAGES LOCK VERSION >sbom.cdx.json

Not a scanner. The rule to keep: it lists what is in the folder, and stops when the lock file does
not pin exactly that: what nobody pinned must not be shipped.
"""

import json
import re
import sys
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_OWN = "kvar"
_NAMESPACE = uuid.UUID("5f5c3a52-3a0f-4a58-9d5e-6b1f9c1c7d11")
"""Of our serial numbers: the same contents have the same number, so that builds can be compared."""


def bill(site_packages: Path, lock: str, version: str) -> dict[str, Any]:
    """Return the document.

    Raises:
        ValueError: something is installed that the lock file does not pin at that version.
    """
    pins = dict(_pins(lock))
    found = sorted(distributions(path=[str(site_packages)]), key=lambda one: _plain(one.name))
    components = [_component(one, pins) for one in found if _plain(one.name) != _OWN]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_NAMESPACE, json.dumps(components))}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": _OWN,
                "name": _OWN,
                "version": version,
                "licenses": [{"license": {"id": "EUPL-1.2"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": _OWN, "dependsOn": [one["bom-ref"] for one in components]}],
    }


def _pins(lock: str) -> Iterator[tuple[tuple[str, str], list[str]]]:
    """Yield each pinned name and version with the hashes of its files."""
    for entry in lock.replace("\\\n", " ").splitlines():
        match = _PIN.match(entry)
        if match:
            yield (_plain(match[1]), match[2]), _HASH.findall(entry)


def _component(one: Distribution, pins: Mapping[tuple[str, str], list[str]]) -> dict[str, Any]:
    name, version = _plain(one.name), one.version
    if (name, version) not in pins:
        raise ValueError(f"{name} {version} is installed, and the lock file does not pin it")
    reference = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "licenses": [{"license": {"name": _licence(one)}}],
        "properties": [
            {"name": "kvar:locked-sha256", "value": digest} for digest in pins[name, version]
        ],
    }


def _licence(one: Distribution) -> str:
    """Return what its metadata say, in the order of their exactness."""
    told = one.metadata.get("License-Expression") or one.metadata.get("License") or ""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in one.metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    short = told.strip().splitlines()[0] if told.strip() else ""
    return short if 0 < len(short) <= 80 else ", ".join(classifiers) or "not told"


def _plain(name: str) -> str:
    """Return a project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Write the document to standard output."""
    site_packages, lock, version = sys.argv[1:]
    document = bill(Path(site_packages), Path(lock).read_text(encoding="utf-8"), version)
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
