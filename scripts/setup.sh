#!/usr/bin/env bash
# Sets up what "make run", "make test" or "make bench" needs: Debian packages and a virtual environment.
# Does nothing when all is there. Usage: scripts/setup.sh run|test|bench
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:?usage: scripts/setup.sh run|test|bench}
case $purpose in
    run) packages=(libportaudio2) extras="" ;;
    test) packages=(libportaudio2 mosquitto mosquitto-clients openssl pulseaudio pulseaudio-utils
                    libasound2-plugins espeak-ng systemd valgrind)
          extras="[train,test]" ;;
    bench) packages=(libportaudio2 mosquitto) extras="[train,bench]" ;;
    *) echo "setup: unknown purpose '$purpose', expected run, test or bench" >&2; exit 2 ;;
esac

speaker=setup
. scripts/lib.sh

if command -v dpkg-query >/dev/null; then
    install_packages "${packages[@]}"
else
    say "not a Debian system; if something is missing, install what these packages hold: ${packages[*]}"
fi

# The stamp holds what was installed for: another pyproject.toml means another environment.
stamp=.venv/.serd-$purpose
wanted=$(sha256sum pyproject.toml)
[ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && exit 0

python=$(find_python)
if [ ! -x .venv/bin/python ]; then
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        install_packages python3-venv
    fi
    say "making a virtual environment with $("$python" --version)"
    "$python" -m venv .venv
fi
say "installing Python packages (for $purpose)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$extras"
echo "$wanted" >"$stamp"
