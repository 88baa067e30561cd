#include <stdlib.h>

#include "bytes.h"
#include "checksum.h"
#include "error.h"
#include "logrec.h"
#include "number.h"

#define BATCH_MAGIC UINT32_C(0x0a42544e)	/* "NTB\n" */
#define BASE_TIME_LEN 8
#define RECORD_MAX 32		/* a sample takes less than this */

/* Fields of a tag byte. */
enum { ID_SAME, ID_NEXT, ID_U16, ID_VARINT };
enum { TIME_SAME, TIME_STEP, TIME_NS, TIME_US, TIME_MS, TIME_S,
	TIME_NONE = 7 };
enum { VAL_INT, VAL_DEC0, VAL_DEC1, VAL_DEC2, VAL_DEC3, VAL_DEC, VAL_F64,
	VAL_I32 };
enum { SPECIAL_METRIC, SPECIAL_TYPE, SPECIAL_CLOCK };

#define TAG(id, time, value) ((uint8_t)((id) | (time) << 2 | (value) << 5))

void
batch_init(struct batch *b)
{
	memset(b, 0, sizeof(*b));
}

void
batch_release(struct batch *b)
{
	buf_release(&b->out);
}

void
batch_begin(struct batch *b, int64_t base_t)
{
	uint8_t *p;

	buf_clear(&b->out);
	b->n = 0;
	b->id = 0;
	b->t = base_t;
	b->step = 0;
	p = buf_extend(&b->out, BATCH_HEAD_LEN + BASE_TIME_LEN);
	if (p != NULL)
		put_u64(p + BATCH_HEAD_LEN, (uint64_t)base_t);
}

/* Write the id if the tag needs it; returns the id bits. */
static inline unsigned
put_id(struct batch *b, uint32_t id, uint8_t **p)
{
	uint32_t before = b->id;

	b->id = id;
	if (id == before)
		return ID_SAME;
	if (id == before + 1)
		return ID_NEXT;
	if (id <= UINT16_MAX) {
		put_u16(*p, (uint16_t)id);
		*p += 2;
		return ID_U16;
	}
	*p = put_varint(*p, id);
	return ID_VARINT;
}

/* Write the step in time if the tag needs it; returns the time bits. */
static inline unsigned
put_time(struct batch *b, int64_t t, uint8_t **p)
{
	/* Wraps, like the addition that undoes it. */
	int64_t step = as_i64((uint64_t)t - (uint64_t)b->t);
	unsigned bits;

	if (step == 0)
		return TIME_SAME;
	b->t = t;
	if (step == b->step)
		return TIME_STEP;
	b->step = step;
	if (step % 1000 != 0) {
		bits = TIME_NS;
	} else if (step % 1000000 != 0) {
		bits = TIME_US;
		step /= 1000;
	} else if (step % 1000000000 != 0) {
		bits = TIME_MS;
		step /= 1000000;
	} else {
		bits = TIME_S;
		step /= 1000000000;
	}
	*p = put_varint(*p, zigzag(step));
	return bits;
}

void
batch_add_int(struct batch *b, uint32_t id, int64_t t, int64_t v)
{
	uint8_t *start = buf_reserve(&b->out, RECORD_MAX), *p;
	unsigned tag_id, tag_time, tag_value = VAL_INT;

	if (start == NULL)
		return;
	p = start + 1;
	tag_id = put_id(b, id, &p);
	tag_time = put_time(b, t, &p);
	/* What a varint would take five bytes for fits four. */
	if (v >= INT32_MIN && v <= INT32_MAX && zigzag(v) >> 28 != 0) {
		tag_value = VAL_I32;
		put_u32(p, (uint32_t)(uint64_t)v);
		p += 4;
	} else {
		p = put_varint(p, zigzag(v));
	}
	*start = TAG(tag_id, tag_time, tag_value);
	b->out.len += (size_t)(p - start);
	b->n++;
}

void
batch_add_dec(struct batch *b, uint32_t id, int64_t t, int64_t m,
    uint8_t scale)
{
	uint8_t *start = buf_reserve(&b->out, RECORD_MAX), *p;
	unsigned tag_id, tag_time, tag_value;

	if (start == NULL)
		return;
	p = start + 1;
	tag_id = put_id(b, id, &p);
	tag_time = put_time(b, t, &p);
	if (scale == DEC_RAW) {
		tag_value = VAL_F64;
		put_u64(p, (uint64_t)m);
		p += 8;
	} else if (scale <= 3) {
		tag_value = VAL_DEC0 + scale;
		p = put_varint(p, zigzag(m));
	} else {
		tag_value = VAL_DEC;
		*p++ = scale;
		p = put_varint(p, zigzag(m));
	}
	*start = TAG(tag_id, tag_time, tag_value);
	b->out.len += (size_t)(p - start);
	b->n++;
}

/* Begin a record that is no sample. */
static uint8_t *
begin_special(struct batch *b, uint32_t id, unsigned what, size_t room)
{
	uint8_t *start = buf_reserve(&b->out, RECORD_MAX + room), *p;

	if (start == NULL)
		return NULL;
	p = start + 1;
	*start = TAG(put_id(b, id, &p), TIME_NONE, what);
	b->out.len += (size_t)(p - start);
	b->n++;
	return p;
}

