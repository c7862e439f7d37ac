#!/usr/bin/env bash
# Sets up what "make run" or "make test" needs: Debian packages and a virtual environment.
# Does nothing when all is there. Usage: scripts/setup.sh run|test
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:?usage: scripts/setup.sh run|test}
case $purpose in
    run) packages=(libportaudio2) extras="" ;;
    test) packages=(libportaudio2 mosquitto mosquitto-clients openssl pulseaudio pulseaudio-utils
                    libasound2-plugins espeak-ng)
          extras="[train,test]" ;;
    *) echo "setup: unknown purpose '$purpose', expected run or test" >&2; exit 2 ;;
esac

say() { echo "setup: $*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
    else return 1
    fi
}

install_packages() {
    local missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing ${missing[*]}"
    if ! { as_root apt-get update -qq &&
           as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
               "${missing[@]}" >/dev/null; }; then
        say "could not install them; please run: sudo apt-get install ${missing[*]}"
        exit 1
    fi
}

find_python() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && "$candidate" -c \
            'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 found; please install one: sudo apt-get install python3 python3-venv"
    exit 1
}

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
