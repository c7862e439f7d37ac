#!/usr/bin/env bash
# Installs serd on a new Debian system with pipx and with uv, makes it a service with
# `serd service install`, upgrades and removes it, and prints what happens. The exit code is 1 if something
# is not as it should be. scripts/chroot.sh says what it needs. If there is systemd-nspawn (Debian:
# systemd-container), the system is then booted, to see the service start, go back and reload.
#
#   scripts/check-service.sh RELEASE WHEEL [FOLDER]
#
# FOLDER keeps the base systems, so that the next check is quick; by default build/systems.
# shellcheck disable=SC2016 # quoted text is for the system
set -euo pipefail
cd "$(dirname "$0")/.."
speaker=check-service
. scripts/lib.sh
. scripts/chroot.sh

release=${1:?usage: scripts/check-service.sh RELEASE WHEEL [FOLDER]}
wheel=${2:?usage: scripts/check-service.sh RELEASE WHEEL [FOLDER]}
folder=${3:-build/systems}
demo='/opt/serd/lib/python3.*/site-packages/serd/data/demo.flac'

main() {
    make_system "$release" "$(dpkg --print-architecture)" "$folder"
    cp "$wheel" "$root/"
    package=/$(basename "$wheel")
    step apt-get update -qq
    install systemd libportaudio2 pipx
    with_pipx
    with_uv
    if command -v systemd-nspawn >/dev/null; then
        booted
    else
        say "there is no systemd-nspawn, so the start of the service is not checked"
    fi
    report
}

is_installed() {
    holds "serd is on the PATH of sudo" sh -c 'env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin serd --version'
    holds "the program is apart from the one that installed it" sh -c \
        'head -1 /opt/serd/bin/serd | grep -q "#!/opt/serd-slots/"'
    holds "the model hears the bundled recording" sh -c "/opt/serd/bin/serd analyze $demo | grep -q '%'"
    holds "the unit is enabled" test -L /etc/systemd/system/multi-user.target.wants/serd.service
    holds "the unit is valid" sh -c \
        '! systemd-analyze verify --man=no /etc/systemd/system/serd.service 2>&1 | grep serd.service'
    holds "the settings are for root and the service" sh -c \
        '[ "$(stat -c "%U %G %a" /etc/serd/serd.toml)" = "root serd 640" ]'
    holds "the user may open microphones" sh -c 'id serd | grep -q audio'
}

with_pipx() {
    echo "== pipx"
    step bash -c "time pipx install '${package}[web]'"
    step bash -c 'time /root/.local/bin/serd service install'
    is_installed
    step serd service status || true
    step serd doctor || true
    step pipx uninstall serd
    holds "the service needs pipx no more" sh -c "serd analyze $demo"
}

with_uv() {
    echo "== uv tool, over the installation before"
    inside sh -c 'sed -i "1i # mine" /etc/serd/serd.toml; mkdir -p /var/lib/serd; echo x >/var/lib/serd/mine'
    step pipx install uv
    step sh -c "/root/.local/bin/uv tool install --quiet --python /usr/bin/python3 '${package}[broker,web]'"
    step sh -c "UV_TOOL=\$(/root/.local/bin/uv tool dir); \$UV_TOOL/serd/bin/serd service install"
    holds "the other slot is in use" sh -c '[ "$(readlink /opt/serd)" = serd-slots/b ]'
    is_installed
    holds "the broker inside serd is there" sh -c 'ls /opt/serd/lib/python3.*/site-packages | grep -q amqtt'
    holds "settings that were changed stay" grep -q "# mine" /etc/serd/serd.toml
    step serd service uninstall
    holds "the program, the command and the unit are gone" \
        test ! -e /opt/serd -a ! -e /usr/local/bin/serd -a ! -e /etc/systemd/system/serd.service
    holds "settings and state stay" test -e /etc/serd/serd.toml -a -e /var/lib/serd/mine
}

# Boots the system with a script that installs, upgrades, breaks and removes the service, from a wheel without
# extras, so that its page is off.
booted() {
    echo "== booted"
    install systemd-sysv dbus mosquitto mosquitto-clients python3-venv
    # The settings of the part before have the page on, whose packages this wheel comes without.
    inside rm -rf /etc/serd /var/lib/serd
    step sh -c "python3 -m venv /opt/tool && /opt/tool/bin/pip install -q $package"
    cp scripts/trial-service.sh "$root/root/trial.sh"
    printf '%s\n' '[Unit]' 'After=multi-user.target' '[Service]' 'Type=oneshot' \
        'ExecStart=/bin/bash /root/trial.sh' 'StandardOutput=file:/root/out' 'TimeoutStartSec=900' \
        'ExecStopPost=/usr/bin/systemctl poweroff --no-block' >"$root/etc/systemd/system/trial.service"
    touch "$root/root/out"  # a system that does not boot writes nothing
    mkdir -p "$root/etc/systemd/system/graphical.target.wants"
    ln -s ../trial.service "$root/etc/systemd/system/graphical.target.wants/"
    timeout 900 systemd-nspawn --directory="$root" --boot --machine="serd-$$" --register=no --keep-unit \
        >"$root/boot.log" 2>&1 || true
    cat "$root/root/out"
    n_wrong=$((n_wrong + $(grep -c WRONG "$root/root/out" || true)))
    if ! grep -q "^  the end" "$root/root/out"; then
        echo "  WRONG: the trial has not come to its end; see $root/boot.log"
        n_wrong=$((n_wrong + 1))
    fi
}

main
