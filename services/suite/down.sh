#!/usr/bin/env bash
# Stops exactly the processes that up.sh started: the admin API, the coordinator, then the nodes.
# The data stays.
set -euo pipefail
# shellcheck source=services/suite/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

stop_grace_seconds=15

stop() {
    local name=$1 program=$2 pid deadline
    local pid_file=$home/run/$name.pid
    if is_running "$pid_file" "$program"; then
        pid=$(<"$pid_file")
        kill -TERM "$pid" 2>/dev/null || true
        deadline=$((SECONDS + stop_grace_seconds))
        while is_running "$pid_file" "$program"; do
            if [ $SECONDS -ge $deadline ]; then
                echo "down: $name did not stop within $stop_grace_seconds s and is killed" >&2
                kill -KILL "$pid" 2>/dev/null || true
                break
            fi
            sleep 0.05
        done
    fi
    rm -f "$pid_file"
}

stop admin headwater-admin
stop coordinator headwater-coordinator
for name in n4 n3 n2 n1; do
    stop "$name" headwater-node
done
