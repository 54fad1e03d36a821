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

# expect_ran NUMBER: how many commands the last call ran, by its own summary.
expect_ran() {
  local number
  number=$(printf '%s\n' "$printed" | sed -n 's/.*[^0-9]\([0-9][0-9]*\) ran.*/\1/p; s/^\([0-9][0-9]*\) ran.*/\1/p' | tail -n 1)
  [ "${number:-0}" -eq "$1" ] || fail "expected that $1 commands ran, the summary says ${number:-none}"
}

# expect_text TEXT: the last call printed it.
expect_text() {
  case $printed in *"$1"*) ;; *) fail "expected to read: $1" ;; esac
}

# expect_no_text TEXT: the last call did not print it.
expect_no_text() {
  case $printed in *"$1"*) fail "did not expect to read: $1" ;; esac
}
