#!/usr/bin/env bash
# Installs, upgrades, downgrades, removes and purges the Debian package on a new system, and prints what
# happens. The exit code is 1 if something is not as it should be. scripts/chroot.sh says what it needs.
#
#   scripts/check-deb.sh RELEASE ARCH [FOLDER]
#
# FOLDER keeps the base systems, so that the next check is quick; by default build/systems. What is printed
# goes to FOLDER/deb-RELEASE-ARCH.txt as well. The package is put over version 0.1.0, which had none: the
# commit FIRST_VERSION installs itself with its own script, from the package index of pip.
# shellcheck disable=SC2016 # quoted text is for the system
set -euo pipefail
cd "$(dirname "$0")/.."
speaker=check-deb
. scripts/lib.sh
. scripts/chroot.sh

release=${1:?usage: scripts/check-deb.sh RELEASE ARCH [FOLDER]}
arch=${2:?usage: scripts/check-deb.sh RELEASE ARCH [FOLDER]}
folder=${3:-build/systems}
demo='/opt/serd/lib/python3.*/site-packages/serd/data/demo.flac'
FIRST_VERSION=d40092a
state='env STATE_DIRECTORY=/var/lib/serd SERD_MQTT_HOST=127.0.0.1 SERD_MQTT_PORT=1'

main() {
    make_system "$release" "$arch" "$folder"
    package new 0.0.2
    package old 0.0.1
    step apt-get update -qq
    first_installation
    upgrade_and_downgrade
    remove_and_purge
    over_an_installation_without_a_package
    over_the_first_version
    report
}

# Puts the package into the system, as /NAME.deb with a version that ends in SUFFIX.
package() {
    local built
    built=$(ls dist/serd_*"$(release_suffix)_$arch.deb")
    local tree
    tree=$(mktemp -d)
    dpkg-deb -R "$built" "$tree"
    sed -i "s/^Version: .*/&.$2/" "$tree/DEBIAN/control"
    dpkg-deb --build --root-owner-group -Zgzip -z1 "$tree" "$root/$1.deb" >/dev/null
    rm -rf "$tree"
}

release_suffix() { [ "$release" = bookworm ] && echo +deb12 || echo +deb13; }

works() {
    holds "serd says its version" serd --version
    holds "the model hears the bundled recording" sh -c "serd analyze $demo | grep -q '%'"
}

# The events must be those of every other machine.
same_events() {
    inside sh -c "SERD_MQTT_ENABLED=false SERD_REPORT_PROVISIONAL_S=0 serd run --source $demo --fast --json 2>/dev/null" >"$root/events.jsonl"
    if python3 scripts/compare_events.py tests/golden/demo-events.jsonl "$root/events.jsonl" |
        sed 's/^/  golden events: /'; then
        return
    fi
    n_wrong=$((n_wrong + 1))
}

