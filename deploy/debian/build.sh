#!/bin/sh
# Builds the Debian package for the distribution and the Python it runs on.
# Usage: deploy/debian/build.sh DIRECTORY   (the package is put there)
set -eu

out=$1
python=${PYTHON:-/usr/bin/python3}
uv=${UV:-.venv/bin/uv}
here=$(dirname "$0")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"
lib=$root/usr/lib/kvar

# place PATH-IN-THE-RELEASE LINK: a link to what the release in use has there
place() {
    mkdir -p "$(dirname "$root/$2")"
    ln -s "/usr/lib/kvar-current/$1" "$root/$2"
}

echo "kvar: building the package of version $version for $architecture"
"$python" -m venv --without-pip "$lib"
export UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
"$uv" pip sync --quiet --python "$lib/bin/python" --require-hashes deploy/runtime.lock
# The build tool comes from the lock too: nothing that is not pinned runs here.
"$uv" build --quiet --wheel --no-build-isolation --python .venv/bin/python --out-dir "$root/wheel" .
"$uv" pip install --quiet --python "$lib/bin/python" --no-deps --no-index "$root"/wheel/*.whl
rm -rf "$root/wheel" "$lib/share" "$lib/include"
# Only `python` is used; scripts and caches hold the name of the folder that this was built in.
find "$lib/bin" -mindepth 1 ! -name 'python*' -delete
find "$lib" -name __pycache__ -prune -exec rm -rf {} +
find "$lib" -name direct_url.json -delete
rm -f "$lib/lib64" "$lib/.lock" "$lib/.gitignore" "$lib/CACHEDIR.TAG"
ln -s lib "$lib/lib64"
sed -i '/^command = /d' "$lib/pyvenv.cfg"
"$lib/bin/python" -I -m compileall -q --invalidation-mode unchecked-hash -s "$root" -p / "$lib/lib"

# A release carries all that belongs to it, so that going back to the one before takes everything back:
# outside of its folder there are only links, through /usr/lib/kvar-current, and what follows them: the
# command, and units without a word of their own. A unit that is itself a link would not do: `systemctl
# enable` writes where it leads to into /etc, and from then on it leads nowhere else.
share=$lib/share
documents=$share/doc
mkdir -p "$documents/examples" "$root/usr/share/doc/kvar"
install -D -m 0755 "$here/kvar" "$root/usr/bin/kvar"
install -m 0755 "$here/release-kvar" "$lib/bin/kvar"
install -m 0755 "$here/acme-deploy-hook" "$here/unit-without-words" "$share/"
install -m 0644 "$here/kvar.sysusers" "$share/sysusers.conf"
install -m 0644 "$here/kvar.tmpfiles" "$share/tmpfiles.conf"
for unit in deploy/systemd/*; do
    name=${unit##*/}
    install -D -m 0644 "$unit" "$lib/systemd/$name"
    place "systemd/$name" "usr/lib/systemd/system/$name.d/00-release.conf"
    "$here/unit-without-words" "$unit" >"$root/usr/lib/systemd/system/$name"
done
cp -r README.md ARCHITECTURE.md CHANGELOG.md docs "$documents/"
cp -r deploy/kvar.toml deploy/answers.toml deploy/grafana deploy/prometheus deploy/examples/* "$documents/examples/"
"$python" deploy/sbom.py "$lib"/lib/python3*/site-packages deploy/runtime.lock "$version" \
    >"$documents/sbom.cdx.json"
for document in "$documents"/*; do
    place "share/doc/${document##*/}" "usr/share/doc/kvar/${document##*/}"
done
place share/acme-deploy-hook usr/share/kvar/acme-deploy-hook
place share/sysusers.conf usr/lib/sysusers.d/kvar.conf
place share/tmpfiles.conf usr/lib/tmpfiles.d/kvar.conf
cp LICENSE "$root/usr/share/doc/kvar/copyright"

mkdir "$root/DEBIAN"
"$python" - "$here/control.in" "$version" "$architecture" >"$root/DEBIAN/control" <<'END'
import sys
from pathlib import Path

template, version, architecture = sys.argv[1:]
major, minor = sys.version_info[:2]
words = {
    "VERSION": version,
    "ARCHITECTURE": architecture,
    "PYTHON": f"{major}.{minor}",
    "PYTHON_NEXT": f"{major}.{minor + 1}",
    "PANGO": "libpango-1.0-0, libpangoft2-1.0-0, libharfbuzz-subset0",
}
text = Path(template).read_text(encoding="utf-8")
for word, value in words.items():
    text = text.replace(f"@{word}@", value)
print(text, end="")
END
for script in preinst postinst prerm postrm; do
    install -m 0755 "$here/$script" "$root/DEBIAN/$script"
done
chmod -R go-w,a+rX "$root"
mkdir -p "$out"
dpkg-deb --root-owner-group -Zzstd --build "$root" "$out/kvar_${version}_${architecture}.deb" >/dev/null
# The bill of materials beside it, for whoever looks before installing.
cp "$documents/sbom.cdx.json" "$out/kvar_${version}_${architecture}.sbom.cdx.json"
echo "kvar: $out/kvar_${version}_${architecture}.deb"
