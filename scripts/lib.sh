# shellcheck shell=bash disable=SC2154 # the reader sets $speaker
# Functions that the shell scripts share; $speaker is the name before each message.

say() { echo "$speaker: $*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
    else return 1
    fi
}

install_packages() {
    local missing=() package
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

# Prints $PYTHON or, without it, the first of the given Pythons and those of the system that serd runs on.
find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        is_supported "$PYTHON" && command -v "$PYTHON" && return
        say "PYTHON=$PYTHON: expected a Python 3.11, 3.12 or 3.13"
        exit 1
    fi
    for candidate in "$@" python3 python3.13 python3.12 python3.11; do
        is_supported "$candidate" && command -v "$candidate" && return
    done
    say "no Python 3.11, 3.12 or 3.13 found; please install one: sudo apt-get install python3 python3-venv"
    exit 1
}

is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}
