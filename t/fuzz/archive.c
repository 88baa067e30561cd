/*
 * Archives.  Input: a tar file; the checksums of its headers are made right.
 *
 *   - A header that unpacks packs to one that unpacks to the same.
 *   - An archive that opens has whole members, takes another one behind
 *     them, and then has that and them.
 *   - One that was cut where it is damaged opens.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive.h"
#include "fuzz.h"

static void
mend(uint8_t *p)
{
	uint32_t sum = 8 * ' ', i;

	for (i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : p[i];
	snprintf((char *)p + 148, 8, "%06o", sum);
	p[155] = ' ';
}

static void
check_head(const uint8_t *p, const struct tar_member *m)
{
	uint8_t packed[TAR_BLOCK];
	struct tar_member again;
	int r;

	must(m->size <= INT64_MAX);
	must(strlen(m->name) < sizeof(m->name));
	r = tar_head_pack(m, packed, NULL);
	if (m->name[0] == '\0' || strlen(m->name) > TAR_NAME_MAX) {
		must(r == NTDB_EUSAGE);
		return;
	}
	must(r == 0 && tar_head_unpack(packed, &again) == 0);
	must(strcmp(again.name, m->name) == 0 && again.size == m->size &&
	    again.mtime_s == m->mtime_s && again.mode == m->mode &&
	    again.uid == m->uid && again.gid == m->gid);
	(void)p;
}

/* Make the checksums right, header by header, by what the headers say. */
static void
mend_all(uint8_t *p, size_t n)
{
	struct tar_member m;
	size_t at = 0;

	while (n - at >= TAR_BLOCK) {
		if (memcmp(p + at, "\0\0\0", 3) != 0)
			mend(p + at);
		if (tar_head_unpack(p + at, &m) != 0)
			return;
		check_head(p + at, &m);
		if (m.size > n - at - TAR_BLOCK)
			return;
		at += TAR_BLOCK;
		at = tar_padded(m.size) > n - at ? n :
		    at + (size_t)tar_padded(m.size);
	}
}

static void
add_member(struct archive *a)
{
	static const struct tar_member more = {
		"home.2026-05/data-2026-05-31.dat", 5, 1777593600, 0640, 1, 2
	};
	struct archive_member m;
	uint64_t end = a->end;

	must(archive_put(a, &more, "hello", NULL) == 0);
	must(a->end == end + 2 * TAR_BLOCK);
	must(archive_find(a, more.name, &m, NULL) == 0);
	must(m.at == end && m.head.size == 5);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = fuzz_dir();
	uint8_t *copy = fuzz_copy(data, size);
	struct io_owner owner;
	struct archive_member m;
	char kept[ARCHIVE_NAME_MAX + 32];
	struct archive a;
	uint64_t end;
	int dirfd, r;

	mend_all(copy, size);
	fuzz_write(dir, "archive-2026-05.tar", copy, size);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	must(dirfd != -1);
	must(io_owner_of(dirfd, &owner, dir, NULL) == 0);
	r = archive_open(&a, dirfd, "2026-05", &owner, NULL);
	must(r == 0 || r == NTDB_ECORRUPT);
	must(a.fd != -1 && a.end <= tar_padded(a.size));
	must(!a.torn || r != 0);
	r = archive_find(&a, "home.2026-05/catalog.json", &m, NULL);
	must(r == 0 || r == NTDB_END);
	must(r != 0 || (m.at < a.end && m.at % TAR_BLOCK == 0));
	archive_cut(&a, a.end);
	must(archive_trim(&a, NULL) == 0);
	add_member(&a);
	end = a.end;
	archive_close(&a);
	must(archive_open(&a, dirfd, "2026-05", &owner, NULL) == 0);
	must(a.end == end);
	archive_abort(&a);
	archive_close(&a);
	must(archive_open(&a, dirfd, "2026-05", &owner, NULL) == 0);
	must(a.end == end);
	must(archive_put_aside(&a, kept, NULL) == 0);
	must(faccessat(dirfd, kept, F_OK, 0) == 0);
	must(archive_open(&a, dirfd, "2026-05", &owner, NULL) == 0);
	must(a.end == 0);
	archive_abort(&a);
	must(faccessat(dirfd, a.name, F_OK, 0) == -1);
	archive_close(&a);
	close(dirfd);
	free(copy);
	return 0;
}
