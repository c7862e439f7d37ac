#!/bin/sh
# Makes the root file system of the container image, in the steps of the Dockerfile. It runs as root on a
# Debian system, in which nothing else is; scripts/check-container.sh runs the same steps in a chroot.
#
#   build.sh packages           what the program needs of Debian
#   build.sh program SOURCE     the program in /opt/serd: wheels of SOURCE/systemd/requirements.lock, whose
#                               hashes pip checks, and serd's own wheel in SOURCE/dist
#   build.sh system SOURCE      user, folders, entry point
set -eu

case $1 in
    packages)
        apt-get update -qq
        # libasound2-plugins leads ALSA to the socket of PulseAudio or PipeWire.
        apt-get install -y -qq --no-install-recommends python3 libportaudio2 libasound2-plugins
        # shellcheck disable=SC2086 # may hold several, such as ffmpeg for streams
        [ -z "${PACKAGES:-}" ] || apt-get install -y -qq --no-install-recommends $PACKAGES
        rm -rf /var/lib/apt/lists/*
        ;;
    program)
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends python3-venv ca-certificates
        python3 -m venv /opt/serd
        /opt/serd/bin/pip install --quiet --no-cache-dir --require-hashes --only-binary :all: \
            -r "$2/systemd/requirements.lock"
        /opt/serd/bin/pip install --quiet --no-deps --no-index "$2"/dist/serd-*.whl
        /opt/serd/bin/pip uninstall --quiet --yes hatchling pathspec pluggy trove-classifiers pip
        ;;
    system)
        groupadd --system --gid 990 serd
        useradd --system --uid 990 --gid serd --groups audio --home-dir /var/lib/serd \
            --shell /usr/sbin/nologin serd
        install -d -o serd -g serd -m 750 /var/lib/serd
        install -d /etc/serd/conf.d
        install -m 755 "$2/packaging/container/entrypoint.sh" /usr/local/bin/serd-entrypoint
        install -D -m 644 "$2/packaging/container/pulse.conf" /usr/share/serd/pulse.conf
        ln -sf /opt/serd/bin/serd /usr/local/bin/serd
        ;;
    *)
        echo "build.sh: $1, expected packages, program or system" >&2
        exit 2
        ;;
esac
