#!/bin/bash
# Runs on the system that scripts/check-service.sh boots: makes /opt/tool/bin/serd a service, upgrades it,
# tries a version that does not start, and removes it.
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
serd=/opt/tool/bin/serd

holds() {
    local promise=$1
    shift
    if "$@" >/tmp/last 2>&1; then
        echo "  ok: $promise"
    else
        echo "  WRONG: $promise ($*): $(tail -2 /tmp/last)"
    fi
}

process() { systemctl show --property=MainPID --value serd; }

mkdir -p /etc/serd/conf.d
printf '[source]\ninput = "demo"\n[mqtt]\nhost = "127.0.0.1"\n' >/etc/serd/conf.d/demo.toml
holds "the service runs after the installation" "$serd" service install
systemctl is-active --quiet serd || journalctl --no-pager --unit serd --lines 20
holds "the status says so" serd service status
before=$(process)
printf '[node]\nname = "other"\n' >/etc/serd/conf.d/node.toml
holds "a reload reads a new file of conf.d" sh -c 'systemctl reload serd && for _ in $(seq 60); do
    journalctl -u serd | grep -q "settings reloaded" && exit; sleep 0.5; done; exit 1'
holds "it is still the same process" test "$before" = "$(process)"
holds "events arrive at the broker" mosquitto_sub -h 127.0.0.1 -t 'serd/other/mic/event' -C 1 -W 60
holds "an upgrade runs" "$serd" service install
holds "it is in the other slot" test "$(readlink /opt/serd)" = serd-slots/b
sed -i 's/^def run_command(.*/&\n    raise SystemExit(3)/' /opt/tool/lib/python3.*/site-packages/serd/cli/run.py
holds "a version that does not start is refused" sh -c \
    "! $serd service install 2>/tmp/refusal && grep -q 'the earlier version runs again' /tmp/refusal"
holds "the version before is in use" test "$(readlink /opt/serd)" = serd-slots/b
holds "it runs" systemctl is-active serd
holds "it can be removed" serd service uninstall
holds "nothing runs" sh -c '! systemctl is-active serd'
echo "  the end"
