#!/usr/bin/env bash
# lint.sh - the rules of the layout that a script can check; CONTRIBUTING.md says why each is there
# Called by make, which hands over VXP_SQL_PARTS and VXP_VERSION.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
: "${VXP_SQL_PARTS:?start me through make lint}" "${VXP_VERSION:?}"
faults=0
fault() { printf 'lint: %s\n' "$*" >&2; faults=$((faults + 1)); }

# areas in the order of dependency: a file includes headers of its own area or of one before it
areas="common lineage validity catalog dql"
rank() {
	local i=0 a
	for a in $areas; do [ "$a" != "$1" ] || { echo $i; return; }; i=$((i + 1)); done
	echo 99
}
for file in src/*/*.[ch]; do
	area=$(basename "$(dirname "$file")")
	[ "$(rank "$area")" != 99 ] || fault "$file: folder $area is none of the areas ($areas)"
	while read -r line include; do
		case $include in
			../*) fault "$file:$line: include \"$include\" climbs out of its folder" ;;
			*/*)
				other=${include%%/*}
				[ -f "src/$include" ] || continue		# a server header
				[ "$(rank "$other")" -le "$(rank "$area")" ] || fault "$file:$line: $area may not use $other (order: $areas)" ;;
		esac
	done < <(sed -nE '/^[[:space:]]*#[[:space:]]*include[[:space:]]*"/{=;s/[^"]*"([^"]*)".*/\1/p}' "$file" | paste - -)
done

# version tests in one place
for file in $(grep -lE 'PG_VERSION_NUM|CATALOG_VERSION_NO' src/*.c src/*/*.[ch] || true); do
	[ "$file" = src/common/vxp_compat.h ] || fault "$file: server versions are told apart in src/common/vxp_compat.h only"
done

# The packages with the server's headers do not bring ICU's, which this one includes.
for file in $(grep -lE 'include "utils/pg_locale.h"' src/*.c src/*/*.[ch] || true); do
	fault "$file: utils/pg_locale.h needs ICU's headers, which a bare machine has not"
done

# install script: plain CREATE, every part joined
for file in src/*.sql src/*/*.sql; do
	[ -e "$file" ] || continue
	while IFS=: read -r line text; do
		fault "$file:$line: $text (an install script creates, it does not replace)"
	done < <(grep -niE '^CREATE OR REPLACE|^CREATE .*IF NOT EXISTS' "$file" || true)
	case " $(echo $VXP_SQL_PARTS) " in *" $file "*) ;; *) fault "$file is not joined into the install script (VXP_SQL_PARTS)" ;; esac
done

