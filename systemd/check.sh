#!/bin/sh
# check.sh [UNIT]: the service unit's exposure (systemd-analyze security) stays at 2.0 or below.
set -eu
cd "$(dirname "$0")"
if ! command -v systemd-analyze > /dev/null; then
    echo "systemd-analyze is not here (Debian's package systemd has it)" >&2
    exit 2
fi
unit=${1:-tocsin.service}
# The threshold is given in tenths; above it the command fails.
if report=$(systemd-analyze security --offline=true --no-pager --threshold=20 "$unit"); then
    status=0
else
    status=1
fi
printf '%s\n' "$report" | tail -n 1
exit $status
