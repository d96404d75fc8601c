#!/usr/bin/env bash
# Mail through ours and through Postfix: the same load from the same client, the same disk, one after
# the other, several rounds each, and beside them what stands in the way of both: the raw disk and a
# server that keeps nothing. Prints each round and the ratios of the medians.
#
#   tests/perf/mail.sh [MESSAGES] [ROUNDS]
#
# 10 KB a message, 20 connections that stay. "mx": handed in at port 25, where neither asks for a
# login; "tls": the same with STARTTLS; "submission": port 465 with a login at ours, with TLS and
# without a login at Postfix. "relay": from the first connection until smtp-sink has all of what was
# handed in that way. Ours syncs its journal before each 250, Postfix its queue file. Needs root, for
# Postfix.
set -euo pipefail
cd "$(dirname "$0")/../.."
messages=${1:-3000}
rounds=${2:-3}
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')
cargo build --quiet --release
load=$(cargo test --release --test perf --no-run --message-format=json 2>/dev/null |
    python3 -c 'import json,sys; print([m["executable"] for m in map(json.loads, sys.stdin) if m.get("executable") and m["target"]["name"] == "perf"][-1])')
tocsin=${TOCSIN:-$target/release/tocsin}
folder=$(mktemp -d "${TOCSIN_PERF_FOLDER:-$target}/mail.XXXXXX")
chmod 755 "$folder"
daemon=; sinks=()
finish() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    for sink in "${sinks[@]}"; do kill "$sink" 2>/dev/null || true; done
    /usr/sbin/postfix -c "$folder/postfix" stop >/dev/null 2>&1 || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
mx=$(port); submission=$(port); console=$(port); theirs=$(port); sink_ours=$(port); sink_theirs=$(port)
sink() { # PORT FILE
    /usr/sbin/smtp-sink -u nobody -c "inet:127.0.0.1:$1" 1000 > "$2" 2>/dev/null & sinks+=($!)
}
sink "$sink_ours" "$folder/ours.count"
sink "$sink_theirs" "$folder/theirs.count"
counted() { { grep -a -o 'mesg=[0-9]*' "$1" || echo mesg=0; } | tail -1 | cut -d= -f2; }

hash=$(printf 'a secret of the load\n' | "$tocsin" user hash-password)
cat > "$folder/tocsin.toml" <<TOML
[server]
name = "gw.example.org"
domain = "example.org"
state = "$folder/state"
[listen.submission]
addresses = []
[listen.submissions]
addresses = ["127.0.0.1:$submission"]
messages_per_session_max = 1000000
[listen.mx]
addresses = ["127.0.0.1:$mx"]
sessions_per_ip_max = 100
messages_per_session_max = 1000000
[listen.console]
addresses = ["127.0.0.1:$console"]
[[submission.account]]
name = "load"
password_hash = "$hash"
[email]
concurrency_per_host = 20
[email.relay]
host = "127.0.0.1"
port = $sink_ours
tls = "none"
[log]
level = "warn"
TOML
began=$(date +%s%N)
"$tocsin" serve --config "$folder/tocsin.toml" & daemon=$!
for _ in $(seq 200); do
    "$tocsin" healthcheck "127.0.0.1:$console" >/dev/null 2>&1 && break
    sleep 0.02
done
resident() { awk -v what="$1:" '$1 == what {print int($2/1024)}' "/proc/$daemon/status"; }
echo "cold start to ready: $(( ($(date +%s%N) - began) / 1000000 )) ms, resident when idle: $(resident VmRSS) MiB"

