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
  stop "$("$python" -V) is too old. Install Python 3.11 or newer, then run make again with PYTHON=/path/to/python3.11"

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  install="apt-get install -y --no-install-recommends python$version-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing python$version-venv"
    told=$( (apt-get update -qq && DEBIAN_FRONTEND=noninteractive $install -qq) 2>&1 </dev/null) ||
      stop "$told
that failed. Install Python's venv module by hand, then run make again."
  else
    stop "Python's venv module is missing. As root, or with sudo before both commands:
    apt-get update && $install
then run make again."
  fi
fi

# An environment whose Python is gone, or that moved here with the clone, is made anew: its scripts name the old place.
here=$(pwd -P)
if [ -d "$venv" ] && { ! "$venv/bin/python" -c '' 2>/dev/null || [ "$(cat "$venv/.folder" 2>/dev/null || echo "$here")" != "$here" ]; }; then
  say "making the environment in $venv anew: its Python or its folder has changed"
  rm -rf "$venv"
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes -r infra/locks/uv.txt
printf '%s\n' "$here" >"$venv/.folder"
