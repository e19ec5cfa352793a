#!/bin/bash
# beside.sh NAME BACKGROUND COMMAND…: runs COMMAND, and BACKGROUND (a line for the shell) beside it whenever a processor
# has nothing else to do. Ends when both have; fails when either does, and then tells what BACKGROUND said.
set -uo pipefail
name=$1 background=$2
shift 2
log=$(mktemp)
idle=$(command -v chrt >/dev/null && echo "chrt --idle 0")
set -m # a process group of its own, which can be ended as a whole
nice -n 19 $idle bash -c "$background" >"$log" 2>&1 &
job=$!
set +m
trap 'kill -- "-$job" 2>/dev/null; rm -f "$log"' EXIT
trap 'exit 130' INT TERM
status=0
"$@" || status=$?
began=$SECONDS
if wait "$job"; then
    echo "$name, $((SECONDS - began)) s longer than the tests: $(grep -oE '[a-z0-9]+: [0-9]+ inputs in [0-9]+ s' "$log" | sort | paste -sd ';' | sed 's/;/; /g')"
else
    echo "$name failed:" >&2
    cat "$log" >&2
    status=1
fi
exit "$status"
