#!/usr/bin/env bash
# Starts the suite on this machine: four data nodes, the coordinator and the admin API; declares a
# three-level cascade through the admin API, waits until it stands, and says how to use it.
# Run again it starts what is missing and finds the data where it was.
set -euo pipefail
# shellcheck source=services/suite/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"
# shellcheck source=services/suite/ports.sh
source "$(dirname "${BASH_SOURCE[0]}")/ports.sh"

fail() {
    echo "up: $*" >&2
    exit 1
}

# Before anything is written: what is refused here leaves no trace.
for index in 0 1 2 3; do
    name=n$((index + 1))
    keep_node_ports "$name" "$index"
    # One that runs is where its settings say, unless an operator has moved it since.
    is_running "$home/run/$name.pid" headwater-node && continue
    claim_port "$name" headwater-node "${node_ports[index]}" HEADWATER_NODE_PORTS
    claim_port "$name" headwater-node "${control_ports[index]}" HEADWATER_CONTROL_PORTS
done
claim_port coordinator headwater-coordinator "$coordinator_port" HEADWATER_COORDINATOR_PORT
claim_port admin headwater-admin "$admin_port" HEADWATER_ADMIN_PORT

umask 077
mkdir -p "$home/run"
secret=$home/cluster.secret
[ -s "$secret" ] || head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$secret"

declare -A started
since=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)

# start NAME PROGRAM ARGUMENTS…: unless it runs already.
start() {
    local name=$1 program=$2
    shift 2
    started[$name]=$program
    is_running "$home/run/$name.pid" "$program" && return
    [ -x "$binaries/$program" ] || fail "$binaries/$program is missing; run: make build"
    mkdir -p "$home/$name"
    # shellcheck disable=SC2016 # expanded by the inner shell
    # The pid file is written by the shell that becomes the service.
    setsid bash -c 'echo $$ >"$1"; shift; exec "$@"' - "$home/run/$name.pid" \
        "$binaries/$program" "$@" >>"$home/$name/$name.log" 2>&1 </dev/null &
}

# A node's settings are a redis.conf; it is written once and then belongs to the operator.
write_node_configuration() {
    local name=$1 port=$2 control_port=$3
    mkdir -p "$home/$name"
    [ -e "$home/$name/node.conf" ] && return
    cat >"$home/$name/node.conf" <<CONF
bind 127.0.0.1
port $port
http-port $control_port
http-bind 127.0.0.1
node-id $name
cluster-secret-file $secret
dir $home/$name
appendonly yes
appendfsync everysec
save ""
${HEADWATER_NODE_SETTINGS:-}
CONF
}

cluster_document() {
    local index separator=""
    printf '{"name": "%s", "nodes": [' "$cluster"
    for index in 0 1 2 3; do
        printf '%s\n  {"node": "n%d", "address": "127.0.0.1:%d", "control": "127.0.0.1:%d"}' \
            "$separator" $((index + 1)) "${node_ports[index]}" "${control_ports[index]}"
        separator=","
    done
    printf '],\n "topology": {"node": "n1", "replicas": [\n'
    printf '  {"node": "n2", "replicas": [{"node": "n4"}]},\n  {"node": "n3"}]}}\n'
}

for index in 0 1 2 3; do
    name=n$((index + 1))
    write_node_configuration "$name" "${node_ports[index]}" "${control_ports[index]}"
    start "$name" headwater-node "$home/$name/node.conf"
done
start coordinator headwater-coordinator --bind 127.0.0.1 --port "$coordinator_port" \
    --state-dir "$home/coordinator" --secret-file "$secret"
start admin headwater-admin --bind 127.0.0.1 --port "$admin_port" \
    --coordinator "http://127.0.0.1:$coordinator_port" --secret-file "$secret" \
    --admin-token-file "$token"

# A service that ended at once (a port that is taken, a file that cannot be read) is told at once.
check_services() {
    local name
    for name in "${!started[@]}"; do
        [ -s "$home/run/$name.pid" ] || continue
        is_running "$home/run/$name.pid" "${started[$name]}" && continue
        # Between fork and exec the process is still the shell.
        [ "$(cat "/proc/$(<"$home/run/$name.pid")/comm" 2>/dev/null)" = bash ] && continue
        tail -n 5 "$home/$name/$name.log" >&2
        fail "$name did not start; its log is $home/$name/$name.log"
    done
}

deadline=$((SECONDS + ready_timeout_seconds))
wait_for() {
    local what=$1
    shift
    until "$@" >/dev/null 2>&1; do
        check_services
        [ $SECONDS -lt $deadline ] || fail "$what did not happen within $ready_timeout_seconds s; see the logs in $home/*/*.log"
        sleep 0.1
    done
}
# Ours, and not one that took the port a moment before ours could.
ready() {
    listens "$home/run/admin.pid" "$admin_port" && curl -fsS --max-time 2 "$api/readyz"
}
wait_for "readiness of the admin API" ready
[ -s "$token" ] || fail "the admin API wrote no token to $token"

# Declared once; from then on the cluster's specification lives in the coordinator.
if [ "$(call -o /dev/null -w '%{http_code}' "$api/v1/clusters/$cluster")" = 404 ]; then
    cluster_document >"$home/cluster.json"
    call --fail-with-body -o "$home/run/answer.json" -X POST -H 'Content-Type: application/json' \
        --data @"$home/cluster.json" "$api/v1/clusters" || {
        cat "$home/run/answer.json" >&2
        fail "the admin API refused the cluster"
    }
fi

# What the coordinator knows of a node is a moment old: one that died just before this script began
# may still count as up. So each node of the cluster must have been seen since.
seen() {
    local index answer
    for index in 0 1 2 3; do
        answer=$(call -w '%{http_code}' "$api/v1/clusters/$cluster/nodes/n$((index + 1))")
        case $answer in
        *404) continue ;;
        *200) [[ $answer =~ \"lastSeen\":\ ?\"([^\"]+)\" && ${BASH_REMATCH[1]} > $since ]] || return 1 ;;
        *) return 1 ;;
        esac
    done
}
converged() {
    seen || return 1
    call --fail-with-body "$api/v1/clusters/$cluster/topology" | tr -d ' \n' | grep -q '"converged":true'
}
wait_for "convergence of the topology" converged

tree=$(call --fail-with-body -H 'Accept: text/plain' "$api/v1/clusters/$cluster/topology")
wait_for "a master that takes writes" master
master_address=$(master)
cat <<TEXT

$tree

Admin API    $api          token in $token
Coordinator  http://127.0.0.1:$coordinator_port
Logs         $home/*/*.log

Try it:
  curl -sS -H "Authorization: Bearer \$(cat $token)" -H 'Accept: text/plain' $api/v1/clusters/$cluster/topology
  curl -sS -H "Authorization: Bearer \$(cat $token)" $api/v1/clusters/$cluster
  curl -sS -X POST -H "Authorization: Bearer \$(cat $token)" -H 'Content-Type: application/json' --data '{}' '$api/v1/clusters/$cluster/switchovers?wait=30s'
  redis-cli -h ${master_address%:*} -p ${master_address##*:} SET greeting hello
TEXT
