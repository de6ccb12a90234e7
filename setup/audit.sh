#!/bin/sh
# Compares the lock files with the known weaknesses at OSV (https://osv.dev). Their names and versions go there, and
# nothing else. Exit code 1: one of them is weak. Where OSV cannot be reached it says so, and that is no failure.
#   OSV   another address that speaks its protocol
set -eu

OSV=${OSV:-https://api.osv.dev/v1/query}
python=$(setup/python.sh which)
if ! "$python" - "$OSV" <<'END' 2>/dev/null; then
import sys, urllib.request

urllib.request.urlopen(urllib.request.Request(sys.argv[1], b'{"package": {"name": "pip", "ecosystem": "PyPI"}}'), timeout=10)
END
    echo "Not audited: $OSV cannot be reached from here. Run make audit where it can." >&2
    exit 0
fi

tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$python" -m venv "$tools"
"$tools/bin/pip" --disable-pip-version-check install --quiet pip-audit==2.10.1
for lock in runtime development openai-whisper; do
    echo "Auditing requirements/$lock.lock"
    "$tools/bin/pip-audit" --vulnerability-service=osv --osv-url="$OSV" --no-deps --disable-pip --progress-spinner=off \
        --requirement="requirements/$lock.lock"
done
