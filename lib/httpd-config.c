#include "error.h"
#include "root.h"

int
ntdb_httpd_config(struct ntdb *db, struct ntdb_httpd_config *c,
    struct ntdb_error *err)
{
	struct ntdb_error why = NTDB_ERROR_INIT;
	const struct engine_config *e;
	int r;

	r = root_open(db, false, &why);
	if (r != 0 && r != NTDB_ENOENT)
		return err_at(err, r, why.path, -1, "%s", why.text);
	if ((r = root_engine(db, &e, err)) != 0)
		return r;
	c->listen = e->listen;
	c->auth_file = e->auth_file != NULL ? e->auth_file : "";
	c->read_only = e->read_only;
	c->max_body = e->max_body;
	c->max_samples = e->max_samples;
	c->lookback_ns = e->lookback_ns;
	return 0;
}
