/*
 * vxp_compat.c - answers that differ between servers and are no macro
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "common/vxp_compat.h"

/* provider of collations that are in the server itself, from 17 on; all of them compare bytes */
#define PROVIDER_BUILTIN 'b'

static bool
text_attribute_is_c(int cache, HeapTuple tuple, AttrNumber attribute)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(cache, tuple, attribute, &isnull);
	char	   *name;

	if (isnull)
		return false;
	name = TextDatumGetCString(value);
	return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
}

/*
 * Does the collation compare bytes?  The server's own answer moved in 18 into
 * a struct, and the header of both wants ICU's headers, which the packages
 * with the server's headers do not bring along; so we read the catalogs.  A
 * "false" for a collation that does compare bytes costs an index, no row.
 */
bool
vxp_collation_is_c(Oid collation)
{
	bool		result;
	HeapTuple	tuple;

	if (collation == C_COLLATION_OID)
		return true;

	if (collation == DEFAULT_COLLATION_OID)
	{
		tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(MyDatabaseId));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
		switch (((Form_pg_database) GETSTRUCT(tuple))->datlocprovider)
		{
			case COLLPROVIDER_LIBC:
				result = text_attribute_is_c(DATABASEOID, tuple, Anum_pg_database_datcollate);
				break;
			case PROVIDER_BUILTIN:
				result = true;
				break;
			default:
				result = false;
		}
	}
	else
	{
		tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for collation %u", collation);
		switch (((Form_pg_collation) GETSTRUCT(tuple))->collprovider)
		{
			case COLLPROVIDER_LIBC:
				result = text_attribute_is_c(COLLOID, tuple, Anum_pg_collation_collcollate);
				break;
			case PROVIDER_BUILTIN:
				result = true;
				break;
			default:
				result = false;
		}
	}
	ReleaseSysCache(tuple);
	return result;
}
