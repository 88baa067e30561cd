#include <string.h>

#include "column.h"
#include "number.h"

/* The greatest magnitudes that may be multiplied by 10^0 ... 10^15. */
#define POWER_MAX 15

static const int64_t most_times[POWER_MAX + 1] = {
	9007199254740992, 900719925474099, 90071992547409, 9007199254740,
	900719925474, 90071992547, 9007199254, 900719925, 90071992, 9007199,
	900719, 90071, 9007, 900, 90, 9
};

static inline bool
within(int64_t m, int64_t most)
{
	return m <= most && m >= -most;
}

/* Whether a decimal can be brought to a scale. */
static inline bool
reaches(int64_t m, uint8_t scale, uint8_t common)
{
	if (scale > common)
		return false;
	return m == 0 || (common - scale <= POWER_MAX &&
	    within(m, most_times[common - scale]));
}

/* The greatest scale that a decimal can be brought to. */
static uint8_t
reach(int64_t m, uint8_t scale)
{
	uint8_t k = scale;

	if (m == 0)
		return DEC_SCALE_MAX;
	while (k < DEC_SCALE_MAX && reaches(m, scale, (uint8_t)(k + 1)))
		k++;
	return k;
}

/* The scale within reach of most: ends of reaches, then a running count. */
static uint32_t
most_reached(const int64_t *m, const uint8_t *scale, uint32_t n,
    uint8_t *common)
{
	uint32_t begin[DEC_SCALE_MAX + 1] = { 0 };
	uint32_t end[DEC_SCALE_MAX + 1] = { 0 };
	uint32_t i, count = 0, best = 0;
	uint8_t k;

	for (i = 0; i < n; i++) {
		if (scale[i] > DEC_SCALE_MAX || !within(m[i], DEC_M_MAX))
			continue;
		begin[scale[i]]++;
		end[reach(m[i], scale[i])]++;
	}
	for (k = 0; k <= DEC_SCALE_MAX; k++) {
		count += begin[k];
		if (count > best) {
			best = count;
			*common = k;
		}
		count -= end[k];
	}
	return best;
}

uint32_t
column_scale_fit(const int64_t *m, const uint8_t *scale, uint32_t n,
    uint8_t *common)
{
	uint8_t least = scale[0], most = scale[0];
	int64_t min = m[0], max = m[0];
	uint32_t i;

	for (i = 1; i < n; i++) {
		least = scale[i] < least ? scale[i] : least;
		most = scale[i] > most ? scale[i] : most;
		min = m[i] < min ? m[i] : min;
		max = m[i] > max ? m[i] : max;
	}
	/* Nearly always the finest scale is within reach of them all. */
	if (most <= DEC_SCALE_MAX && reaches(min, least, most) &&
	    reaches(max, least, most)) {
		*common = most;
		return n;
	}
	return most_reached(m, scale, n, common);
}

uint32_t
column_scale_to(const int64_t *m, const uint8_t *scale, uint32_t n,
    uint8_t common, int64_t *v, uint32_t *except)
{
	int64_t times[POWER_MAX + 1], last = 0;
	uint32_t i, n_except = 0;

	for (times[0] = 1, i = 1; i <= POWER_MAX; i++)
		times[i] = times[i - 1] * 10;
	/* The first ones that do not fit take the first one that does. */
	for (i = 0; i < n && !reaches(m[i], scale[i], common); i++)
		;
	if (i < n && m[i] != 0)
		last = m[i] * times[common - scale[i]];
	for (i = 0; i < n; i++) {
		if (scale[i] == common && within(m[i], DEC_M_MAX))
			last = m[i];
		else if (reaches(m[i], scale[i], common))
			last = m[i] == 0 ? 0 :
			    m[i] * times[common - scale[i]];
		else
			except[n_except++] = i;
		v[i] = last;
	}
	return n_except;
}
