# shellcheck shell=bash disable=SC2034
# What the scripts beside this one agree on. Each value can be set in the environment.
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
home=${HEADWATER_HOME:-$repository/.headwater}
binaries=${HEADWATER_BIN_DIR:-$repository/.build/release}
cluster=${HEADWATER_CLUSTER:-demo}
read -r -a node_ports <<<"${HEADWATER_NODE_PORTS:-7001 7002 7003 7004}"
read -r -a control_ports <<<"${HEADWATER_CONTROL_PORTS:-7101 7102 7103 7104}"
coordinator_port=${HEADWATER_COORDINATOR_PORT:-7200}
admin_port=${HEADWATER_ADMIN_PORT:-8080}
api=http://127.0.0.1:$admin_port
token=$home/admin.token
# Further lines for each node's settings, written when they are first made: HEADWATER_NODE_SETTINGS.
ready_timeout_seconds=${HEADWATER_READY_TIMEOUT:-60}

# Whether the process of a pid file runs one of our executables (and is not a stranger that
# got the same number later).
is_running() {
    local pid_file=$1 program=$2 pid
    [ -s "$pid_file" ] || return 1
    pid=$(<"$pid_file")
    [ "$(basename "$(readlink "/proc/$pid/exe" 2>/dev/null | sed 's/ (deleted)$//')")" = "$program" ]
}

# One request to the admin API, with the administrator's token.
call() { curl -sS --max-time 10 -H "Authorization: Bearer $(<"$token")" "$@"; }

# Where the master is, HOST:PORT: after a switchover or a failover it is another node than before.
master() { call --fail-with-body -H 'Accept: text/plain' "$api/route/$cluster/master"; }
