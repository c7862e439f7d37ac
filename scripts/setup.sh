#!/usr/bin/env bash
# Installs what a make target needs: Debian packages, and Python packages in a virtual environment.
# Does nothing when all is there. "test" is for all tests, "test-daemon" for those without TensorFlow,
# "arm64" for the package on an emulated system.
# Usage: scripts/setup.sh run|test|test-daemon|bench|arm64
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:?usage: scripts/setup.sh run|test|test-daemon|bench|arm64}
case $purpose in
    run) packages=(libportaudio2) extras="[broker,web]" ;;
    test | test-daemon)
        packages=(libportaudio2 mosquitto mosquitto-clients openssl pulseaudio pulseaudio-utils
                  libasound2-plugins systemd valgrind ffmpeg gir1.2-gst-rtsp-server-1.0
                  gstreamer1.0-plugins-good python3-gi nodejs)
        [ "$purpose" = test ] && extras="[train,test]" || extras="[test]" ;;
    bench) packages=(libportaudio2 mosquitto) extras="[train,bench]" ;;
    arm64) packages=(debootstrap qemu-user-static qemu-user gcc libc6-dev) extras="[test]" ;;
    *) echo "setup: unknown purpose '$purpose', expected run, test, test-daemon, bench or arm64" >&2; exit 2 ;;
esac

speaker=setup
. scripts/lib.sh

if command -v dpkg-query >/dev/null; then
    install_packages "${packages[@]}"
else
    say "not a Debian system; if something is missing, install what these packages hold: ${packages[*]}"
fi

# A virtual environment is of use in one folder, to one version of Python; bin/activate, which is written
# last, names the folder, whatever made the environment.
is_usable() {
    grep -qsF "$(pwd -P)/.venv" .venv/bin/activate &&
        .venv/bin/python -I -c 'import pip' 2>/dev/null
}

# Holds the checksum of the pyproject.toml that was installed: another one needs another installation.
stamp=.venv/.serd-$purpose
wanted=$(sha256sum pyproject.toml)
if ! is_usable; then
    if command -v dpkg-query >/dev/null && ! command -v python3 >/dev/null; then
        install_packages python3 python3-venv
    fi
    # shellcheck disable=SC2119 # no Python is preferred
    python=$(find_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        install_packages python3-venv
    fi
    say "making a virtual environment with $("$python" --version)"
    "$python" -m venv --clear .venv
elif [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
say "installing Python packages (for $purpose)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$extras"
echo "$wanted" >"$stamp"