void
batch_add_metric(struct batch *b, uint32_t id, uint8_t type,
    const char *name, size_t name_len)
{
	uint8_t *p = begin_special(b, id, SPECIAL_METRIC, name_len);
	uint8_t *start = p;

	if (p == NULL)
		return;
	*p++ = type;
	p = put_varint(p, name_len);
	memcpy(p, name, name_len);
	b->out.len += (size_t)(p - start) + name_len;
}

void
batch_add_type(struct batch *b, uint32_t id, uint8_t type)
{
	uint8_t *p = begin_special(b, id, SPECIAL_TYPE, 1);

	if (p == NULL)
		return;
	*p = type;
	b->out.len++;
}

void
batch_add_clock(struct batch *b, int64_t clock_ns)
{
	uint8_t *p = begin_special(b, b->id, SPECIAL_CLOCK, 8);

	if (p == NULL)
		return;
	put_u64(p, (uint64_t)clock_ns);
	b->out.len += 8;
}

/* CRC of a batch: its log and place, then all of it but magic and CRC. */
static uint32_t
batch_crc(const uint8_t *batch, size_t payload_len,
    const struct log_key *key, uint64_t offset)
{
	uint8_t place[24];
	uint32_t crc;

	put_u64(place, key->epoch);
	put_u64(place + 8, key->nonce);
	put_u64(place + 16, offset);
	crc = checksum(place, sizeof(place));
	crc = checksum_add(crc, batch + 4, 8);
	return checksum_add(crc, batch + BATCH_HEAD_LEN, payload_len);
}

int
batch_end(struct batch *b, const struct log_key *key, uint64_t offset,
    struct ntdb_error *err)
{
	size_t payload_len = b->out.len - BATCH_HEAD_LEN;
	uint8_t *p = b->out.data;

	if (!buf_ok(&b->out))
		return err_nomem(err);
	if (payload_len > BATCH_PAYLOAD_MAX)
		return err_set(err, NTDB_EBUG, "batch is too long");
	put_u32(p, BATCH_MAGIC);
	put_u32(p + 4, (uint32_t)payload_len);
	put_u32(p + 8, b->n);
	put_u32(p + 12, batch_crc(p, payload_len, key, offset));
	return 0;
}

size_t
batch_check(const uint8_t *p, size_t n, const struct log_key *key,
    uint64_t offset, size_t *more)
{
	size_t payload_len;

	if (more != NULL)
		*more = 0;
	if (n >= 4 && get_u32(p) != BATCH_MAGIC)
		return 0;
	if (n < BATCH_HEAD_LEN) {
		if (more != NULL)
			*more = BATCH_HEAD_LEN;
		return 0;
	}
	payload_len = get_u32(p + 4);
	if (payload_len < BASE_TIME_LEN || payload_len > BATCH_PAYLOAD_MAX)
		return 0;
	if (n < BATCH_HEAD_LEN + payload_len) {
		if (more != NULL)
			*more = BATCH_HEAD_LEN + payload_len;
		return 0;
	}
	if (batch_crc(p, payload_len, key, offset) != get_u32(p + 12))
		return 0;
	return BATCH_HEAD_LEN + payload_len;
}

bool
batch_mend(uint8_t *p, size_t n, const struct log_key *key, uint64_t offset)
{
	const size_t place_len = 24, head_len = 8;
	int64_t bit;
	size_t at;

	if (n < BATCH_HEAD_LEN + BASE_TIME_LEN ||
	    n > BATCH_HEAD_LEN + BATCH_PAYLOAD_MAX)
		return false;
	/* What is known: where it ends, and its magic. */
	put_u32(p, BATCH_MAGIC);
	put_u32(p + 4, (uint32_t)(n - BATCH_HEAD_LEN));
	bit = checksum_wrong_bit(batch_crc(p, n - BATCH_HEAD_LEN, key, offset),
	    get_u32(p + 12), place_len + head_len + n - BATCH_HEAD_LEN);
	if (bit < 0)
		return batch_check(p, n, key, offset, NULL) == n;
	at = (size_t)bit / 8;
	if (at < place_len)
		return false;
	at -= place_len;
	if (at >= head_len + n - BATCH_HEAD_LEN)
		at = 12 + (at - (head_len + n - BATCH_HEAD_LEN));
	else
		at = at < head_len ? 4 + at : BATCH_HEAD_LEN + (at - head_len);
	p[at] ^= (uint8_t)(1u << (bit % 8));
	return batch_check(p, n, key, offset, NULL) == n;
}

void
batch_read(struct batch_reader *r, const uint8_t *batch)
{
	r->left = get_u32(batch + 8);
	r->p = batch + BATCH_HEAD_LEN + BASE_TIME_LEN;
	r->end = batch + BATCH_HEAD_LEN + get_u32(batch + 4);
	r->t = as_i64(get_u64(batch + BATCH_HEAD_LEN));
	r->id = 0;
	r->step = 0;
}

