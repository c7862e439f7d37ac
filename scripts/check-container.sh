#!/usr/bin/env bash
# Makes the root file system of the container image in a chroot, with the steps of the Dockerfile, and
# checks that serd works in it as its user. scripts/chroot.sh says what it needs; no container engine.
#
#   scripts/check-container.sh WHEEL [RELEASE] [FOLDER]
# shellcheck disable=SC2016 # quoted text is for the system
set -euo pipefail
cd "$(dirname "$0")/.."
speaker=check-container
. scripts/lib.sh
. scripts/chroot.sh

wheel=${1:?usage: scripts/check-container.sh WHEEL [RELEASE] [FOLDER]}
release=${2:-trixie}
folder=${3:-build/systems}
demo='/opt/serd/lib/python3.*/site-packages/serd/data/demo.flac'

main() {
    make_system "$release" "$(dpkg --print-architecture)" "$folder"
    local build=/src/packaging/container/build.sh
    mkdir -p "$root/src/systemd" "$root/src/packaging" "$root/src/dist"
    cp systemd/requirements.lock "$root/src/systemd/"
    cp -r packaging/container "$root/src/packaging/"
    cp "$wheel" "$root/src/dist/"
    cp packaging/homeassistant/serd_app.py "$root/usr/local/lib/"
    step "$build" packages
    step "$build" program /src
    step "$build" system /src
    rm -r "$root/src"
    echo "size of the root file system: $(du -sm --exclude=proc "$root" | cut -f1) MB, of /opt/serd: $(du -sm "$root/opt/serd" | cut -f1) MB"
    holds "the user opens sound cards" sh -c 'id -nG serd | grep -qw audio'
    works "the command is on the path" serd --version
    step serd --version
    works "the model hears the bundled recording" sh -c "serd analyze $demo | grep -q '%'"
    holds "ALSA has the plug-in of PulseAudio" sh -c 'ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so'
    works "the settings come from the environment" sh -c \
        'SERD_MQTT_HOST=broker serd config show | grep -q "host = \"broker\".*environment SERD_MQTT_HOST"'
    works "the program cannot be changed by its user" sh -c '! test -w /opt/serd/bin/serd'
    daemon
    app
    report
}

# Checks that a command succeeds as the user of the image, with its variables.
works() {
    local promise=$1
    shift
    # shellcheck disable=SC2046 # NAME=value pairs without spaces
    holds "$promise" setpriv --reuid serd --regid serd --init-groups env $(variables) "$@"
}

# The variables of the Dockerfile.
# shellcheck disable=SC1003 # a backslash
variables() { sed -n '/^ENV/,/[^\\]$/p' packaging/container/Dockerfile | tr -d '\\' | sed 's/^ENV//'; }

# The daemon runs through the entry point until its health is right, and ends at SIGTERM.
daemon() {
    local script='
        SERD_MQTT_ENABLED=false SERD_SOURCE_INPUT=demo serd-entrypoint run --wait --json >/tmp/events 2>/tmp/log &
        for i in $(seq 60); do serd health >/tmp/health 2>&1 && break; sleep 0.5; done
        sleep 5; kill -TERM $!; wait $!; code=$?
        [ "$code" = 0 ] && grep -q ^healthy /tmp/health && grep -q emotion /tmp/events'
    works "the daemon hears, is healthy and ends at SIGTERM" sh -c "$script"
    step cat /tmp/health /tmp/log
}

# The app for Home Assistant begins as root, and runs serd as its user, with settings from the options.
app() {
    mkdir -p "$root/data" "$root/config"
    echo '{"source": "demo", "node": "ha", "history_days": 1, "mqtt_host": "none.invalid",
        "alerts": [{"name": "angry", "when": "angry >= 0.5"}]}' >"$root/data/options.json"
    local script='
        /opt/serd/bin/python3 /usr/local/lib/serd_app.py 2>/tmp/app-log &
        for i in $(seq 60); do grep -q "listening to" /tmp/app-log && break; sleep 0.5; done
        for p in /proc/[0-9]*; do
            tr "\0" " " <$p/cmdline | grep -q "bin/serd run" && grep "^Uid:" $p/status >/tmp/app-uid
        done
        kill -TERM $!; wait $!; code=$?
        [ "$code" = 0 ] && grep -q "Uid:.990" /tmp/app-uid && test -e /data/state/history.db'
    holds "the app runs serd as its user, and ends at SIGTERM" sh -c "$script"
    step cat /tmp/app-log
}

main
