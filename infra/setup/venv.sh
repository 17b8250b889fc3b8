#!/usr/bin/env bash
# Makes the product's virtual environment with nothing but uv in it. Called by make; safe to call again.
# Where packages come from is the business of your own pip and uv settings.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
venv=.venv

say() { printf '%s\n' "mos setup: $*" >&2; }
stop() { say "$*"; exit 1; }

command -v "$python" >/dev/null ||
  stop "$python is missing. Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), then run make again."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  stop "$("$python" -V) is too old. Install Python 3.11 or newer, then run: make PYTHON=/path/to/python3.11 $*"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  install="apt-get install -y --no-install-recommends python$version-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing python$version-venv"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq) >&2 </dev/null ||
      stop "that failed. Install Python's venv module by hand, then run make again."
  else
    stop "Python's venv module is missing. Run: sudo $install    then run make again."
  fi
fi

# An environment whose Python is gone or belongs to another folder (a moved clone) is made anew.
if [ -e "$venv" ] && ! "$venv/bin/python" -c "import sys; sys.exit(sys.prefix != '$PWD/$venv')" 2>/dev/null; then
  say "the environment in $venv belongs to another folder or Python; making it anew"
  rm -rf "$venv"
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes -r infra/locks/uv.txt
