#!/bin/sh
# Runs serd with the arguments. If there is a socket of PulseAudio or PipeWire, ALSA's default device leads
# to it; else it is a sound card of /dev/snd.
set -eu

for socket in "${PULSE_SERVER:-}" /run/pulse/native "${XDG_RUNTIME_DIR:-/none}/pulse/native"; do
    path=${socket#unix:}
    if [ -S "$path" ]; then
        export PULSE_SERVER="unix:$path" ALSA_CONFIG_PATH=/usr/share/serd/pulse.conf
        break
    fi
done
exec /opt/serd/bin/serd "$@"
