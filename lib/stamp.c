#include "stamp.h"

#define NS_PER_S INT64_C(1000000000)
#define SETTLED_NS (3 * NS_PER_S)	/* above all granularities of times */

void
stamp_take(struct stamp *s, const struct stat *st, int64_t now_ns)
{
	const int64_t before = (now_ns - SETTLED_NS) / NS_PER_S;

	s->st = *st;
	s->certain = (int64_t)st->st_ctim.tv_sec < before &&
	    (int64_t)st->st_mtim.tv_sec < before;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
stamp_holds(const struct stamp *s, const struct stat *st)
{
	return s->certain && s->st.st_dev == st->st_dev &&
	    s->st.st_ino == st->st_ino && s->st.st_nlink == st->st_nlink &&
	    s->st.st_size == st->st_size &&
	    same_time(s->st.st_mtim, st->st_mtim) &&
	    same_time(s->st.st_ctim, st->st_ctim);
}
