#!/usr/bin/env bash
# Installs, upgrades or removes serd as a service.
#
#   scripts/install-service.sh install     into /opt/serd, with systemd/serd.service
#   scripts/install-service.sh uninstall   keeps the settings and the state
#
# Variables: SCOPE=user     the unit for the users of the machine instead of the system unit
#            PYTHON=...     the Python for the virtual environment; by default that of the system
#            PACKAGE=...    what pip installs: a wheel; by default this checkout
#            PIP_ARGS=...   more arguments for pip
#            ROOT=...       a folder in place of /; nothing is started
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
speaker=install-service
. scripts/lib.sh

action=${1:-}
scope=${SCOPE:-system}
root=${ROOT:-}
root=${root%/}
venv=$root/opt/serd
settings=$root/etc/serd/serd.toml
system_unit=$root/etc/systemd/system/serd.service
user_unit=$root/etc/systemd/user/serd.service
case $scope in
    system) unit=$system_unit; source=systemd/serd.service ;;
    user) unit=$user_unit; source=systemd/serd-user.service ;;
    *) say "SCOPE=$scope, expected system or user"; exit 2 ;;
esac

is_running() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

main() {
    if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
        say "this needs root: sudo make $action-service"
        exit 1
    fi
    case $action in
        install) install_service ;;
        uninstall) uninstall_service ;;
        *) say "usage: scripts/install-service.sh install|uninstall"; exit 2 ;;
    esac
}

install_service() {
    if ! command -v systemd-sysusers >/dev/null; then
        say "there is no systemd on this machine, and the service needs it; serd run works without"
        exit 1
    fi
    if [ -z "$root" ]; then
        install_packages libportaudio2 python3-venv
    fi
    install_program
    if [ "$scope" = system ]; then
        make_user
        write_settings
    fi
    install -D -m 644 "$source" "$unit"
    start_service
}

install_program() {
    local python
    python=$(find_python /usr/bin/python3)
    # The unit hides home folders from the service, and so a Python in one of them.
    case $(readlink -f "$python") in
        /home/* | /root/*)
            if [ -z "$root" ]; then
                say "$python lies in a home folder, where the service cannot reach it;" \
                    "name another: sudo make install-service PYTHON=/usr/bin/python3"
                exit 1
            fi ;;
    esac
    if ! "$venv/bin/python" -c '' 2>/dev/null; then
        say "making a virtual environment in $venv with $("$python" --version)"
        "$python" -m venv --clear "$venv"
    fi
    say "installing serd into $venv"
    # shellcheck disable=SC2086 # PIP_ARGS holds several arguments
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
        --upgrade ${PIP_ARGS:-} "${PACKAGE:-.}[broker,metrics]"
}

make_user() {
    mkdir -p "$root/etc"
    systemd-sysusers --root="${root:-/}" - <systemd/serd.sysusers
}

write_settings() {
    mkdir -p "$(dirname "$settings")"
    if [ -e "$settings" ]; then
        say "$settings is kept as it is"
    else
        "$venv/bin/python" -m serd config init "$settings" >/dev/null
        say "wrote $settings, with every setting described"
    fi
    # Readable by the service alone, since it may hold a password.
    chmod 640 "$settings"
    if [ "$(id -u)" -eq 0 ]; then
        chgrp "$(awk -F: '$1 == "serd" { print $3 }' "$root/etc/group")" "$settings"
    fi
}

start_service() {
    if [ "$scope" = user ]; then
        say "each person may now run: /opt/serd/bin/serd config init" \
            "&& systemctl --user daemon-reload && systemctl --user enable --now serd"
        return
    fi
    if is_running; then
        systemctl daemon-reload
        systemctl enable --quiet serd.service
        systemctl restart --no-block serd.service
        say "serd is starting; see: systemctl status serd, and: journalctl -u serd -f"
    else
        systemctl ${root:+--root="$root"} enable --quiet serd.service
        say "systemd does not run here: serd starts with the next boot of a system that has it"
    fi
    say "settings: $settings; name your broker there ([mqtt] host)"
}

uninstall_service() {
    if is_running; then
        systemctl disable --quiet --now serd.service 2>/dev/null || true
    else
        systemctl ${root:+--root="$root"} disable --quiet serd.service 2>/dev/null || true
    fi
    if [ -e "$user_unit" ]; then
        say "whoever has enabled the user unit runs: systemctl --user disable --now serd"
    fi
    rm -f "$system_unit" "$user_unit"
    if is_running; then
        systemctl daemon-reload
    fi
    # Only if it is the virtual environment that install made.
    if [ -e "$venv/pyvenv.cfg" ]; then
        rm -rf "$venv"
    fi
    say "serd is removed; left are the settings in $root/etc/serd, the state in $root/var/lib/serd" \
        "and the user serd"
    say "to remove them too: rm -r $root/etc/serd $root/var/lib/serd; userdel serd"
}

main
