/*
 * Test programs in C that print TAP.
 *
 * A test says first how many results it will give, plan(n), or begins with
 * plan_later() and ends with done_testing().  Then each check prints one
 * result and returns whether it passed.  End main with
 * `return done_testing();' in either case.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define TAP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define TAP_NORETURN __attribute__((noreturn))
#else
#define TAP_PRINTF(f, a)
#define TAP_NORETURN
#endif

void plan(int n);
void plan_later(void);

/* Print the plan if it was left open.  0 if all went well, else 1. */
int done_testing(void);

/* Say that nothing here can be tested, and why, and exit with 0. */
void skip_all(const char *fmt, ...) TAP_PRINTF(1, 2) TAP_NORETURN;

/* Count n results as skipped. */
void skip(int n, const char *fmt, ...) TAP_PRINTF(2, 3);

/* Results; what differs is shown when one fails. */
bool ok(bool cond, const char *fmt, ...) TAP_PRINTF(2, 3);
bool is_int(int64_t got, int64_t want, const char *fmt, ...)
    TAP_PRINTF(3, 4);
bool is_u64(uint64_t got, uint64_t want, const char *fmt, ...)
    TAP_PRINTF(3, 4);
bool is_str(const char *got, const char *want, const char *fmt, ...)
    TAP_PRINTF(3, 4);
bool is_mem(const void *got, size_t got_len, const void *want,
    size_t want_len, const char *fmt, ...) TAP_PRINTF(5, 6);

/* A remark. */
void diag(const char *fmt, ...) TAP_PRINTF(1, 2);

/* The test cannot go on: say why and exit with 255. */
void bail(const char *fmt, ...) TAP_PRINTF(1, 2) TAP_NORETURN;

#endif
