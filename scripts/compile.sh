#!/usr/bin/env bash
# Compiles the program to one executable: ./pushpin, or where the first argument says; more arguments go to
# `deno compile` (--target …). PUSHPIN_COMPILE_DENO names the Deno to compile with, DENORT_BIN its runtime base.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-pushpin}
[ $# -gt 0 ] && shift
# Big graphs overflow an older compiler's worker stack, and it trusts only its own list of authorities unless told.
export RUST_MIN_STACK=${RUST_MIN_STACK:-33554432} DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE:-system}
exec "${PUSHPIN_COMPILE_DENO:-deno}" compile -A --no-check --output "$out" "$@" main.ts