# Its daemon hears the bundled recording without a broker, so that events wait in its state.
over_the_first_version() {
    echo "== over 0.1.0, commit $FIRST_VERSION, by its scripts/install-service.sh"
    mkdir "$root/first"
    git archive "$FIRST_VERSION" | tar -x -C "$root/first"
    install systemd python3-venv libportaudio2
    step sh -c 'cd /first && scripts/install-service.sh install'
    step /opt/serd/bin/serd --version
    inside sh -c 'sed -i "s/^#*host = .*/host = \"broker.lan\"/" /etc/serd/serd.toml
        touch /etc/serd/mqtt-password'
    inside sh -c "$state /opt/serd/bin/serd run --source /first/serd/data/demo.flac 2>&1 | tail -2
        chown -R serd: /var/lib/serd"
    local n_waiting
    n_waiting=$(inside python3 -c 'import sqlite3
print(sqlite3.connect("/var/lib/serd/spool.db").execute("SELECT count(*) FROM event").fetchone()[0])')
    echo "  $n_waiting events wait for the broker"
    install /new.deb -o Dpkg::Options::=--force-confold
    holds "its unit is gone" test ! -e /etc/systemd/system/serd.service
    holds "its settings stay" grep -q broker.lan /etc/serd/serd.toml
    holds "its settings are valid" serd config check /etc/serd/serd.toml
    holds "its password file stays" test -e /etc/serd/mqtt-password
    holds "its $n_waiting waiting events are sent first" sh -c \
        "$state serd run --source $demo --fast 2>&1 | grep -q '$n_waiting events of an earlier run are sent first'"
    holds "the service is enabled" \
        test -L /etc/systemd/system/multi-user.target.wants/serd.service
    works
    step apt-get purge -y -qq serd
    rm -r "$root/first"
}

over_an_installation_without_a_package() {
    echo "== over an installation by serd service install"
    inside sh -c 'mkdir -p /opt/serd-slots/a/bin /etc/systemd/system/multi-user.target.wants /etc/serd \
        /var/lib/serd; ln -s serd-slots/a /opt/serd; touch /opt/serd-slots/a/pyvenv.cfg;
        echo "ExecStart=/opt/serd/bin/serd run --wait" >/etc/systemd/system/serd.service;
        mkdir -p /usr/local/bin; ln -s /opt/serd/bin/serd /usr/local/bin/serd
        ln -s ../serd.service /etc/systemd/system/multi-user.target.wants/serd.service;
        printf "[mqtt]\nhost = \"broker.lan\"\n" >/etc/serd/serd.toml; echo x >/var/lib/serd/mine'
    install /old.deb -o Dpkg::Options::=--force-confold
    holds "its program is gone" test ! -e /opt/serd-slots
    holds "its command is gone" test ! -L /usr/local/bin/serd
    holds "its unit is gone" test ! -e /etc/systemd/system/serd.service
    holds "its settings stay" grep -q broker.lan /etc/serd/serd.toml
    holds "its state stays" test -e /var/lib/serd/mine
    holds "the service is enabled" \
        test -L /etc/systemd/system/multi-user.target.wants/serd.service
    works
    step apt-get purge -y -qq serd
}

first_installation() {
    echo "== on a new system"
    install /old.deb
    holds "the settings are for root and the service" sh -c \
        '[ "$(stat -c "%U %G %a" /etc/serd/serd.toml)" = "root serd 640" ]'
    holds "the user may open microphones" sh -c 'id serd | grep -q audio'
    works
    same_events
    step serd doctor || true
    step sh -c "serd analyze $demo"
    step sh -c 'du -sm /opt/serd; du -sm /opt/serd/lib/python3.*/site-packages/* | sort -rn | head -5'
    if [ "$arch" = arm64 ]; then count_instructions; fi
    holds "there is a manual page" sh -c 'zcat /usr/share/man/man1/serd.1.gz | grep -q analyze'
    holds "bash completes" bash -n /usr/share/bash-completion/completions/serd
}

# What serd costs on the processors of small boards, where qemu has plug-ins (Debian: qemu-user).
count_instructions() {
    if command -v qemu-aarch64 >/dev/null && command -v cc >/dev/null; then
        python3 scripts/count_arm64.py "$root" 2>&1 | sed 's/^/    /' || n_wrong=$((n_wrong + 1))
    else
        say "there is no qemu-aarch64 or no cc, so instructions are not counted"
    fi
}

upgrade_and_downgrade() {
    echo "== upgrade and downgrade"
    inside sh -c 'sed -i "1i # mine" /etc/serd/serd.toml; mkdir -p /var/lib/serd; echo x >/var/lib/serd/mine'
    install /new.deb
    holds "settings that were changed stay" grep -q "# mine" /etc/serd/serd.toml
    works
    install /old.deb
    works
}

remove_and_purge() {
    echo "== remove and purge"
    step apt-get remove -y -qq serd
    holds "the program is gone" test ! -e /opt/serd
    holds "the command is gone" test ! -e /usr/bin/serd
    holds "settings and state stay" test -e /etc/serd/serd.toml -a -e /var/lib/serd/mine
    step apt-get purge -y -qq serd
    holds "nothing is left" test ! -e /etc/serd -a ! -e /var/lib/serd -a ! -e /opt/serd
}

mkdir -p "$folder"
main | tee "$folder/deb-$release-$arch.txt"
