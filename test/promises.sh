#!/usr/bin/env bash
# promises.sh - has every promise of docs/operations.md a test, and is each test that it names there? Prints what is not.
set -euo pipefail
cd "$(dirname "$0")/.."
page=docs/operations.md
faults=0
fault() { printf 'promises: %s\n' "$*" >&2; faults=$((faults + 1)); }
wanted="A1 A2 A3 A4 A5 A6 B1 B2 B3 B4 B5 C1 C2 C3 C4 C5 D1 D2 D3 E1 E2 E3 E4 E5 E6 F1 F2 F3 G1 G2 G3 G4 G5 G6 G7 H1 H2 H3 H4 I1 I2 I3 I4 J1 J2 J3 K1 K2 L1 L2"
for promise in $wanted; do
	line=$(grep -E "^\| $promise \|" "$page") || { fault "$promise is not in $page"; continue; }
	[ "$(wc -l <<< "$line")" = 1 ] || fault "$promise stands there twice"
	shown=$(awk -F'|' '{print $4}' <<< "$line")
	names=$(grep -oE '`[^`]+`' <<< "$shown" | tr -d '`' || true)
	found=0
	while read -r name; do
		case $name in
			'' | *' '* | docs/*) continue ;;
			part:*) grep -q "^part_${name#part:}()" test/check_all.sh || fault "$promise: check-all has no part \"${name#part:}\""; found=1 ;;
			*.pl) [ -f "test/t/$name" ] && found=1 || fault "$promise: no test/t/$name" ;;
			*.sh) [ -f "test/$name" ] && found=1 || fault "$promise: no test/$name" ;;
			*) if [ -f "sql/$name.sql" ] || [ -f "test/isolation/specs/$name.spec" ]; then found=1; else fault "$promise: no test \"$name\""; fi ;;
		esac
	done <<< "$names"
	[ $found = 1 ] || grep -qE 'not promised|no promise|void' <<< "$shown" || fault "$promise has no test"
done
while read -r promise; do
	case " $wanted " in *" $promise "*) ;; *) fault "$promise is none of the promises" ;; esac
done < <(grep -oE '^\| [A-L][0-9] \|' "$page" | tr -d '| ')
[ $faults = 0 ] || { echo "promises: $faults faults" >&2; exit 1; }
echo "promises: $(wc -w <<< "$wanted"), each with its test"
