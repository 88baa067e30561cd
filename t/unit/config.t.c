#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "tap.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define S INT64_C(1000000000)

static char dir[] = "/tmp/ntdb-config.XXXXXX";
static int dirfd_;
static char notes[1024];	/* LINE:TEXT|... */

static void
take_note(void *arg, const struct ntdb_error *what)
{
	size_t n = strlen(notes);

	(void)arg;
	snprintf(notes + n, sizeof(notes) - n, "%s%lld:%s",
	    n > 0 ? "|" : "", (long long)what->line, what->text);
}

static void
write_file(const char *name, const char *text, size_t len)
{
	int fd = openat(dirfd_, name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		bail("cannot write %s/%s", dir, name);
	close(fd);
}

static int
read_engine(const char *text, struct engine_config *c,
    struct ntdb_error *err)
{
	notes[0] = '\0';
	*err = (struct ntdb_error)NTDB_ERROR_INIT;
	write_file("engine.ini", text, strlen(text));
	return engine_config_read(dirfd_, "engine.ini", "R/engine.ini", c,
	    take_note, NULL, err);
}

static int
read_manifest(const char *text, const struct engine_config *engine,
    struct manifest *m, struct ntdb_error *err)
{
	notes[0] = '\0';
	*err = (struct ntdb_error)NTDB_ERROR_INIT;
	write_file("manifest.ini", text, strlen(text));
	return manifest_read(dirfd_, "manifest.ini", "R/DB/manifest.ini",
	    engine, m, take_note, NULL, err);
}

/* Lines of SECTION.KEY=VALUE. */
static int
collect(void *arg, const struct ntdb_setting_info *info)
{
	char *all = arg;
	size_t n = strlen(all);

	snprintf(all + n, 8192 - n, "%s.%s=%s\n", info->section, info->key,
	    info->value);
	return 0;
}

static const char default_walk[] =
    "retention.partition=day\n"
    "retention.retention_days=0\n"
    "retention.retention_size=0\n"
    "retention.retention_action=keep\n"
    "retention.grace=5m\n"
    "wal.enabled=yes\n"
    "wal.skip_before=0\n"
    "page.max_records=65536\n"
    "page.max_bytes=1MiB\n"
    "page.max_age=1h\n"
    "metrics.widen=yes\n"
    "metrics.integers=int\n"
    "metrics.late=reject\n"
    "metrics.max_future=1h\n"
    "metrics.max_metrics=65535\n"
    "rollups.enabled=yes\n"
    "rollups.checkpoint_file=rollup.checkpoints.log\n"
    "rollups.default_grace=5m\n"
    "rollups.default_interval=1h\n"
    "rollups.default_destination_db=\n"
    "rollups.default_aggregates=min,max,sum,avg,count\n"
    "rollups.exclude_patterns=\n";

static void
test_engine_values(const struct engine_config *c, bool changed)
{
	is_str(c->listen, changed ? "[::1]:80" : "127.0.0.1:8428", "listen");
	is_int(c->fsync_policy, changed ? FSYNC_EVERY : FSYNC_SEGMENT,
	    "fsync_policy");
	if (changed)
		is_int(c->fsync_every_ns, 10 * S, "its duration");
	is_u64(c->max_segment_size, changed ? 65536 : 67108864,
	    "max_segment_size");
	is_int(c->profile, changed ? DURABLE_BALANCED : DURABLE_STRICT,
	    "profile");
	ok(c->stats_enabled == !changed, "stats.enabled");
	is_int(c->stats_interval_ns, changed ? 5400 * S : 30 * S,
	    "stats.interval");
	ok(changed ? c->auth_file != NULL &&
	    strcmp(c->auth_file, "/etc/my users") == 0 :
	    c->auth_file == NULL, "auth_file");
	ok(c->read_only == changed, "read_only");
	is_u64(c->max_body, changed ? 1024 : 33554432, "max_body");
	is_u64(c->max_samples, changed ? 0 : 10000000, "max_samples");
	is_int(c->lookback_ns, changed ? 0 : 300 * S, "lookback");
}

static void
test_engine(void)
{
	struct ntdb_error err;
	struct engine_config c;

	is_int(engine_config_read(dirfd_, "missing.ini", "x", &c, NULL, NULL,
	    NULL), 0, "a missing engine.ini");
	test_engine_values(&c, false);
	is_u64(c.manifest_defaults.len, 0, "no defaults for manifests");
	engine_config_release(&c);

	is_int(read_engine("\xef\xbb\xbf; remark\r\n"
	    "[engine]\r\nlisten = [::1]:80 ; inline\r\n"
	    "\r\n  # indented remark\r\n   \r\n"
	    "[wal]\nfsync_policy=always\nfsync_policy =10s\n"
	    "max_segment_size= 64KiB\n"
	    "[durability] ; why not\nprofile = balanced\n"
	    "[stats]\nenabled = off\ninterval = 1h30m\n"
	    "[httpd]\nauth_file = /etc/my users\nread_only = true\n"
	    "max_body = 1024\nmax_samples = 7\nlookback = 0\n"
	    "[stats]\n[httpd]\nmax_samples = 0", &c, &err), 0,
	    "an engine.ini: %s", err.text);
	is_str(notes, "", "nothing to remark");
	test_engine_values(&c, true);
	engine_config_release(&c);
}

/* Files that are refused: on which line and why. */
static const struct {
	const char *text;
	int	line;
	const char *reason;
} bad_engine[] = {
	{ "[wal\n", 1, "section without `]'" },
	{ "\n[wal ;]\n", 2, "section without `]'" },
	{ "[wal] x\n", 1, "text after a section's `]'" },
	{ "a = 1\n[wal]\n", 1, "a key before any section" },
	{ "[wal]\nfsync_policy\n", 2,
	  "neither `[section]' nor `key = value'" },
	{ "[wal]\nfsync_policy ; = always\n", 2,
	  "neither `[section]' nor `key = value'" },
	{ "[wal]\nfsync_policy: always\n", 2, "`:' where `=' is wanted" },
	{ "[wal]\n= always\n", 2, "no key before `='" },
	{ "[wal]\nfsync_policy = always\n  max_segment_size = 1GiB\n", 3,
	  "indented line" },
	{ "[wal]\n\tx = 1\n", 2, "indented line" },
	{ "[httpd]\nauth_file = ;x\n", 2, "a value cannot begin with `;'" },
	{ "[httpd]\nauth_file =;x\n", 2, "a value cannot begin with `;'" },
	{ "[wal]\nfsync_policy = sometimes\n", 2, "fsync_policy: not "
	  "segment, always or a duration: sometimes" },
	{ "[wal]\nfsync_policy = 10\n", 2, "fsync_policy: not a duration "
	  "(such as 30s or 1h30m): 10" },
	{ "[wal]\nfsync_policy =\n", 2, "fsync_policy: not segment, always "
	  "or a duration: " },
	{ "[wal]\nmax_segment_size = 65535\n", 2, "max_segment_size: 65535 "
	  "is not in 64KiB to 4294967295" },
	{ "[wal]\nmax_segment_size = 4GiB\n", 2, "max_segment_size: 4GiB "
	  "is not in 64KiB to 4294967295" },
	{ "[wal]\nmax_segment_size = 64KB\n", 2, "max_segment_size: not a "
	  "size (such as 64KiB or 1GiB): 64KB" },
	{ "[durability]\nprofile = Strict\n", 2, "profile: not one of "
	  "strict, balanced, throughput: Strict" },
	{ "[stats]\nenabled = maybe\n", 2,
	  "enabled: neither yes nor no: maybe" },
	{ "[stats]\ninterval = 99999999999h\n", 2,
	  "interval: too long: 99999999999h" },
	{ "[engine]\nlisten = 8428\n", 2,
	  "listen: not of the form HOST:PORT: 8428" },
	{ "[engine]\nlisten = host:65536\n", 2,
	  "listen: not of the form HOST:PORT: host:65536" },
	{ "[engine]\nlisten = ::1:80\n", 2,
	  "listen: not of the form HOST:PORT: ::1:80" },
	{ "[engine]\nlisten = host:\n", 2,
	  "listen: not of the form HOST:PORT: host:" },
	{ "[engine]\nlisten =\n", 2, "listen: a value is wanted" },
	{ "[engine]\nlisten = \"h:1\"\n", 2,
	  "listen: values are not quoted: \"h:1\"" },
	{ "[httpd]\nmax_samples = -1\n", 2, "max_samples: not a number: -1" },
	{ "[httpd]\nmax_samples =\n", 2, "max_samples: a number is wanted" },
	{ "[httpd]\nmax_samples = 99999999999999999999\n", 2, "max_samples: "
	  "99999999999999999999 is not in 0 to 4611686018427387904" },
	{ "# x\n[manifest_defaults.retention]\npartition = week\n", 3,
	  "partition: not one of day, month, year, forever: week" },
	{ "[manifest_defaults.retention]\nretention_days = 3\n\n", 2,
	  "retention_days needs retention_action = delete or archive" },
	{ "[wal]\n[a2345678901234567890123456789012345678901234567890]\n",
	  2, "section name over 49 bytes" },
};

static const struct {
	const char *text;
	int	line;
	const char *reason;
} bad_manifest[] = {
	{ "[page]\nmax_records = 0\n", 2,
	  "max_records: 0 is not in 1 to 16777216" },
	{ "[page]\nmax_records = 16777217\n", 2,
	  "max_records: 16777217 is not in 1 to 16777216" },
	{ "[page]\nmax_records = 1e3\n", 2,
	  "max_records: not a number: 1e3" },
	{ "[page]\nmax_bytes = 4095\n", 2,
	  "max_bytes: 4095 is not in 4KiB to 1GiB" },
	{ "[page]\nmax_bytes = 2GiB\n", 2,
	  "max_bytes: 2GiB is not in 4KiB to 1GiB" },
	{ "[page]\nmax_age = -1h\n", 2, "max_age: not a duration (such as "
	  "30s or 1h30m): -1h" },
	{ "[metrics]\nmax_metrics = 0\n", 2,
	  "max_metrics: 0 is not in 1 to 2147483648" },
	{ "[metrics]\nmax_metrics = 2147483649\n", 2,
	  "max_metrics: 2147483649 is not in 1 to 2147483648" },
	{ "[metrics]\nintegers = double\n", 2,
	  "integers: not one of int, float: double" },
	{ "[metrics]\nlate = yes\n", 2,
	  "late: not one of reject, accept: yes" },
	{ "[retention]\nretention_days = 7\n", 2,
	  "retention_days needs retention_action = delete or archive" },
	{ "[retention]\nretention_size = 1GiB\n", 2,
	  "retention_size needs retention_action = delete or archive" },
	{ "[retention]\nretention_days = 7\nretention_action = delete\n"
	  "grace = 1m\nretention_action = keep\n", 5,
	  "retention_days needs retention_action = delete or archive" },
	{ "[retention]\nretention_days = 100001\n", 2,
	  "retention_days: 100001 is not in 0 to 100000" },
	{ "[rollups]\ndefault_interval = 0\n", 2,
	  "default_interval: must be above 0" },
	{ "[rollups]\ndefault_aggregates = min, mean\n", 2,
	  "default_aggregates: no such aggregate: mean" },
	{ "[rollups]\ndefault_aggregates = ,\n", 2,
	  "default_aggregates: an aggregate is wanted" },
	{ "[rollups]\ncheckpoint_file = ../x\n", 2,
	  "checkpoint_file: not a name for this file: ../x" },
	{ "[rollups]\ncheckpoint_file = catalog.json\n", 2,
	  "checkpoint_file: not a name for this file: catalog.json" },
	{ "[rollups]\nexclude_patterns = a,;b\n", 2,
	  "exclude_patterns: a pattern cannot begin with `;'" },
	{ "[rollups]\nexclude_patterns = \"a\"\n", 2,
	  "exclude_patterns: values are not quoted: \"a\"" },
	{ "[rollup.a]\nsource_metric = x\n\n[rollup.b]\ninterval = 1h\n", 4,
	  "[rollup.b] has neither source_metric nor source_pattern" },
	{ "[page]\n[rollup.a]\n", 2,
	  "[rollup.a] has neither source_metric nor source_pattern" },
	{ "\n[rollup.a]\nsource_metric = x\nsource_pattern = y\n", 2,
	  "[rollup.a] has both source_metric and source_pattern" },
	{ "[rollup.a]\nsource_metric = x\ninterval = 0\n", 3,
	  "interval: must be above 0" },
	{ "[rollup.a]\nsource_metric = x\ngrace = 5\n", 3, "grace: not a "
	  "duration (such as 30s or 1h30m): 5" },
	{ "[rollup.a]\nsource_metric = x\naggregates = p98\n", 3,
	  "aggregates: no such aggregate: p98" },
	{ "[rollup.a]\nsource_metric = x y\n", 2,
	  "source_metric: not a metric's name: x y" },
	{ "[rollup.]\nsource_metric = x\n", 1, "not a job's name (letters, "
	  "digits, `_', `.', `-'): " },
	{ "[rollup.a b]\nsource_metric = x\n", 1, "not a job's name "
	  "(letters, digits, `_', `.', `-'): a b" },
};

static void
is_refused(int rc, const struct ntdb_error *err, const char *path, int line,
    const char *reason)
{
	is_int(rc, NTDB_ECONFIG, "refused: %s", reason);
	is_int(err->code, NTDB_ECONFIG, "the code is in the record");
	is_str(err->path, path, "its file");
	is_int(err->line, line, "its line");
	is_str(err->text, reason, "its reason");
}

static void
test_bad(void)
{
	struct engine_config c;
	struct ntdb_error err;
	struct manifest m;
	size_t i;
	int rc;

	for (i = 0; i < N(bad_engine); i++) {
		rc = read_engine(bad_engine[i].text, &c, &err);
		is_refused(rc, &err, "R/engine.ini", bad_engine[i].line,
		    bad_engine[i].reason);
		engine_config_release(&c);
	}
	for (i = 0; i < N(bad_manifest); i++) {
		rc = read_manifest(bad_manifest[i].text, NULL, &m, &err);
		is_refused(rc, &err, "R/DB/manifest.ini",
		    bad_manifest[i].line, bad_manifest[i].reason);
		manifest_release(&m);
	}
}

/* The longest line and section name that inih takes, and one byte more. */
static void
test_limits(void)
{
	char text[512], name[64];
	struct engine_config c;
	struct ntdb_error err;
	int rc;

	/* 12 bytes come before the value. */
	snprintf(text, sizeof(text), "[httpd]\nauth_file = %0186d\n"
	    "lookback = 1s\n", 1);
	is_int(read_engine(text, &c, &err), 0, "a line of 198 bytes");
	is_u64(strlen(c.auth_file), 186, "its value is whole");
	is_int(c.lookback_ns, S, "the next line counts");
	engine_config_release(&c);

	snprintf(text, sizeof(text), "[httpd]\nauth_file = %0187d\n", 1);
	rc = read_engine(text, &c, &err);
	is_refused(rc, &err, "R/engine.ini", 2, "line over 198 bytes");
	engine_config_release(&c);

	snprintf(text, sizeof(text), "[httpd]\nlookback = 1s\n# %0197d", 1);
	rc = read_engine(text, &c, &err);
	is_refused(rc, &err, "R/engine.ini", 3, "line over 198 bytes");
	engine_config_release(&c);

	snprintf(name, sizeof(name), "%049d", 1);
	snprintf(text, sizeof(text), "[%s]\nx = 1\n[wal]\n", name);
	is_int(read_engine(text, &c, &err), 0, "a section name of 49 bytes");
	snprintf(text, sizeof(text), "1:unknown section [%s]", name);
	is_str(notes, text, "it is whole");
	engine_config_release(&c);
}

static void
test_files(void)
{
	struct ntdb_error err = NTDB_ERROR_INIT;
	struct engine_config c;
	static char big[(1 << 20) + 1];

	write_file("nul.ini", "[wal]\nfsync_policy = always\0\n", 29);
	is_int(engine_config_read(dirfd_, "nul.ini", "f", &c, NULL, NULL,
	    &err), NTDB_ECONFIG, "a zero byte");
	is_int(err.line, 2, "its line");
	is_str(err.text, "a zero byte", "the reason");
	engine_config_release(&c);

	mkdirat(dirfd_, "dir.ini", 0777);
	err = (struct ntdb_error)NTDB_ERROR_INIT;
	is_int(engine_config_read(dirfd_, "dir.ini", "f", &c, NULL, NULL,
	    &err), NTDB_ECONFIG, "a directory");
	is_str(err.text, "is a directory", "the reason");
	engine_config_release(&c);

	mkfifoat(dirfd_, "fifo.ini", 0666);
	is_int(engine_config_read(dirfd_, "fifo.ini", "f", &c, NULL, NULL,
	    NULL), NTDB_ECONFIG, "a FIFO does not block");
	engine_config_release(&c);

	memset(big, '\n', sizeof(big));
	write_file("big.ini", big, sizeof(big) - 1);
	is_int(engine_config_read(dirfd_, "big.ini", "f", &c, NULL, NULL,
	    NULL), 0, "1 MiB");
	engine_config_release(&c);
	write_file("big.ini", big, sizeof(big));
	is_int(engine_config_read(dirfd_, "big.ini", "f", &c, NULL, NULL,
	    NULL), NTDB_ECONFIG, "more than 1 MiB");
	engine_config_release(&c);

	write_file("secret.ini", "[wal]\n", 6);
	if (fchmodat(dirfd_, "secret.ini", 0, 0) != 0 || chmod(dir, 0755) != 0)
		bail("cannot change permissions");
	if (geteuid() == 0 && seteuid(65534) != 0)
		bail("cannot give up root's rights");
	err = (struct ntdb_error)NTDB_ERROR_INIT;
	is_int(engine_config_read(dirfd_, "secret.ini", "f", &c, NULL, NULL,
	    &err), NTDB_EPERM, "a file that may not be read");
	is_str(err.path, "f", "its name");
	engine_config_release(&c);
	if (getuid() == 0 && seteuid(0) != 0)
		bail("cannot become root again");

	is_int(read_engine("", &c, &err), 0, "an empty file");
	engine_config_release(&c);
	is_int(read_engine("\xef\xbb\xbf", &c, &err), 0, "only a BOM");
	engine_config_release(&c);
}

static void
test_notes(void)
{
	struct engine_config c;
	struct ntdb_error err;
	struct manifest m;

	is_int(read_engine("[wal]\nfsync_polici = always\nhyper = 1\n"
	    "[http]\nread_only = yes\n[weather]\nrain = 1\nsun = 0\n"
	    "[manifest_defaults.page]\nmax_record = 9\n"
	    "[manifest_defaults.pages]\nmax_records = 9\n", &c, &err), 0,
	    "unknown keys are no errors");
	is_str(notes,
	    "2:unknown key `fsync_polici' in [wal], did you mean "
	    "`fsync_policy'?|3:unknown key `hyper' in [wal]|"
	    "4:unknown section [http], did you mean [httpd]?|"
	    "6:unknown section [weather]|"
	    "10:unknown key `max_record' in [manifest_defaults.page], did "
	    "you mean `max_records'?|"
	    "11:unknown section [manifest_defaults.pages], did you mean "
	    "[manifest_defaults.page]?", "they are remarked");
	ok(!c.read_only, "and have no effect");
	is_u64(c.manifest_defaults.len, 0, "nor on manifests");
	engine_config_release(&c);

	is_int(read_manifest("[rollup.a]\nsource_metric = x\nintervall = 1h\n"
	    "[rollup]\nx = 1\n", NULL, &m, &err), 0, "the same in a manifest");
	is_str(notes, "3:unknown key `intervall' in [rollup.a], did you mean "
	    "`interval'?|4:unknown section [rollup], did you mean [rollups]?",
	    "they are remarked");
	is_int(m.jobs[0].interval_ns, -1, "and have no effect");
	manifest_release(&m);
}

static void
is_walk(const struct manifest *m, const char *want, const char *what)
{
	char all[8192] = "";

	is_int(manifest_walk(m, collect, all), 0, "walk: %s", what);
	is_str(all, want, "%s", what);
}

static void
test_manifest(void)
{
	struct ntdb_error err;
	struct manifest m;

	is_int(manifest_read(dirfd_, "none.ini", "x", NULL, &m, NULL, NULL,
	    NULL), 0, "a missing manifest");
	is_walk(&m, default_walk, "the defaults");
	is_int(m.grace_ns, 300 * S, "grace");
	is_u64(m.page_max_bytes, 1048576, "max_bytes");
	is_int(m.page_max_age_ns, 3600 * S, "max_age");
	is_int(m.max_future_ns, 3600 * S, "max_future");
	ok(m.wal_enabled && m.widen && m.rollups_enabled, "what is on");
	ok(!m.integers_float && !m.late_accept, "what is off");
	is_u64(m.default_aggregates.n, 5, "five aggregates");
	is_str(m.default_aggregates.at[3], "avg", "the fourth");
	manifest_release(&m);

	is_int(read_manifest("[retention]\npartition = forever\n"
	    "retention_days = 30\nretention_size = 2GiB\n"
	    "retention_action = archive\ngrace = 0\n"
	    "[wal]\nenabled = 0\nskip_before = 1d\n"
	    "[page]\nmax_records = 1\nmax_bytes = 4KiB\nmax_age = 90s\n"
	    "[metrics]\nwiden = no\nintegers = float\nlate = accept\n"
	    "max_future = 0\nmax_metrics = 2147483648\n"
	    "[rollups]\nenabled = off\ncheckpoint_file = done.log\n"
	    "default_grace = 1m\ndefault_interval = 1d\n"
	    "default_destination_db = daily\n"
	    "default_aggregates = p95 , last\n"
	    "exclude_patterns = debug.*, x{a=\"1\",b=\"2\"},y\\,z  w{*,v t\n"
	    "[rollup.hour-1]\nsource_pattern = room.*\n"
	    "exclude_patterns = a b\ninterval = 1h\naggregates = max\n"
	    "[rollup.day]\nsource_metric = m{l=\"x\"}\n"
	    "destination_db = archive\ndestination_metric_prefix = p\n"
	    "[rollup.hour-1]\ngrace = 0\ninterval = 2h\n", NULL, &m, &err),
	    0, "a manifest: %s", err.text);
	is_walk(&m,
	    "retention.partition=forever\n"
	    "retention.retention_days=30\n"
	    "retention.retention_size=2GiB\n"
	    "retention.retention_action=archive\n"
	    "retention.grace=0\n"
	    "wal.enabled=no\n"
	    "wal.skip_before=1d\n"
	    "page.max_records=1\n"
	    "page.max_bytes=4KiB\n"
	    "page.max_age=1m30s\n"
	    "metrics.widen=no\n"
	    "metrics.integers=float\n"
	    "metrics.late=accept\n"
	    "metrics.max_future=0\n"
	    "metrics.max_metrics=2147483648\n"
	    "rollups.enabled=no\n"
	    "rollups.checkpoint_file=done.log\n"
	    "rollups.default_grace=1m\n"
	    "rollups.default_interval=1d\n"
	    "rollups.default_destination_db=daily\n"
	    "rollups.default_aggregates=p95,last\n"
	    "rollups.exclude_patterns=debug.* x{a=\"1\",b=\"2\"} y\\,z "
	    "w{*,v t\n"
	    "rollup.hour-1.source_pattern=room.*\n"
	    "rollup.hour-1.exclude_patterns=a b\n"
	    "rollup.hour-1.interval=2h\n"
	    "rollup.hour-1.aggregates=max\n"
	    "rollup.hour-1.grace=0\n"
	    "rollup.day.source_metric=m{l=\"x\"}\n"
	    "rollup.day.destination_db=archive\n"
	    "rollup.day.destination_metric_prefix=p\n", "all keys");
	is_u64(m.exclude_patterns.n, 5, "five patterns");
	is_u64(m.n_jobs, 2, "two jobs");
	is_int(m.jobs[0].line, 28, "the line of the first");
	is_int(m.jobs[1].grace_ns, -1, "what a job does not say");
	ok(m.jobs[1].source_pattern == NULL, "nor this");
	is_int(m.partition, PART_FOREVER, "partition");
	is_int(m.retention_action, RETAIN_ARCHIVE, "retention_action");
	manifest_release(&m);
}

/* Take the `# ' off all settings, not off remarks in words. */
static void
uncomment(char *to, const struct buf *from)
{
	size_t i = 0;

	while (i < from->len) {
		const char *s = (const char *)from->data + i;
		size_t n = strcspn(s, "\n") + 1;
		size_t key = strspn(s + 2, "abcdefghijklmnopqrstuvwxyz_");

		if (s[0] == '#' && (s[2] == '[' || (key > 0 &&
		    strncmp(s + 2 + key, " =", 2) == 0))) {
			memcpy(to, s + 2, n - 2);
			to += n - 2;
		} else {
			memcpy(to, s, n);
			to += n;
		}
		i += n;
	}
	*to = '\0';
}

static void
test_templates(void)
{
	struct buf t = BUF_INIT;
	struct engine_config c;
	struct ntdb_error err;
	struct manifest m;
	char text[8192];

	is_int(engine_config_template(&t), 0, "engine.ini's template");
	buf_add_u8(&t, '\0');
	is_int(read_engine((char *)t.data, &c, &err), 0, "it is valid");
	is_u64(c.manifest_defaults.len, 0, "it states nothing");
	test_engine_values(&c, false);
	engine_config_release(&c);
	t.len--;
	uncomment(text, &t);
	is_int(read_engine(text, &c, &err), 0, "uncommented: %s", err.text);
	is_str(notes, "", "it has no unknown keys");
	test_engine_values(&c, false);
	ok(c.manifest_defaults.len > 0, "its example of defaults counts");
	engine_config_release(&c);
	buf_release(&t);

	is_int(manifest_template(NULL, &t), 0, "manifest.ini's template");
	buf_add_u8(&t, '\0');
	is_int(read_manifest((char *)t.data, NULL, &m, &err), 0,
	    "it is valid");
	is_walk(&m, default_walk, "it states nothing");
	manifest_release(&m);
	t.len--;
	uncomment(text, &t);
	is_int(read_manifest(text, NULL, &m, &err), 0, "uncommented: %s",
	    err.text);
	is_str(notes, "", "it has no unknown keys");
	is_u64(m.n_jobs, 1, "its job counts");
	manifest_release(&m);
	buf_release(&t);
}

static void
test_manifest_defaults(void)
{
	char text[8192], longest[158];
	struct buf t = BUF_INIT;
	struct engine_config c;
	struct ntdb_error err;
	struct manifest m;

	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	snprintf(text, sizeof(text), "[manifest_defaults.retention]\n"
	    "partition = year\npartition = month\nretention_days = 9\n"
	    "retention_action = delete\n[manifest_defaults.rollups]\n"
	    "exclude_patterns=aaaaaaaaaaaaaaaaaaaaaa{%s}\n"
	    "[manifest_defaults.page]\nmax_age = 60m\n", longest);
	is_int(read_engine(text, &c, &err), 0, "defaults for manifests: %s",
	    err.text);

	is_int(read_manifest("[page]\nmax_records = 5\n", &c, &m, &err), 0,
	    "a manifest over them");
	is_int(m.partition, PART_MONTH, "they count");
	is_int(m.retention_days, 9, "all of them");
	is_u64(m.page_max_records, 5, "and so does the manifest");
	manifest_release(&m);

	is_int(read_manifest("[retention]\npartition = day\n", &c, &m, &err),
	    0, "a manifest against them");
	is_int(m.partition, PART_DAY, "the manifest has the last word");
	manifest_release(&m);

	is_refused(read_manifest("[wal]\n[retention]\n"
	    "retention_action = keep\n", &c, &m, &err), &err,
	    "R/DB/manifest.ini", 3,
	    "retention_days needs retention_action = delete or archive");
	manifest_release(&m);

	is_int(manifest_template(&c, &t), 0, "a new manifest");
	buf_add_u8(&t, '\0');
	ok(strstr((char *)t.data, "\npartition = month\n") != NULL,
	    "states what the engine says");
	ok(strstr((char *)t.data, "\nmax_age = 1h\n") != NULL,
	    "in canonical form");
	ok(strstr((char *)t.data, "\nexclude_patterns=aaaa") != NULL,
	    "and keeps to the length of lines");
	ok(strstr((char *)t.data, "\n# max_records = 65536\n") != NULL,
	    "but not the defaults");
	is_int(read_manifest((char *)t.data, NULL, &m, &err), 0,
	    "it is valid: %s", err.text);
	is_int(m.retention_days, 9, "and means the same");
	is_u64(strlen(m.exclude_patterns.at[0]), 181, "to the last byte");
	manifest_release(&m);
	buf_release(&t);
	engine_config_release(&c);
}

static void
clean_up(void)
{
	static const char *const files[] = {
		"engine.ini", "manifest.ini", "nul.ini", "fifo.ini",
		"big.ini", "secret.ini"
	};
	size_t i;

	for (i = 0; i < N(files); i++)
		unlinkat(dirfd_, files[i], 0);
	unlinkat(dirfd_, "dir.ini", AT_REMOVEDIR);
	close(dirfd_);
	rmdir(dir);
}

int
main(void)
{
	plan_later();
	if (mkdtemp(dir) == NULL)
		bail("cannot make %s", dir);
	if ((dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		bail("cannot open %s", dir);
	test_engine();
	test_bad();
	test_limits();
	test_files();
	test_notes();
	test_manifest();
	test_templates();
	test_manifest_defaults();
	clean_up();
	return done_testing();
}
