#!/bin/sh
# Bring .venv up to requirements/NAME.txt: `sh requirements/install.sh NAME`, from the project's root.
# A stamp keeps the checksum of what was installed last; it is written at the very end, so an interrupted or changed
# installation is done again. PYTHON names the interpreter (python3).
set -eu
name=$1
python=${PYTHON:-python3}
list=requirements/$name.txt
stamp=.venv/.installed-$name
inside=.venv/bin/python

fail() {
    echo "make: $1" >&2
    exit 1
}

wanted="$(cksum < "$list") $("$inside" -V 2> /dev/null || true)"
if [ -x "$inside" ] && [ "$(cat "$stamp" 2> /dev/null || true)" = "$wanted" ]; then
    exit 0
fi

command -v "$python" > /dev/null 2>&1 ||
    fail "there is no $python: install Python 3.11 or newer, or name one with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is older than Python 3.11: name a newer one with PYTHON=..."
"$python" -c 'import ensurepip, venv' 2> /dev/null ||
    fail "$python cannot make virtual environments: install its venv module (Debian, Ubuntu: apt-get install python3-venv)"

if ! "$inside" -m pip --version > /dev/null 2>&1; then
    echo "Making the virtual environment .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
[ -n "${HOME:-}" ] || export PIP_NO_CACHE_DIR=1
echo "Installing $list into .venv: one to three minutes, this once"
rm -f "$stamp"
"$inside" -m pip install -qq --no-input --disable-pip-version-check --root-user-action ignore -r "$list"
echo "$(cksum < "$list") $("$inside" -V)" > "$stamp"