mkdir -p "$folder/postfix" "$folder/queue" "$folder/data"
chown postfix "$folder/data"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mx.example.org \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>/dev/null
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
relayhost = [127.0.0.1]:$sink_theirs
default_destination_concurrency_limit = 20
smtpd_client_connection_count_limit = 0
smtpd_tls_security_level = may
smtpd_tls_cert_file = $folder/certificate.pem
smtpd_tls_key_file = $folder/key.pem
transport_maps = inline:{ { example.org = discard: } }
CF
for service in "127.0.0.1:$theirs inet n - n - - smtpd" "cleanup unix n - n - 0 cleanup" \
    "qmgr unix n - n 300 1 qmgr" "tlsmgr unix - - n 1000? 1 tlsmgr" "rewrite unix - - n - - trivial-rewrite" \
    "bounce unix - - n - 0 bounce" "defer unix - - n - 0 bounce" "trace unix - - n - 0 bounce" \
    "verify unix - - n - 1 verify" "flush unix n - n 1000? 0 flush" "proxymap unix - - n - - proxymap" \
    "smtp unix - - n - - smtp" "showq unix n - n - - showq" "error unix - - n - - error" \
    "retry unix - - n - - error" "discard unix - - n - - discard" "anvil unix - - n - 1 anvil" \
    "scache unix - - n - 1 scache" "postlog unix-dgram n - n - 1 postlogd"; do echo "$service"; done > "$folder/postfix/master.cf"
/usr/sbin/postfix -c "$folder/postfix" start >/dev/null 2>&1
for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$theirs") 2>/dev/null && break; sleep 0.05; done

rate() { # PORT TLS [USER PASSWORD] -> messages a second
    local port=$1; shift
    local tls=$1; shift
    TOCSIN_PERF_LOAD="127.0.0.1:$port $tls $messages $*" "$load" --exact mail::mail_is_handed_in --nocapture |
        sed -n 's/.*RATE //p'
}
# Handed in, and until the sink has it all: two rates.
relayed() { # COUNT-FILE PORT TLS [USER PASSWORD]
    local file=$1; shift
    local before began taken
    before=$(counted "$file"); began=$(date +%s%N)
    taken=$(rate "$@")
    for _ in $(seq 6000); do
        [ $(( $(counted "$file") - before )) -ge "$messages" ] && break
        sleep 0.02
    done
    [ $(( $(counted "$file") - before )) -ge "$messages" ] || { echo "mail is missing at the sink" >&2; exit 1; }
    echo "$taken $(( messages * 1000000000 / ($(date +%s%N) - began) ))"
}
# Twenty messages an append, each append synced: as a group of all connections would be.
disk() {
    python3 - "$folder/raw" "$messages" <<'PY'
import os, sys, time
file, messages = sys.argv[1], int(sys.argv[2])
out = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
group = os.urandom(10240 * 20)
began = time.monotonic()
for _ in range(messages // 20):
    os.write(out, group)
    os.fdatasync(out)
print(round(messages / (time.monotonic() - began)))
PY
}
median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }
declare -A of
note() { of[$1]+="$2"$'\n'; }
for round in $(seq "$rounds"); do
    note disk "$(disk)"
    note nothing "$(rate "$sink_theirs" PLAIN)"
    note mx/ours "$(rate "$mx" PLAIN)"
    note mx/theirs "$(rate "$theirs" PLAIN)"
    note tls/ours "$(rate "$mx" STARTTLS)"
    note tls/theirs "$(rate "$theirs" STARTTLS)"
    read -r taken through <<< "$(relayed "$folder/ours.count" "$submission" IMPLICIT load "a secret of the load")"
    note submission/ours "$taken"; note relay/ours "$through"
    read -r taken through <<< "$(TOCSIN_PERF_OUT=1 relayed "$folder/theirs.count" "$theirs" STARTTLS)"
    note submission/theirs "$taken"; note relay/theirs "$through"
    echo "round $round: $(for key in "${!of[@]}"; do printf '%s %s  ' "$key" "$(printf '%s' "${of[$key]}" | tail -1)"; done)"
done
middle() { printf '%s' "${of[$1]}" | median; }
echo "raw disk, 20 messages a sync: $(middle disk)/s; a server that keeps nothing: $(middle nothing)/s"
for what in mx tls submission relay; do
    ours=$(middle $what/ours); their=$(middle $what/theirs)
    echo "$what: tocsin $ours/s, postfix $their/s, ratio $(awk "BEGIN {printf \"%.2f\", $ours / $their}")"
done
echo "resident at its highest: $(resident VmHWM) MiB, now $(resident VmRSS) MiB"
