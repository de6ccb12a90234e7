#!/bin/sh
# Starts a command in the container, with secrets read from files: NAME_FILE=/run/secrets/x becomes NAME.
# A secret in a file is not shown by `docker inspect` and not handed to whoever lists the environment outside.
set -eu

for name in $(env | sed -n 's/^\(COMMUNITY_REPORTING_[A-Z0-9_]*\|PGPASSWORD\)_FILE=.*/\1/p'); do
    eval "file=\$${name}_FILE"
    [ -r "$file" ] || { echo "$name is to be read from $file, which is not readable." >&2; exit 1; }
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
exec "$@"
