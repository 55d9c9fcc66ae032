#!/bin/bash
# Run once by the image's entry point, on the first start: the sample data, in the database "demo".
set -e
export PGUSER=$POSTGRES_USER
psql -qX -v ON_ERROR_STOP=1 -d postgres -c 'CREATE DATABASE demo' -c 'ALTER DATABASE demo SET search_path = public, vxp'
psql -qX -v ON_ERROR_STOP=1 -d demo -o /dev/null -v data=/usr/share/vxp_query/data -f /usr/share/vxp_query/data/load.sql
