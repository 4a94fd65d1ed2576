#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing, for the purposes given as
# arguments (build, run, test, conformance, lint, fuzz).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

missing=()
for purpose in "$@"; do
    while read -r name; do
        # A tool that is there under its own name needs no package.
        case $name in
        curl | python3 | shellcheck) command -v "$name" >/dev/null && continue ;;
        esac
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
    done < <(awk -v purpose="$purpose" '$1 == purpose { print $2 }' "$here/packages.txt")
done
[ ${#missing[@]} -eq 0 ] && exit 0

command -v apt-get >/dev/null || {
    echo "install-packages: this system has no apt-get; install by hand: ${missing[*]}" >&2
    exit 1
}
sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "install-packages: run as root or install by hand: ${missing[*]}" >&2
        exit 1
    }
    sudo=(sudo)
fi
echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${sudo[@]}" apt-get update -qq
# No service of a test peer may start by itself: the tests start their own.
"${sudo[@]}" env RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=120 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
