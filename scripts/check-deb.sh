#!/usr/bin/env bash
# Installs, upgrades, downgrades, removes and purges the Debian package on a new system, and prints what
# happens. The exit code is 1 if something is not as it should be. Needs root and debootstrap, and for
# another architecture qemu-user-static with binfmt.
#
#   scripts/check-deb.sh RELEASE ARCH [FOLDER]
#
# FOLDER keeps the base systems, so that the next check is quick; by default build/systems.
set -euo pipefail
cd "$(dirname "$0")/.."
speaker=check-deb
. scripts/lib.sh

release=${1:?usage: scripts/check-deb.sh RELEASE ARCH [FOLDER]}
arch=${2:?usage: scripts/check-deb.sh RELEASE ARCH [FOLDER]}
folder=${3:-build/systems}
mirror=${MIRROR:-http://deb.debian.org/debian}
base=$folder/$release-$arch
demo='/opt/serd/lib/python3.*/site-packages/serd/data/demo.flac'
n_wrong=0

main() {
    if [ ! -e "$base/complete" ]; then
        rm -rf "$base"
        debootstrap --variant=minbase --arch="$arch" "$release" "$base" "$mirror" >"$base.log" 2>&1 ||
            { say "no base system; see $base.log"; exit 1; }
        touch "$base/complete"
    fi
    root=$(mktemp -d "$folder/run-XXXXXX")
    trap 'rm -rf "$root"' EXIT
    cp -a "$base/." "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    package new 0.0.2
    package old 0.0.1
    step apt-get update -qq
    over_an_installation_of_make
    first_installation
    upgrade_and_downgrade
    remove_and_purge
    if [ "$n_wrong" -gt 0 ]; then
        say "$n_wrong checks failed"
        exit 1
    fi
    say "everything as it should be"
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

# Runs a command in the system, and prints it with what it prints.
step() {
    echo "\$ $*"
    inside "$@" 2>&1 | grep -v -e '^debconf:' | sed 's/^/    /' || true
    return "${PIPESTATUS[0]}"
}

inside() {
    unshare --mount --pid --fork --kill-child \
        sh -c 'mount -t proc proc "$0/proc" && mount -t devpts devpts "$0/dev/pts" && exec chroot "$0" env -i \
            PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 \
            TERM=dumb "$@"' "$root" "$@"
}

# Checks that a command succeeds in the system.
holds() {
    local promise=$1
    shift
    if inside "$@" >/dev/null 2>&1; then
        echo "  ok: $promise"
    else
        echo "  WRONG: $promise ($*)"
        n_wrong=$((n_wrong + 1))
    fi
}

install() { step apt-get install -y -qq --no-install-recommends --allow-downgrades "$@"; }

works() {
    holds "serd says its version" serd --version
    holds "the model hears the bundled recording" sh -c "serd analyze $demo | grep -q '%'"
}

# The events must be those of every other machine.
same_events() {
    inside sh -c "SERD_MQTT_ENABLED=false SERD_REPORT_PROVISIONAL_S=0 serd run --source $demo --fast --json 2>/dev/null" >"$folder/events.jsonl"
    if python3 scripts/compare_events.py tests/golden/demo-events.jsonl "$folder/events.jsonl" |
        sed 's/^/  golden events: /'; then
        return
    fi
    n_wrong=$((n_wrong + 1))
}

over_an_installation_of_make() {
    echo "== over an installation by make install-service"
    inside sh -c 'mkdir -p /opt/serd-slots/a/bin /etc/systemd/system/multi-user.target.wants /etc/serd \
        /var/lib/serd; ln -s serd-slots/a /opt/serd; touch /opt/serd-slots/a/pyvenv.cfg;
        echo "ExecStart=/opt/serd/bin/serd run --wait" >/etc/systemd/system/serd.service;
        ln -s ../serd.service /etc/systemd/system/multi-user.target.wants/serd.service;
        printf "[mqtt]\nhost = \"broker.lan\"\n" >/etc/serd/serd.toml; echo x >/var/lib/serd/mine'
    install /old.deb -o Dpkg::Options::=--force-confold
    holds "its program is gone" test ! -e /opt/serd-slots
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
    holds "there is a manual page" sh -c 'zcat /usr/share/man/man1/serd.1.gz | grep -q analyze'
    holds "bash completes" bash -n /usr/share/bash-completion/completions/serd
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

main
