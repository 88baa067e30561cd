/*
 * Making checksums right, so that what is behind them is reached.
 */
#ifndef MEND_H
#define MEND_H

#include <stddef.h>
#include <stdint.h>

/* Those of a log: of its header, and of each batch whose length fits. */
void mend_log(uint8_t *p, size_t n);

/*
 * Those of a data file, of this kind and start: of its header, of its list of
 * last samples, of page headers and directories.
 */
void mend_data(uint8_t *p, size_t n, uint32_t kind, int32_t start);

#endif
