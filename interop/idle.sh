#!/usr/bin/env bash
# Idle connections on the blocking server (the example hello-server): how much memory each costs, and that calls still work
# beside them. A measurement: not part of .ci/run.
#   interop/idle.sh [CONNECTIONS]     default 10000
# Wants python3, and h2load for the calls (Debian: nghttp2-client). PROFILE=release for figures.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
connections=${1:-10000}

# Each side of loopback is a process of its own, and has a descriptor for each connection.
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge $((connections + 100)) ] || ulimit -n $((connections + 100))

server=$(binary examples example hello-server)
start hello-server "$server" --listen 127.0.0.1:0

memory() {
    awk '/^VmRSS/ { print $2 }' "/proc/${servers[0]}/status"
}

before=$(memory)
# Greets on each connection as HTTP/2 clients do, waits for the server's SETTINGS, answers them, and stays.
python3 - "$address" "$connections" "$work/check" >"$work/idle.log" <<'PYTHON' &
import os, socket, sys, time
host, port = sys.argv[1].rsplit(":", 1)
greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
acknowledgement = bytes([0, 0, 0, 4, 1, 0, 0, 0, 0])
idle = []
for _ in range(int(sys.argv[2])):
    connection = socket.create_connection((host, int(port)))
    connection.sendall(greeting)
    assert connection.recv(9)[3] == 4, "the server answers with SETTINGS"
    connection.sendall(acknowledgement)
    connection.setblocking(False)
    idle.append(connection)
print("idle", flush=True)
for _ in range(1200):
    if os.path.exists(sys.argv[3]):
        break
    time.sleep(0.1)
for connection in idle:
    try:
        while connection.recv(4096):
            pass
        sys.exit("a connection was closed")
    except BlockingIOError:
        pass
print("all stand", flush=True)
PYTHON
clients=$!
servers+=($clients)
for ((i = 0; i < 600; i++)); do
    grep -q idle "$work/idle.log" && break
    kill -0 "$clients"
    sleep 0.1
done
grep -q idle "$work/idle.log"
after=$(memory)
cpu() { awk '{ print $14 + $15 }' "/proc/${servers[0]}/stat"; }
ticks=$(cpu)
sleep 5
ticks=$(($(cpu) - ticks))
echo "$connections idle connections: $(((after - before) * 1024 / connections)) bytes each ($before kB before, $after kB then);" \
    "$ticks clock ticks of CPU in 5 s"

printf '\x00\x00\x00\x00\x10\x0a\x0exxxxxxxxxxxxxx' >"$work/16"
timeout 60 h2load -n 10000 -c 10 -m 10 -d "$work/16" -H 'content-type: application/grpc' -H 'te: trailers' \
    "http://$address/hello.v1.HelloService/SayHello" >"$work/load.log" 2>&1
grep -E '^(requests|status codes)' "$work/load.log"
grep -qF "10000 succeeded, 0 failed, 0 errored, 0 timeout" "$work/load.log"
touch "$work/check"
wait "$clients"
tail -n 1 "$work/idle.log"
