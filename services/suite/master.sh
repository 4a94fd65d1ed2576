#!/usr/bin/env bash
# Prints where the master is, as redis-cli reads it: redis-cli -u "$(services/suite/master.sh)" PING.
set -euo pipefail
# shellcheck source=services/suite/settings.sh
source "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

fail() {
    echo "master: $1" >&2
    exit 1
}

[ -s "$token" ] || fail "there is no suite in $home ($token is missing); run: make up"
# On success curl says nothing but the answer; on failure its own words and the API's are both told.
answer=$(master 2>&1) || fail "the admin API at $api (HEADWATER_ADMIN_PORT) names no master: $answer"
echo "redis://$answer"
