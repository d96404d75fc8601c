#!/usr/bin/env bash
# Durable messages a second, ours beside Postfix: the same load, the same disk, one after the other,
# several rounds each. Prints each round and the ratio of the medians.
#
#   cargo build --release && tests/perf/submissions.sh [MESSAGES] [ROUNDS]
#
# smtp-source (Debian's postfix) speaks neither TLS nor AUTH, so both are measured at their MX: ours
# keeps the message in the journal before the 250, Postfix in its queue. Needs root, for Postfix.
set -euo pipefail
cd "$(dirname "$0")/../.."
messages=${1:-3000}
rounds=${2:-3}
sessions=20
size=10240
tocsin=${TOCSIN:-target/release/tocsin}
folder=$(mktemp -d "$PWD/target/perf.XXXXXX")
chmod 755 "$folder"
daemon=
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    /usr/sbin/postfix -c "$folder/postfix" stop >/dev/null 2>&1 || true
    [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
ours=$(port); theirs=$(port); console=$(port)

cat > "$folder/tocsin.toml" <<TOML
[server]
name = "gw.example.org"
domain = "example.org"
state = "$folder/state"
[listen.submission]
addresses = []
[listen.submissions]
addresses = []
[listen.mx]
addresses = ["127.0.0.1:$ours"]
sessions_per_ip_max = 100
messages_per_session_max = 100000
[listen.console]
addresses = ["127.0.0.1:$console"]
[log]
level = "warn"
TOML
began=$(date +%s%N)
"$tocsin" serve --config "$folder/tocsin.toml" & daemon=$!
for _ in $(seq 200); do
    "$tocsin" healthcheck "127.0.0.1:$console" >/dev/null 2>&1 && break
    sleep 0.02
done
echo "cold start to ready: $(( ($(date +%s%N) - began) / 1000000 )) ms"
echo "resident when idle: $(awk '/VmRSS/ {print int($2/1024)}' "/proc/$daemon/status") MiB"

mkdir -p "$folder/postfix" "$folder/queue" "$folder/data"
chown postfix "$folder/data"
cat > "$folder/postfix/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file_prefixes = $folder
maillog_file = $folder/maillog
myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
default_transport = discard
smtpd_client_connection_count_limit = 0
CF
for service in "127.0.0.1:$theirs inet n - n - - smtpd" "cleanup unix n - n - 0 cleanup" \
    "qmgr unix n - n 300 1 qmgr" "tlsmgr unix - - n 1000? 1 tlsmgr" "rewrite unix - - n - - trivial-rewrite" \
    "bounce unix - - n - 0 bounce" "defer unix - - n - 0 bounce" "trace unix - - n - 0 bounce" \
    "verify unix - - n - 1 verify" "flush unix n - n 1000? 0 flush" "proxymap unix - - n - - proxymap" \
    "smtp unix - - n - - smtp" "showq unix n - n - - showq" "error unix - - n - - error" \
    "retry unix - - n - - error" "discard unix - - n - - discard" "anvil unix - - n - 1 anvil" \
    "postlog unix-dgram n - n - 1 postlogd"; do echo "$service"; done > "$folder/postfix/master.cf"
/usr/sbin/postfix -c "$folder/postfix" start >/dev/null 2>&1
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$theirs") 2>/dev/null && break; sleep 0.05; done

rate() { # PORT -> messages a second
    local before after
    before=$(date +%s%N)
    smtp-source -s "$sessions" -m "$messages" -l "$size" -d -f sender@example.net -t postmaster@example.org "127.0.0.1:$1"
    after=$(date +%s%N)
    echo $(( messages * 1000000000 / (after - before) ))
}
median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }
a=(); b=()
for round in $(seq "$rounds"); do
    a+=("$(rate "$ours")"); b+=("$(rate "$theirs")")
    echo "round $round: tocsin ${a[-1]}/s, postfix ${b[-1]}/s"
done
ours_median=$(printf '%s\n' "${a[@]}" | median)
theirs_median=$(printf '%s\n' "${b[@]}" | median)
echo "medians: tocsin $ours_median/s, postfix $theirs_median/s, ratio $(awk "BEGIN {printf \"%.2f\", $ours_median / $theirs_median}")"
echo "resident after the run: $(awk '/VmRSS/ {print int($2/1024)}' "/proc/$daemon/status") MiB"
