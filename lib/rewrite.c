#include "error.h"
#include "rewrite.h"

int
rewrite_samples(struct writer *w, const struct rewrite_sample *s, size_t n,
    struct ntdb_error *err)
{
	(void)s;
	return err_set(err, NTDB_EBUG, "%s: %zu samples are to be replaced",
	    w->dir.name, n);
}
