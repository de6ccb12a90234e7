#!/bin/sh
# Makes the secrets that compose.yaml reads from files, once. Those that are there already are kept.
set -eu

folder=${1:-secrets}
umask 077
mkdir -p "$folder"

random() { head -c 64 /dev/urandom | base64 | tr -dc 'A-Za-z0-9' | cut -c1-40; }
make() { [ -s "$folder/$1" ] || printf '%s' "$2" >"$folder/$1"; }

make database_password "$(random)"
make s3_access_key "$(random)"
make s3_secret_key "$(random)"
access=$(cat "$folder/s3_access_key")
secret=$(cat "$folder/s3_secret_key")
actions='["Admin", "Read", "Write", "List", "Tagging"]'
make s3_identities "{\"identities\": [{\"name\": \"app\", \"credentials\": [{\"accessKey\": \"$access\", \
\"secretKey\": \"$secret\"}], \"actions\": $actions}]}"

# The containers' users differ from yours; the folder is what keeps others on this machine out.
chmod 644 "$folder"/*
echo "Secrets are in $folder/. Keep a copy where your backups are not."
