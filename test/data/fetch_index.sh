#!/usr/bin/env bash
# fetch_index.sh FOLDER - the whole index as files for load.sql, fetched by pip into an environment of our own
set -euo pipefail
out=$(realpath -m "${1:?usage: fetch_index.sh FOLDER}")
cd "$(dirname "$0")/../.."
. test/lib.sh
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
say "fetching the whole index with pip (about 130 MB; kept in build/ until make clean)"
[ -x build/venv/bin/pip ] || python3 -m venv build/venv
build/venv/bin/pip install -r test/data/requirements.txt
say "writing it as CSV"
rm -rf "$out.part"
build/venv/bin/python test/data/make_sample.py --all --out "$out.part"
rm -rf "$out"
mv "$out.part" "$out"
