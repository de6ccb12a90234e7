#!/bin/sh
# Has SeaweedFS flush each object to disk before it answers, which it does not do by itself, and looks whether it does.
# What it is told stays in the store. compose.yaml runs this once at every start, before anything is served.
set -eu

master=${MASTER:-objects:9333.19333}
filer=${FILER:-objects:8888.18888}
tries=${TRIES:-30}

while [ "$tries" -gt 0 ]; do
    # The shell says nothing when a command fails: what it shows afterwards counts.
    shown=$(printf '%s\n' lock 'fs.configure -locationPrefix=/buckets/ -fsync -apply' fs.configure unlock |
        timeout 60 weed shell "-master=$master" "-filer=$filer" | tr -d '[:space:]') || shown=
    case $shown in
    *'"locationPrefix":"/buckets/"'*'"fsync":true'*)
        echo "The store flushes each object."
        exit 0
        ;;
    esac
    tries=$((tries - 1))
    sleep 2
done
echo "The store at $filer does not say that it flushes each object: nothing is served." >&2
exit 1
