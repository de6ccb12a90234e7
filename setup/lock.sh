#!/bin/sh
# Writes the lock files anew. Digests are those of the files on PyPI, whatever pip is set up to look at here,
# and no address is written down.
set -eu

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$(setup/python.sh which)" -m venv "$tools"
unset PIP_FIND_LINKS PIP_EXTRA_INDEX_URL
export PIP_CONFIG_FILE=/dev/null PIP_DISABLE_PIP_VERSION_CHECK=1
"$tools/bin/pip" install --quiet pip-tools==7.6.2

compile() {
    lock=$1
    shift
    "$tools/bin/pip-compile" --quiet --strip-extras --allow-unsafe --generate-hashes --no-header \
        --no-emit-options --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --output-file "requirements/$lock.lock" "$@" pyproject.toml
}

compile runtime
compile development --extra test --constraint requirements/runtime.lock
# What pages serve; and the server beside which taking in uploads is measured.
for folder in . tests/bench/tus_project; do
    (cd "$folder" && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund --loglevel=error)
    if grep -nE '"resolved"' "$folder/package-lock.json"; then
        echo "$folder/package-lock.json names addresses: use npm from 8.19 on, or take those lines out." >&2
        exit 1
    fi
done
