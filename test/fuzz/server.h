/*
 * server.h - the little of a server that the fuzzed files call
 *
 * A fuzz target has no server around it: memory contexts become malloc blocks
 * of the exact size, so that the address sanitizer sees any step beyond, and
 * ERROR a longjmp.
 */
#ifndef VXP_FUZZ_SERVER_H
#define VXP_FUZZ_SERVER_H

#include "postgres.h"

#include <setjmp.h>

#define REQUIRE(condition) do { if (!(condition)) abort(); } while (0)

extern sigjmp_buf fuzz_error;
extern int	fuzz_sqlstate;		/* of the error that was thrown */

/* Calls "statement"; false when it threw an error, which must have an SQLSTATE of its own. */
#define FUZZ_TRY(statement) \
	(sigsetjmp(fuzz_error, 0) == 0 ? ((statement), true) : (fuzz_check_sqlstate(fuzz_sqlstate), false))

extern void fuzz_check_sqlstate(int code);
extern bool fuzz_is_utf8(const uint8_t *data, size_t size);
extern void fuzz_free_all(void);
extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif							/* VXP_FUZZ_SERVER_H */
