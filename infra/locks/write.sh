#!/usr/bin/env bash
# Rewrites the locks from pyproject.toml and the *.in files; pass --upgrade for newer versions. Called by `make locks`.
set -euo pipefail
cd "$(dirname "$0")/../.."
export UV_CUSTOM_COMPILE_COMMAND="make locks"

lock() { # NAME INPUT...: one lock for every platform and Python we support, without the address of any registry
  local name=$1
  shift
  .venv/bin/uv pip compile --quiet --python .venv --universal --python-version 3.11 --generate-hashes --no-header \
    --no-emit-index-url --no-emit-find-links "${upgrade[@]}" -o "infra/locks/$name.txt" "$@"
  printf 'infra/locks/%s.txt: %s packages\n' "$name" "$(grep -c '==' "infra/locks/$name.txt")"
}

upgrade=("$@")
lock uv infra/locks/uv.in
lock runtime pyproject.toml infra/locks/build.in --extra demo
lock dev pyproject.toml infra/locks/build.in --extra demo --group check --group test -c infra/locks/runtime.txt
lock editor infra/locks/editor.in
lock tryton infra/erp/mfgos/pyproject.toml --extra server
