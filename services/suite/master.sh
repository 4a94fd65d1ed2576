#!/usr/bin/env bash
# Prints where the master is, as redis-cli reads it: redis-cli -u "$(services/suite/master.sh)" PING.
# The admin API knows; after a switchover or a failover it is another node than before.
set -euo pipefail
# shellcheck source=services/suite/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

address=$(curl -sS --fail-with-body --max-time 10 -H "Authorization: Bearer $(<"$home/admin.token")" \
    -H 'Accept: text/plain' "http://127.0.0.1:$admin_port/route/$cluster/master") || {
    echo "master: $address" >&2
    exit 1
}
echo "redis://$address"
