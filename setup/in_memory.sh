#!/bin/sh
# Runs tests whose files lie in memory, where there is plenty of it: they write much, and sync each time.
# Its arguments are the command. Elsewhere it runs with its files in the usual place.
set -eu

least_kib=$((8 * 1024 * 1024))
# Half of the memory is left to whatever else there is.
free_kib=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
left_kib=$(awk '/^MemAvailable:/ { print int($2 / 2) }' /proc/meminfo 2>/dev/null || true)
if [ "${free_kib:-0}" -lt $least_kib ] || [ "${left_kib:-0}" -lt $least_kib ]; then
    exec "$@"
fi
# Short: addresses of sockets lie in it.
folder=$(mktemp -d /dev/shm/cr.XXXXXX)
# PostgreSQL's files are of a user of its own.
chmod 711 "$folder"
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export PYTEST_DEBUG_TEMPROOT="$folder"
"$@"
