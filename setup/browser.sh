#!/bin/sh
# Fetches what the pages serve from others (by package-lock.json) and puts it where they serve it from.
set -eu

served=app/web/static/vendor
stamp=$served/.made-from
made_from=$(cat package-lock.json setup/style_sheet.py | sha256sum | cut -d' ' -f1)
[ "$(cat $stamp 2>/dev/null)" != "$made_from" ] || exit 0

echo "Fetching the pages' style sheet with npm"
npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
mkdir -p $served
"${PYTHON:-.venv/bin/python}" setup/style_sheet.py node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.css \
    $served/govuk-frontend.min.css
echo "$made_from" >$stamp
