/*
 * Which data files are to be sealed.
 *
 * The log lists the files that have pages which are not sealed: nothing else
 * is looked at, but by who is told to seal, who also looks for headers with a
 * wrong bit.  One is due when its partition is over, and it was not sealed
 * since; and, whenever that is, when such pages of days that are over have
 * half as many bytes as the sealed ones.  So each byte is written a few times
 * over a file's life, however long its partition is.
 */
#include <stdlib.h>

#include "error.h"
#include "seal-impl.h"
#include "timefmt.h"

/* What the clock says. */
struct judge {
	bool	force;
	bool	clock_set;
	int64_t	now, grace;
	int64_t	today;		/* what is before belongs to days that are over */
};

static void
read_clock(struct judge *j, const struct ntdb *root, int64_t grace)
{
	int64_t t, rest;

	j->now = ntdb_now(root);
	j->grace = grace;
	j->clock_set = j->now >= NTDB_RELEASE_S * NS_PER_S;
	t = j->now < INT64_MIN + grace ? INT64_MIN : j->now - grace;
	rest = t % NS_PER_DAY;
	if (rest < 0)
		rest += NS_PER_DAY;
	j->today = t < INT64_MIN + rest ? INT64_MIN : t - rest;
}

/* Whether a partition's end and the grace after it are past. */
static bool
is_over(const struct judge *j, struct partition part)
{
	int64_t first, last;

	partition_span(part, &first, &last);
	return j->clock_set && last <= INT64_MAX - j->grace &&
	    j->now > last + j->grace;
}

/* Whether there is enough that is not sealed, of days that are over. */
static bool
has_enough(const struct judge *j, const struct datafile *f, uint64_t limit)
{
	uint64_t pos = DATA_HEAD_LEN, sealed = 0, unsealed = 0;
	struct page_ref ref;
	int r;

	while ((r = datafile_next(f, &pos, limit, &ref, NULL)) == 0 ||
	    r == NTDB_ECORRUPT) {
		if (r != 0)
			continue;
		if (ref.head.sealed)
			sealed += ref.head.len;
		else if (ref.head.t_max < j->today)
			unsealed += ref.head.len;
	}
	return unsealed > 0 && unsealed >= sealed / 2 + sealed % 2;
}

static bool
is_due(const struct judge *j, const struct datafile *f, uint64_t limit)
{
	if (j->force)
		return true;
	if (!j->clock_set)
		return false;
	return (is_over(j, f->part) && !(f->flags & DATA_SEALED_LATE)) ||
	    has_enough(j, f, limit);
}

/* Look at a file that the log lists.  NTDB_END: it is not due. */
static int
look_at(const struct judge *j, const struct dbdir *d,
    const struct log_file *listed, struct seal_due *due,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	struct datafile f;
	int r;

	due->part.kind = listed->kind;
	due->part.start = listed->start;
	if (listed->kind > PART_FOREVER)
		return NTDB_END;
	r = datafile_open(&f, d->fd, due->part, false, &why);
	/* What cannot be read is told by those who want to read it. */
	if (r == NTDB_ENOENT || r == NTDB_ECORRUPT || r == NTDB_EVERSION)
		return NTDB_END;
	if (r != 0)
		return err_at(err, r, why.path, why.offset, "%s", why.text);
	due->bytes = listed->len;
	due->over = is_over(j, due->part);
	r = listed->file_id == f.file_id && listed->len > f.sealed_len &&
	    is_due(j, &f, listed->len) ? 0 : NTDB_END;
	datafile_close(&f);
	return r;
}

static bool
is_listed(const struct seal_due *due, size_t n, struct partition part)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (partition_compare(due[i].part, part) == 0)
			return true;
	return false;
}

/* Sealed files in whose header a bit is wrong: they get another one. */
static int
add_mended(const struct judge *j, const struct dbdir *d,
    struct seal_due **due, size_t *n, struct ntdb_error *err)
{
	struct partition *parts;
	struct seal_due *more;
	struct datafile f;
	size_t n_parts, i;
	int r;

	r = dbdir_partitions(d, INT64_MIN, INT64_MAX, &parts, &n_parts, err);
	if (r != 0)
		return r;
	more = realloc(*due, (*n + n_parts + 1) * sizeof(**due));
	if (more == NULL) {
		free(parts);
		return err_nomem(err);
	}
	*due = more;
	for (i = 0; i < n_parts; i++) {
		/* What cannot be read is told by those who want to read it. */
		if (datafile_open(&f, d->fd, parts[i], false, NULL) != 0)
			continue;
		if (f.mended && f.sealed_len > DATA_HEAD_LEN &&
		    !is_listed(*due, *n, f.part)) {
			more[*n].part = f.part;
			more[*n].bytes = f.sealed_len;
			more[(*n)++].over = is_over(j, f.part);
		}
		datafile_close(&f);
	}
	free(parts);
	return 0;
}

int
seal_list_due(const struct dbdir *d, const struct log_head *h, bool force,
    struct seal_due **due, size_t *n, struct ntdb_error *err)
{
	struct manifest m;
	struct judge j;
	uint32_t i;
	int r;

	*due = NULL;
	*n = 0;
	if (h->n_files == 0 && !force)
		return 0;
	j.force = force;
	if ((r = dbdir_manifest(d, &m, err)) == 0)
		read_clock(&j, d->root, m.grace_ns);
	manifest_release(&m);
	if (r != 0)
		return r;
	if ((*due = malloc((h->n_files + 1) * sizeof(**due))) == NULL)
		return err_nomem(err);
	for (i = 0; i < h->n_files; i++) {
		r = look_at(&j, d, &h->files[i], &(*due)[*n], err);
		if (r < 0)
			return r;
		*n += r == 0;
	}
	return force ? add_mended(&j, d, due, n, err) : 0;
}
