#!/usr/bin/env bash
# Installs, upgrades or removes serd as a service.
#
#   scripts/install-service.sh install     into /opt/serd, with systemd/serd.service
#   scripts/install-service.sh uninstall   keeps the settings and the state
#
# The new version is built beside the old one, tried, and put into use in one step. If the service is not
# healthy with it, the old version returns. After a cut at any moment, the next installation mends the
# rest (scripts/slots.sh).
#
# Variables: SCOPE=user     the unit for the users of the machine instead of the system unit
#            PYTHON=...     the Python for the virtual environment; by default that of the system
#            PACKAGE=...    a wheel of serd; by default this checkout
#            LOCK=...       the packages that serd needs, with hashes; by default systemd/requirements.lock
#            PIP_ARGS=...   more arguments for pip
#            STEADY_S=...   how long the service must run to be healthy, in seconds; by default 10
#            ROOT=...       a folder in place of /
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
speaker=install-service
. scripts/lib.sh

action=${1:-}
scope=${SCOPE:-system}
root=${ROOT:-}
root=${root%/}
settings=$root/etc/serd/serd.toml
system_unit=$root/etc/systemd/system/serd.service
user_unit=$root/etc/systemd/user/serd.service
case $scope in
    system) unit=$system_unit; source=systemd/serd.service ;;
    user) unit=$user_unit; source=systemd/serd-user.service ;;
    *) say "SCOPE=$scope, expected system or user"; exit 2 ;;
esac

. scripts/slots.sh

# Whether systemd runs on the machine of $root.
is_running() { [ -d "$root/run/systemd/system" ]; }

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
    local python old new
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
    lock_slots
    mend_slots
    old=$(slot_in_use)
    new=$(other_slot "$old")
    build_program "$python" "$new"
    if [ "$scope" = system ]; then
        make_user
        write_settings "$new"
    fi
    use_slot "$new"
    if [ "$scope" = user ]; then
        keep_slot "$new"
        say "each person may now run: /opt/serd/bin/serd config init --service" \
            "&& systemctl --user daemon-reload && systemctl --user enable --now serd"
    elif ! is_running; then
        systemctl ${root:+--root="$root"} enable --quiet serd.service
        keep_slot "$new"
        say "systemd does not run here: serd starts with the next boot of a system that has it"
    elif start_service; then
        keep_slot "$new"
        say "serd runs; see: systemctl status serd, and: journalctl -u serd -f"
        say "settings: $settings; name your broker there ([mqtt] host)"
    else
        go_back "$old" "$new"
    fi
}

# Makes a complete program in a slot and tries it on the bundled recording.
build_program() {
    local python=$1 slot=$2 pip
    say "making a virtual environment in $slot with $("$python" --version)"
    "$python" -m venv --clear "$slot"
    pip=("$slot/bin/python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore)
    say "installing serd and its packages"
    # Wheels with known hashes alone: a source archive would run code with build tools of any version.
    # shellcheck disable=SC2086 # PIP_ARGS holds several arguments
    "${pip[@]}" ${PIP_ARGS:-} --require-hashes --only-binary :all: -r "${LOCK:-systemd/requirements.lock}"
    # shellcheck disable=SC2086
    "${pip[@]}" ${PIP_ARGS:-} --no-deps --no-index --no-build-isolation "${PACKAGE:-.}"
    cp -r systemd "$slot/"
    "$slot/bin/serd" analyze "$slot"/lib/python3.*/site-packages/serd/data/demo.flac >/dev/null
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
        "$1/bin/serd" config init --service --force "$settings.new" >/dev/null
        mv -fT "$settings.new" "$settings"
        say "wrote $settings, with every setting described"
    fi
    # Readable by the service alone, since it may hold a password.
    chmod 640 "$settings"
    if [ "$(id -u)" -eq 0 ]; then
        chgrp "$(awk -F: '$1 == "serd" { print $3 }' "$root/etc/group")" "$settings"
    fi
}

# Starts the service again; fails if it is not healthy: ready, and after STEADY_S the same process.
start_service() {
    local pid
    systemctl daemon-reload && systemctl enable --quiet serd.service || return 1
    # It returns once serd has opened its sources, or has failed.
    systemctl restart serd.service || return 1
    pid=$(main_pid)
    sleep "${STEADY_S:-10}"
    systemctl is-active --quiet serd.service && [ "$(main_pid)" = "$pid" ]
}

main_pid() { systemctl show --property=MainPID --value serd.service; }

go_back() {
    local old=$1 new=$2
    say "the service is not healthy with the new version; see: journalctl -u serd -n 50"
    if [ -z "$old" ]; then
        say "there is no earlier version; mend what the journal names, and install again"
        exit 1
    fi
    use_slot "$old"
    if start_service; then
        rm -rf "$new"
        say "the earlier version runs again"
    else
        say "the earlier version is in use again, and is not healthy either"
    fi
    exit 1
}

uninstall_service() {
    lock_slots
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
    remove_slots
    say "serd is removed; left are the settings in $root/etc/serd, the state in $root/var/lib/serd" \
        "and the user serd"
    say "to remove them too: rm -r $root/etc/serd $root/var/lib/serd; userdel serd"
}

main
