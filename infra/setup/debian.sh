#!/usr/bin/env bash
# Installs the named Debian packages where what they bring is missing: debian.sh chromium libatomic1 mosquitto
# Never fails: tests that need a missing program skip themselves, and fail only when CI=true.
set -uo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

present() { # PACKAGE: by its program or, of a library, by its file
  case $1 in
    libatomic1) ldconfig -p | grep 'libatomic\.so\.1 ' >/dev/null ;; # the driver of playwright needs it; chromium does not bring it
    *) command -v "$1" >/dev/null ;;
  esac
}

missing=()
for package in "$@"; do
  present "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

say() { printf '%s\n' "mos setup: $*" >&2; }
by_hand="apt-get install -y --no-install-recommends ${missing[*]}"
if ! command -v apt-get >/dev/null; then
  say "not a Debian machine: install ${missing[*]} by hand, or the tests that need them are skipped."
elif [ "$(id -u)" != 0 ]; then
  say "the tests that need ${missing[*]} are skipped. To run them too, as root (or with sudo before both commands):
    apt-get update && $by_hand"
else
  say "installing ${missing[*]} for the tests"
  export DEBIAN_FRONTEND=noninteractive
  (apt-get update -qq && $by_hand -qq) >/dev/null </dev/null ||
    say "could not install ${missing[*]}; the tests that need them are skipped. By hand: $by_hand"
fi
exit 0
