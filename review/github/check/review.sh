#!/usr/bin/env bash
# Checks the specs below MLSPEC_PATH, compares them with the first parent of HEAD (of a pull request: the branch it goes into), annotates.
# Text of specs reaches standard output only as `--format github` writes it: nothing in it can be a workflow command.
set -uo pipefail
mlspec=$RUNNER_TEMP/mlspec/bin/mlspec
out=$RUNNER_TEMP/mlspec-review
rm -rf "$out" && mkdir -p "$out" || exit 74
worst=0
note() { if [ "$1" -gt "$worst" ]; then worst=$1; fi; }

"$mlspec" check --untrusted --format github -- "$MLSPEC_PATH" 2>"$out/said"
note $?
"$mlspec" check --untrusted --format sarif -- "$MLSPEC_PATH" >"$out/check.sarif" 2>/dev/null

"$mlspec" diff --untrusted --fail-on "$MLSPEC_FAIL_ON" --format github -- HEAD^1..HEAD "$MLSPEC_PATH" 2>>"$out/said"
note $?
"$mlspec" diff --untrusted --fail-on never --format json -- HEAD^1..HEAD "$MLSPEC_PATH" >"$out/diff.json" 2>/dev/null
compared=$?

# What a command says of itself may hold names of files: shown with workflow commands off, under a word that nobody can guess.
if [ -s "$out/said" ]; then
  word=$(python3 -I -c 'import os; print(os.urandom(16).hex())')
  printf '::stop-commands::%s\n' "$word"
  cat "$out/said"
  printf '\n::%s::\n' "$word"
fi
{
  printf 'code=%s\nsarif=%s\n' "$worst" "$out/check.sarif"
  case $compared in 0 | 1 | 3) if [ -s "$out/diff.json" ]; then printf 'report=%s\n' "$out/diff.json"; fi ;; esac
} >>"$GITHUB_OUTPUT"
if [ -s "$out/diff.json" ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  "$mlspec" comment "$out/diff.json" >>"$GITHUB_STEP_SUMMARY" 2>/dev/null || true
fi
exit 0
