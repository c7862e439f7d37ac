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

# Prints the first of the given Pythons that is one of 3.11 to 3.13.
find_python() {
    for candidate in "${PYTHON:-}" "$@" python3 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && "$candidate" -c \
            'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "no Python 3.11, 3.12 or 3.13 found; please install one: sudo apt-get install python3 python3-venv"
    exit 1
}
