#!/bin/sh
# Makes .venv/ from the lock files.
#   setup/python.sh which            print the Python it would use
#   setup/python.sh runtime          what the service needs
#   setup/python.sh development      that, and the tests' and checkers' packages, and the extras in EXTRAS
# EXTRAS       extras beside it: "openai-whisper" or nothing
# TORCH_INDEX  the address of a package index with torch's builds for processors alone; no default
# PYTHON       the Python to use; default: the first of python3.11, 3.12, 3.13, python3 that can make environments
# A stamp beside the packages holds the digest of what they were installed from: the same digest, nothing to do.
set -eu

can_make_environments='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3 /usr/bin/python3}; do
        if "$candidate" -c "$can_make_environments" >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    echo "No Python from 3.11 on that can make virtual environments (on Debian: python3 and python3-venv)." >&2
    return 1
}

digest() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_stamped() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

install_locked() {
    echo "Installing Python packages from requirements/$1.lock"
    pip install --quiet --require-hashes -r "requirements/$1.lock"
    pip install --quiet --no-deps --no-build-isolation -e .
}

install_openai_whisper() {
    echo "Installing the extra openai-whisper (torch: some minutes, about 1 GB)"
    pip install --quiet --no-deps --no-build-isolation ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        -r requirements/openai-whisper.lock
    if ! .venv/bin/python -c 'import torch' 2>/dev/null; then
        echo "This build of torch needs a graphics card's libraries: installing them, several GB."
        echo "To avoid that, delete .venv and set TORCH_INDEX to an index of builds for processors alone."
        grep -oE '^[a-z0-9-]+==[^ ;]+' requirements/development.lock >.venv/constraints.txt
        pip install --quiet -c .venv/constraints.txt "$(grep '^torch==' requirements/openai-whisper.lock)"
    fi
    .venv/bin/python -c 'import torch, whisper'
}

[ "${1:-}" != which ] || { find_python; exit; }
what=${1:-runtime}
stamps=.venv/.set-up

if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
mkdir -p "$stamps"

runtime=$(digest requirements/runtime.lock pyproject.toml)
development=$(digest requirements/development.lock pyproject.toml)
if [ "$what" = development ]; then
    if ! is_stamped development "$development"; then
        install_locked development
        echo "$development" >"$stamps/development"
    fi
elif ! is_stamped development "$development" && ! is_stamped runtime "$runtime"; then
    install_locked runtime
    echo "$runtime" >"$stamps/runtime"
fi

for extra in ${EXTRAS:-}; do
    if [ "$extra" != openai-whisper ]; then
        echo "There is no extra named $extra; there is: openai-whisper" >&2
        exit 1
    fi
    wanted=$(digest requirements/openai-whisper.lock)
    if ! is_stamped "$extra" "$wanted"; then
        install_openai_whisper
        echo "$wanted" >"$stamps/$extra"
    fi
done
