# shellcheck shell=bash
# Sourced by the scripts that show gomake at work and check what it did. Bash.
# Expects $gomake, the program's path. A failed check ends the script with status 1.

say()  { printf '\n== %s\n' "$*"; }
fail() { printf '\nFAILED: %s\n' "$*" >&2; exit 1; }

# gm ARGUMENTS…: shows the call, runs it, keeps what it printed in $printed. It must succeed.
gm() {
  try_gm "$@"
  [ "$status" -eq 0 ] || fail "gomake $* ended with status $status"
}

# try_gm ARGUMENTS…: the same, but the status is left in $status.
try_gm() {
  printf '$ gomake%s\n' "${*:+ $*}"
  status=0
  printed=$("$gomake" "$@" 2>&1) || status=$?
  if [ -n "$printed" ]; then printf '%s\n' "$printed" | sed 's/^/  /'; fi
}

# expect_ran NAMES…: just these targets' commands ran in the last call, in any order; without names, none.
expect_ran() {
  local wanted ran
  wanted=$(printf '%s\n' "$@" | sort | xargs)
  ran=$(printf '%s\n' "$printed" |
    awk '/^(ran|unchanged) / && NF >= 3 { print ($2 ~ /^(build|test|image|task|clean)$/ && NF > 3) ? $3 : $2 }' | sort | xargs)
  [ "$ran" = "$wanted" ] || fail "expected these to run: ${wanted:-none}; these did: ${ran:-none}"
  expect_text ": $# ran, "
}

# expect_text TEXT: the last call printed it.
expect_text() {
  case $printed in *"$1"*) ;; *) fail "expected to read: $1" ;; esac
}

# expect_no_text TEXT: the last call did not print it.
expect_no_text() {
  case $printed in *"$1"*) fail "did not expect to read: $1" ;; esac
}
