#!/bin/sh
# Finds the programs that do not come from PyPI, and installs with apt-get those that are missing.
#   setup/system.sh [run|test]     run: what the service and the demo need; test: and what the tests need
# Installs nothing that is there already, so a second run takes no time and asks for no rights.
set -eu

for_what=${1:-run}
missing=""

lacks() { ! command -v "$1" >/dev/null 2>&1; }
need() { case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac; }

# A Python that can make virtual environments: Debian keeps that part in a package of its own.
setup/python.sh which >/dev/null 2>&1 || { need python3; need python3-venv; }
if lacks ffmpeg || lacks ffprobe; then need ffmpeg; fi
lacks espeak-ng && need espeak-ng      # speaks the demo's stories
lacks node && need nodejs              # with npm: fetches the pages' style sheet by its lock file
lacks npm && need npm
lacks setpriv && need util-linux       # ends the embedded object store with the service
if [ "$for_what" = test ]; then
    # The tests start a server of their own; Debian keeps its programs outside PATH.
    if lacks initdb && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then need postgresql; fi
    # Opens the pages, at half of what the whole browser costs. Other systems may have that one alone.
    if lacks chromium-headless-shell && { lacks chromium || ! lacks apt-get; }; then
        need chromium-headless-shell
    fi
fi

[ -n "$missing" ] || exit 0
missing=${missing# }
install="apt-get install -y --no-install-recommends $missing"

if lacks apt-get; then
    echo "Missing on this machine (by their Debian names): $missing" >&2
    echo "Install them with your system's package manager, then run this again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif ! lacks sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root="sudo"
else
    echo "Missing on this machine: $missing" >&2
    echo "Installing them needs an administrator. Run this, then make again:" >&2
    echo "  sudo apt-get update && sudo $install" >&2
    exit 1
fi

echo "Installing with apt-get: $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
if ! $as_root env DEBIAN_FRONTEND=noninteractive $install >/dev/null; then
    echo "apt-get could not install them. Run this to see why: $as_root $install" >&2
    exit 1
fi
