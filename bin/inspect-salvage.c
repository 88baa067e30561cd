#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "inspect.h"
#include "out.h"

/*
 * Samples whose id has no name are comments: `# DB/#ID VALUE TIME', so that
 * nobody imports them unseen.
 */
struct salvaging {
	struct inspect *ins;
	struct out *out;
	char	comment[80];	/* `# DB' */
	char	id[16];		/* `#ID' */
};

static int
on_row(void *arg, const struct ntdb_row *row)
{
	struct salvaging *s = arg;
	struct ntdb_row own = *row;

	own.db = s->ins->name;
	if (row->metric == NULL) {
		snprintf(s->id, sizeof(s->id), "#%" PRIu32, row->id);
		own.db = s->comment;
		own.metric = s->id;
	}
	return out_row(s->out, &own) == 0 ? 0 : NTDB_EIO;
}

static void
say_counts(const struct inspect *ins, const struct ntdb_salvage_result *res)
{
	if (res->unnamed > 0)
		cli_say(&ins->cli, "%s: %" PRIu64 " samples of metrics without "
		    "a name are comments in the output", ins->name,
		    res->unnamed);
	if (ins->cli.verbose)
		cli_say(&ins->cli, "%s: %" PRIu64 " samples", ins->name,
		    res->samples);
}

int
inspect_salvage(struct inspect *ins, struct ntdb_error *err)
{
	struct salvaging s = { .ins = ins };
	const struct ntdb_salvage_options opt = { on_row, &s, ins->aside };
	struct ntdb_salvage_result res;
	int r;

	snprintf(s.comment, sizeof(s.comment), "# %s", ins->name);
	s.out = out_new(ins->salvage_fd, OUT_LP, NTDB_TIME_HUMAN, false);
	if (s.out == NULL) {
		cli_fail_sys(&ins->cli, -NTDB_ESYS, ins->salvage_path,
		    "cannot write");
		return 0;
	}
	r = ntdb_salvage(ins->db, ins->name, &opt, &res, err);
	/* An output that failed is told once. */
	if ((r == NTDB_EIO && err->code == 0) ||
	    out_finish(s.out, r == 0) != 0)
		cli_fail_sys(&ins->cli, -NTDB_EIO, ins->salvage_path,
		    "cannot write");
	else if (r == 0)
		say_counts(ins, &res);
	out_free(s.out);
	if (r != 0)
		return r;
	/* What could not be read, and the status for it. */
	ins->cli.verbose = false;
	return inspect_verify(ins, err);
}

void
inspect_salvage_begin(struct inspect *ins)
{
	if (ins->salvage_path == NULL)
		cli_misuse(&ins->cli, "salvage needs --out FILE");
	if (strcmp(ins->salvage_path, "-") == 0) {
		ins->salvage_path = "standard output";
		ins->salvage_fd = STDOUT_FILENO;
		return;
	}
	/* Nothing is overwritten, least of all the database. */
	ins->salvage_fd = open(ins->salvage_path,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (ins->salvage_fd != -1)
		return;
	cli_fail_sys(&ins->cli, errno == EACCES || errno == EPERM ?
	    -NTDB_EPERM : -NTDB_ECREATE, ins->salvage_path, "cannot create");
	cli_exit(&ins->cli);
}

void
inspect_salvage_end(struct inspect *ins)
{
	if (ins->salvage_fd == -1 || ins->salvage_fd == STDOUT_FILENO)
		return;
	if (fsync(ins->salvage_fd) == -1 && errno != EINVAL && errno != EROFS)
		cli_fail_sys(&ins->cli, -NTDB_EIO, ins->salvage_path,
		    "cannot write");
	if (close(ins->salvage_fd) == -1)
		cli_fail_sys(&ins->cli, -NTDB_EIO, ins->salvage_path,
		    "cannot write");
}
