/*
 * vxp_compat.h - differences between server versions
 *
 * The only file that tests PG_VERSION_NUM.  Each wrapper has the newest
 * signature and says which server change it follows.
 */
#ifndef VXP_COMPAT_H
#define VXP_COMPAT_H

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "vxp_query needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"				/* 16 moved VARDATA_ANY and friends here */
#include "nodes/miscnodes.h"	/* 16 added soft errors */
#else
/* 16 added soft errors: before, an input function can only raise. */
#define ereturn(context, dummy_value, ...) \
	do { (void) (context); ereport(ERROR, __VA_ARGS__); return dummy_value; } while (0)
#define errsave(context, ...) \
	do { (void) (context); ereport(ERROR, __VA_ARGS__); } while (0)
#endif

/*
 * The library is built with -fvisibility=hidden; SQL-callable functions are
 * exported one by one.  16 does so in PG_FUNCTION_INFO_V1, 15 does not.
 */
#define VXP_EXPORT __attribute__((visibility("default")))
#define VXP_FUNCTION(name) \
	extern VXP_EXPORT Datum name(PG_FUNCTION_ARGS); \
	extern VXP_EXPORT const Pg_finfo_record *CppConcat(pg_finfo_, name) (void); \
	PG_FUNCTION_INFO_V1(name)

/* 18 replaced the suffix pg_attribute_noreturn() by this prefix. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

#endif							/* VXP_COMPAT_H */
