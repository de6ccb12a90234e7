#!/bin/sh
# Fetches what the pages serve from others (by package-lock.json) and puts it where they serve it from.
# One argument: run, or test (which also fetches what the tests judge pages with).
set -eu

wanted=${1:-run}
served=app/web/static/vendor
stamp=$served/.made-from
made_from=$(cat package-lock.json setup/browser.sh setup/style_sheet.py | sha256sum | cut -d' ' -f1)
found=$(cat $stamp 2>/dev/null || true)
# What is there for tests is enough for running, too.
[ "$found" != "$made_from test" ] && [ "$found" != "$made_from $wanted" ] || exit 0

echo "Fetching the pages' style sheet and scripts with npm"
case $wanted in
    test) leave_out= ;;
    *) leave_out=--omit=dev ;;
esac
npm ci $leave_out --no-audit --no-fund --ignore-scripts --loglevel=error
mkdir -p $served
"${PYTHON:-.venv/bin/python}" setup/style_sheet.py node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.css \
    $served/govuk-frontend.min.css
cp node_modules/tus-js-client/dist/tus.min.js $served/
echo "$made_from $wanted" >$stamp