# each test has its answer, each answer its test
both() {
	local f
	for f in "$1"/*."$2"; do [ ! -e "$f" ] || [ -e "$3/$(basename "$f" ".$2").out" ] || fault "$f has no $3/*.out"; done
	for f in "$3"/*.out; do
		# x_1.out is a second answer of x
		[ ! -e "$f" ] || [ -e "$1/$(basename "$f" .out).$2" ] || [ -e "$1/$(basename "$f" .out | sed 's/_[0-9]$//').$2" ] || fault "$f has no test in $1"
	done
}
both sql sql expected
both test/isolation/specs spec test/isolation/expected

# one version, said in the control file
grep -q "\"version\": \"$VXP_VERSION\"" META.json || fault "META.json does not say version $VXP_VERSION"
! grep '"version"' META.json | grep -vE "\"(1\.0\.0|$VXP_VERSION)\"" || fault "META.json has another version"
grep -qE "^## $VXP_VERSION\b" CHANGELOG.md || fault "CHANGELOG.md has no section $VXP_VERSION"

for file in .ci/run test/*.sh test/*/*.sh; do [ ! -e "$file" ] || bash -n "$file" || fault "$file: not valid bash"; done

# symbols: all that the library shows starts with vxp_, and what SQL calls is there, and the other way round
test/prepare.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
make -s -j"$(nproc)" PG_CONFIG="$pg_config" with_llvm=no all
for object in src/*.o src/*/*.o; do
	while read -r symbol; do
		fault "$object: symbol $symbol does not start with vxp_"
	done < <(nm -g --defined-only "$object" | awk '{print $3}' | grep -vE '^(pg_finfo_)?vxp_|^(Pg_magic_func|_PG_init)$' || true)
done
while read -r symbol; do fault "$symbol is called and nowhere defined"; done < <(nm -D --undefined-only vxp_query.so | awk '$2 ~ /^vxp_/ {print $2}')
nm -D --defined-only vxp_query.so | awk '{print $3}' | sed -n 's/^pg_finfo_//p' | sort > "$tmp/exported"
sed -nE "s/.*'(MODULE_PATHNAME|\\\$libdir\/vxp_query)', *'(vxp_[a-z0-9_]+)'.*/\2/p" $VXP_SQL_PARTS | sort -u > "$tmp/called"
while read -r symbol; do fault "the install script calls $symbol, which the library has not"; done < <(comm -13 "$tmp/exported" "$tmp/called")
while read -r symbol; do
	# wrappers of single tables are created at run time and name their symbol in a string
	grep -qw "$symbol" $VXP_SQL_PARTS || fault "the library exports $symbol, which the install script never calls"
done < <(comm -23 "$tmp/exported" "$tmp/called")

# released scripts stay as they are, and what they call stays in the library
for file in sql/upgrade/vxp_query--*.sql; do
	[ -e "$file" ] || continue
	while read -r symbol; do
		grep -qx "$symbol" "$tmp/exported" || fault "$file calls $symbol, which the library has no more"
	done < <(sed -nE "s/.*'(MODULE_PATHNAME|\\\$libdir\/vxp_query)', *'(vxp_[a-z0-9_]+)'.*/\2/p" "$file" | sort -u)
done
(cd sql/upgrade && sha256sum --quiet -c RELEASED) || fault "a script in sql/upgrade is not what RELEASED says: a released one never changes; for the version that is being made: make freeze"
for file in sql/upgrade/vxp_query--*.sql; do
	case $file in *--*--*) continue ;; esac
	grep -qE "^[0-9a-f]{64}  ${file##*/}\$" sql/upgrade/RELEASED || fault "$file is not in sql/upgrade/RELEASED"
	version=${file##*/vxp_query--}
	version=${version%.sql}
	# where the tags are here, the tag has the last word
	! git rev-parse -q --verify "v$version^{commit}" > /dev/null 2>&1 || git show "v$version:$file" 2>/dev/null | cmp -s - "$file" || fault "$file is not the one of tag v$version"
	[ "$version" = "$VXP_VERSION" ] || ls sql/upgrade/vxp_query--"$version"--*.sql > /dev/null 2>&1 || fault "no update script leads away from version $version"
done
frozen=sql/upgrade/vxp_query--$VXP_VERSION.sql
if [ ! -e "$frozen" ]; then
	fault "$frozen is missing: make freeze"
elif ! cat $VXP_SQL_PARTS | cmp -s - "$frozen"; then
	if git rev-parse -q --verify "v$VXP_VERSION^{commit}" > /dev/null 2>&1; then
		fault "the parts of the install script changed since $VXP_VERSION was released: raise default_version, and write sql/upgrade/vxp_query--$VXP_VERSION--NEXT.sql"
	else
		fault "$frozen is older than the parts it is made of: make freeze"
	fi
fi

# who takes a hook of the server keeps the one that was there, and calls it
while IFS=: read -r file hook; do
	grep -qF "previous_hook = $hook;" "$file" && grep -qF 'previous_hook(' "$file" || fault "$file sets $hook and does not call the previous one"
done < <(grep -noE '^\s+[a-z]\w*_hook = ' src/*.c src/*/*.c | sed -E 's/^([^:]+):[0-9]+:\s*(\w+) = $/\1:\2/' | grep -v ':previous_hook$' | sort -u)
test/promises.sh || faults=$((faults + 1))

[ $faults = 0 ] || { echo "lint: $faults faults" >&2; exit 1; }
echo "lint: no faults"
