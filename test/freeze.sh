#!/usr/bin/env bash
# freeze.sh - the install script of this version, as it is now, into sql/upgrade, with its sum in RELEASED. Done as often as the
# parts change until the version is tagged; then never again. Called by make freeze, which hands over the parts.
set -euo pipefail
cd "$(dirname "$0")/.."
. test/lib.sh
: "${VXP_SQL_PARTS:?start me through make freeze}" "${VXP_VERSION:?}"
! git rev-parse -q --verify "v$VXP_VERSION^{commit}" > /dev/null 2>&1 || die "version $VXP_VERSION is released (tag v$VXP_VERSION): raise default_version in vxp_query.control"
cd sql/upgrade
(cd ../.. && cat $VXP_SQL_PARTS) > "vxp_query--$VXP_VERSION.sql"
touch RELEASED
{
	grep -v "  vxp_query--$VXP_VERSION.sql\$" RELEASED || true
	sha256sum "vxp_query--$VXP_VERSION.sql"
} | sort -k 2 > RELEASED.new
mv RELEASED.new RELEASED
echo "frozen: sql/upgrade/vxp_query--$VXP_VERSION.sql, $(wc -l < "vxp_query--$VXP_VERSION.sql") lines"
