#!/bin/sh
# check.sh: the service unit's exposure (systemd-analyze security) stays at 2.0 or below.
set -eu
cd "$(dirname "$0")"
if ! command -v systemd-analyze > /dev/null; then
    echo "systemd-analyze is not here (Debian's package systemd has it)" >&2
    exit 2
fi
systemd-analyze security --offline=true --no-pager --threshold=20 tocsin.service | tail -n 1
