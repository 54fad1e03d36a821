#!/usr/bin/env bash
# Takes a public Go project through Go's module tooling, gives it the Gofile beside this script in place of its Makefile, and
# checks the life of a working day: build, test, nothing to do, edits that rerun only what they must.
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD
repo=$(cd ../.. && pwd)
module=github.com/itchyny/gojq@v0.12.17

if [ -f "$repo/.tools/env" ]; then . "$repo/.tools/env"; fi
. "$repo/scripts/story.sh"
gomake=${GOMAKE:-$(cd "$repo/${CARGO_TARGET_DIR:-target}" && pwd)/debug/gomake}
[ -x "$gomake" ] || fail "no gomake at $gomake: run cargo build, or set GOMAKE"

say "Fetching $module"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# The module cache is read-only: copy the tree out of it and make it writable.
source=$(cd "$place" && go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
[ -d "$source" ] || fail "go mod download gave no directory"
cp -R "$source" "$place/gojq"
chmod -R u+w "$place/gojq"
cp "$here/Gofile" "$place/gojq/Gofile"
export GOMAKE_CACHE_DIR=$place/cache
cd "$place/gojq"
(go mod download && go mod download -modfile=go.dev.mod) 2>/dev/null

say "1. Build: the parser and the builtins are generated, then the program is built"
gm
expect_ran parser builtin gojq
./gojq --version

say "2. Test"
gm test
expect_ran unit vet smoke

say "3. Again: nothing to do"
gm gojq test
expect_ran

say "4. Edit a test's data: the tests run, and nothing else"
printf '\n- name: an edit\n  args:\n    - "."\n  input: "1"\n  expected: |\n    1\n' >>cli/test.yaml
gm gojq test
expect_ran unit

say "5. A comment in the grammar: the parser is made anew, comes out the same, and that is all"
sed -i.old 's,^    | tokForeach$,    | tokForeach /* an edit */,' parser.go.y && rm parser.go.y.old
grep -q 'an edit' parser.go.y || fail "the edit found no place"
gm gojq test
expect_ran parser

say "6. Edit the command line's code: the program, its tests, vet and the smoke test run; nothing is generated"
sed -i.old 's/const name = "gojq"/const name = "gojq!"/' cli/cli.go && rm cli/cli.go.old
gm gojq test
expect_ran gojq unit vet smoke
./gojq --version | grep '^gojq! 0' || fail "the edit is not in the program"

say "7. Undo it: everything that follows was seen before"
cp "$source/cli/cli.go" cli/cli.go && chmod u+w cli/cli.go
gm gojq test
expect_ran
./gojq --version | grep '^gojq 0' >/dev/null || fail "the binary of step 5 did not come back"

say "8. Archives for two of six platforms, which the Gofile makes from two lists"
gm 'archive[linux,*]'
expect_ran 'cross[linux,amd64]' 'cross[linux,arm64]' 'archive[linux,amd64]' 'archive[linux,arm64]'
tar -tzf dist/gojq-linux-arm64.tar.gz | grep -x dist/linux-arm64/gojq >/dev/null || fail "the program is not in its archive"

printf '\nREAL WORLD PASSED: %s builds, tests and cross-compiles with gomake.\n' "$module"
