# shellcheck shell=bash disable=SC2016,SC2154 # quoted text is for the system; the reader sets $speaker
# A new Debian system in a folder, and checks in it, for the scripts that check an installation.
# The script that reads this file sets $speaker, and reads lib.sh before. Needs root and debootstrap, and
# for another architecture qemu-user-static.

mirror=${MIRROR:-http://deb.debian.org/debian}
n_wrong=0
# What apt says about each package.
NOISE='^debconf:|^\(Reading|^Selecting|^Preparing|^Unpacking|^Setting up|^Preconfiguring|^Adding .diversion'

# Copies a base system into $root, which is removed at the end: release, architecture, folder of the base
# systems, so that the next check is quick.
make_system() {
    local base=$3/$1-$2
    [ "$2" = "$(dpkg --print-architecture)" ] || emulate
    if [ ! -e "$base/complete" ]; then
        rm -rf "$base"
        mkdir -p "$3"
        debootstrap --variant=minbase --arch="$2" "$1" "$base" "$mirror" >"$base.log" 2>&1 ||
            { say "no base system; see $base.log"; exit 1; }
        touch "$base/complete"
    fi
    root=$(mktemp -d "$3/run-XXXXXX")
    trap 'rm -rf "$root"' EXIT
    cp -a "$base/." "$root"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
    # This machine may reach package indexes through a proxy that has certificates of its own.
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/certificates.crt"
}

# Lets the kernel start programs of arm64 with qemu, which it knows until the next boot.
emulate() {
    local formats=/proc/sys/fs/binfmt_misc
    command -v qemu-aarch64-static >/dev/null ||
        { say "there is no qemu-aarch64-static: apt-get install qemu-user-static"; exit 1; }
    [ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats ||
        { say "the kernel has no binfmt_misc"; exit 1; }
    [ -e $formats/qemu-aarch64 ] && return
    # F: qemu is opened now, so that it is there within the folder.
    printf '%s' ':qemu-aarch64:M:0:\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0:' \
        '\xff\xff\xff\xff\xff\xff\xff\0\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:' \
        "$(command -v qemu-aarch64-static):F" >$formats/register
}

# Runs a command in the system, and prints it with what it prints; returns its exit code.
step() {
    local code=0
    echo "\$ $*"
    # grep fails if it has no line to print.
    inside "$@" 2>&1 | { grep -v -E "$NOISE" || true; } | sed 's/^/    /' || code=$?
    [ "$code" -eq 0 ] || say "exit code $code: $*"
    return "$code"
}

inside() {
    unshare --mount --pid --fork --kill-child \
        sh -c 'mount -t proc proc "$0/proc" && mount -t devpts devpts "$0/dev/pts" && exec chroot "$0" env -i \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
            DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8 TERM=dumb \
            SSL_CERT_FILE=/certificates.crt PIP_CERT=/certificates.crt "$@"' "$root" "$@"
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

# Says the outcome of all checks, with the exit code 1 if one failed.
report() {
    if [ "$n_wrong" -gt 0 ]; then
        say "$n_wrong checks failed"
        exit 1
    fi
    say "everything as it should be"
}
