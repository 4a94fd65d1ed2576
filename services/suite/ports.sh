# shellcheck shell=bash disable=SC2154 # the variables of settings.sh
# Whose the ports are: nothing that listens on one of ours may be taken for ours unless it is.
# Linux tells in /proc, so this needs no further tool.

# The listening sockets that a client of 127.0.0.1 may meet: PORT INODE, a line each.
listening() {
    local address inode
    # A kernel without IPv6 has no tcp6.
    awk '$4 == "0A" && $2 ~ /^(0100007F|0+|0+FFFF00000100007F):/ { print $2, $10 }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        while read -r address inode; do echo "$((16#${address##*:})) $inode"; done || true
}

# The open sockets of processes, as lines of find's format FORMAT; another user's are not told.
sockets() {
    local format=$1
    shift
    find "$@" -lname 'socket:*' -printf "$format" 2>/dev/null || true
}

# The ports that the process of a pid file listens on, in one line.
ports_of() {
    local port inode ports=() mine
    mine=$(sockets '%l\n' "/proc/$(<"$1")/fd")
    while read -r port inode; do
        [[ $mine == *"socket:[$inode]"* ]] && ports+=("$port")
    done < <(listening)
    echo "${ports[*]}"
}

# Whether the process of a pid file listens on a port.
listens() { [[ " $(ports_of "$1") " == *" $2 "* ]]; }

# Who listens on a port, in words; nothing when it is free.
holder() {
    local port=$1 inode pid
    inode=$(listening | awk -v port="$port" '$1 == port { print $2; exit }')
    [ -n "$inode" ] || return 0
    pid=$(sockets '%p %l\n' /proc/[0-9]*/fd |
        awk -F '[/ ]' -v socket="socket:[$inode]" '$NF == socket { print $3; exit }')
    if [ -n "$pid" ]; then
        echo "$(basename "$(readlink "/proc/$pid/exe")") (process $pid)"
    else
        echo "a process of another user"
    fi
}

# claim_port NAME PROGRAM PORT VARIABLE: a service that does not run must find its port free; one
# that runs must be where it is looked for.
claim_port() {
    local name=$1 program=$2 port=$3 variable=$4 found remedy
    local pid_file=$home/run/$name.pid
    # With the port 0 a node listens for TLS only.
    [ "$port" != 0 ] || return 0
    if ! is_running "$pid_file" "$program"; then
        found=$(holder "$port")
        [ -n "$found" ] || return 0
        remedy="free it, or choose another with $variable"
        [ ! -e "$home/$name/node.conf" ] ||
            remedy="free it: $name was made with it ($home/$name/node.conf)"
        fail "port $port, meant for $name, is taken by $found; $remedy"
    fi
    found=$(ports_of "$pid_file")
    # It may have begun a moment ago.
    [ -z "$found" ] || listens "$pid_file" "$port" ||
        fail "$name runs already, on port $found and not on $port;" \
            "leave it there with $variable, or run make down first to move it"
}

# A node's ports are in its settings from the first `make up` on, and in the cluster that was
# declared then. So the environment can choose them only once.
keep_node_ports() {
    local index=$2 file=$home/$1/node.conf
    [ -e "$file" ] || return 0
    keep_port "$file" port "${node_ports[index]}" HEADWATER_NODE_PORTS
    node_ports[index]=$kept
    keep_port "$file" http-port "${control_ports[index]}" HEADWATER_CONTROL_PORTS
    control_ports[index]=$kept
}

# keep_port FILE DIRECTIVE PORT VARIABLE: sets `kept` to the port that the file gives.
keep_port() {
    local file=$1 directive=$2 port=$3 variable=$4
    kept=$(awk -v name="$directive" 'tolower($1) == name { port = $2 } END { print port }' "$file")
    kept=${kept:-0}
    [ -z "${!variable:-}" ] || [ "$kept" = "$port" ] || [ "$kept" = 0 ] ||
        fail "$variable says $port, but the suite in $home was made with $kept ($file);" \
            "set $variable as it was, begin another suite with HEADWATER_HOME, or begin this one" \
            "anew: make down, then remove $home"
}
