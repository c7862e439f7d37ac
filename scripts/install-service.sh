#!/usr/bin/env bash
# Installs or upgrades serd as a service of this machine, from this checkout, with the packages of
# systemd/requirements.lock: pip checks their hashes, and `serd service install` does the rest.
#
# Variables: PYTHON=...   the Python of the service; by default that of the system
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
speaker=install-service
. scripts/lib.sh

if [ "$(id -u)" -ne 0 ]; then
    say "this needs root: sudo make install-service"
    exit 1
fi
install_packages libportaudio2 python3-venv
python=$(find_python /usr/bin/python3)
# Not in /tmp, which is memory in Debian 13: the packages take about 200 MB.
export TMPDIR=/var/tmp
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder"
pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore)
say "installing serd and its packages with $("$python" --version)"
# Wheels with known hashes alone: a source archive would run code with build tools of any version.
"${pip[@]}" --require-hashes --only-binary :all: -r systemd/requirements.lock
"${pip[@]}" --no-deps --no-index --no-build-isolation .
"$folder/bin/serd" service install