/* Short varints are the rule: one or two bytes are taken without a loop. */
static inline const uint8_t *
next_varint(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	if (p < end && p[0] < 0x80) {
		*v = p[0];
		return p + 1;
	}
	if (end - p >= 2 && p[1] < 0x80) {
		*v = (p[0] & 0x7fu) | (uint64_t)p[1] << 7;
		return p + 2;
	}
	return get_varint(p, end, v);
}

static const uint8_t *
read_id(struct batch_reader *r, unsigned tag, const uint8_t *p)
{
	uint64_t v;

	switch (tag & 3) {
	case ID_SAME:
		return p;
	case ID_NEXT:
		r->id++;
		return r->id != 0 ? p : NULL;
	case ID_U16:
		if (r->end - p < 2)
			return NULL;
		r->id = get_u16(p);
		return p + 2;
	default:
		p = get_varint(p, r->end, &v);
		if (p == NULL || v > UINT32_MAX)
			return NULL;
		r->id = (uint32_t)v;
		return p;
	}
}

static const uint8_t *
read_time(struct batch_reader *r, unsigned time, const uint8_t *p)
{
	static const int64_t unit[] = { 1, 1000, 1000000, 1000000000 };
	uint64_t v;
	int64_t step;

	if (time == TIME_SAME)
		return p;
	if (time != TIME_STEP) {
		if ((p = next_varint(p, r->end, &v)) == NULL)
			return NULL;
		step = unzigzag(v);
		if (__builtin_mul_overflow(step, unit[time - TIME_NS], &step))
			return NULL;
		r->step = step;
	}
	r->t = as_i64((uint64_t)r->t + (uint64_t)r->step);
	return p;
}

static const uint8_t *
read_value(struct batch_reader *r, unsigned form, const uint8_t *p,
    struct record *rec)
{
	uint64_t v;

	rec->is_int = form == VAL_INT || form == VAL_I32;
	rec->scale = 0;
	switch (form) {
	case VAL_F64:
		if (r->end - p < 8)
			return NULL;
		rec->scale = DEC_RAW;
		rec->m = as_i64(get_u64(p));
		return p + 8;
	case VAL_I32:
		if (r->end - p < 4)
			return NULL;
		rec->m = (int32_t)get_u32(p);
		return p + 4;
	case VAL_DEC:
		if (p == r->end || *p > DEC_SCALE_MAX)
			return NULL;
		rec->scale = *p++;
		break;
	case VAL_DEC1:
	case VAL_DEC2:
	case VAL_DEC3:
		rec->scale = (uint8_t)(form - VAL_DEC0);
		break;
	default:
		break;
	}
	if ((p = next_varint(p, r->end, &v)) == NULL)
		return NULL;
	rec->m = unzigzag(v);
	if (!rec->is_int && (rec->m > DEC_M_MAX || rec->m < -DEC_M_MAX))
		return NULL;
	return p;
}

static bool
type_ok(unsigned type)
{
	return type >= NTDB_INT32 && type <= NTDB_FLOAT64;
}

static const uint8_t *
read_special(struct batch_reader *r, unsigned what, const uint8_t *p,
    struct record *rec)
{
	uint64_t len;

	if (what == SPECIAL_CLOCK) {
		rec->kind = REC_CLOCK;
		if (r->end - p < 8)
			return NULL;
		rec->t = as_i64(get_u64(p));
		return p + 8;
	}
	if (what > SPECIAL_CLOCK || p == r->end || !type_ok(*p) ||
	    r->id == 0)
		return NULL;
	rec->type = *p++;
	if (what == SPECIAL_TYPE) {
		rec->kind = REC_TYPE;
		return p;
	}
	rec->kind = REC_METRIC;
	if ((p = get_varint(p, r->end, &len)) == NULL || len == 0 ||
	    len > METRIC_NAME_MAX || len > (uint64_t)(r->end - p))
		return NULL;
	rec->name = (const char *)p;
	rec->name_len = (uint32_t)len;
	return p + len;
}

int
batch_next(struct batch_reader *r, struct record *rec)
{
	const uint8_t *p = r->p;
	unsigned tag, time;

	if (r->left == 0)
		return p == r->end ? NTDB_END : NTDB_ECORRUPT;
	if (p == r->end)
		return NTDB_ECORRUPT;
	r->left--;
	tag = *p++;
	time = tag >> 2 & 7;
	if ((p = read_id(r, tag, p)) == NULL)
		return NTDB_ECORRUPT;
	rec->id = r->id;
	if (time == TIME_NONE) {
		p = read_special(r, tag >> 5, p, rec);
	} else {
		rec->kind = REC_SAMPLE;
		if (time == 6 || r->id == 0 ||
		    (p = read_time(r, time, p)) == NULL)
			return NTDB_ECORRUPT;
		rec->t = r->t;
		p = read_value(r, tag >> 5, p, rec);
	}
	if (p == NULL)
		return NTDB_ECORRUPT;
	r->p = p;
	return 0;
}
