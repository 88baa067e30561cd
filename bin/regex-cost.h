/*
 * Which regular expressions may be compiled for a stranger.
 */
#ifndef NTDB_BIN_REGEX_COST_H
#define NTDB_BIN_REGEX_COST_H

/*
 * NULL, or why an extended regular expression is refused: it would take too
 * much memory, because repetitions multiply it, or too much time, because it
 * refers back to what it has matched, which POSIX does not demand.
 */
const char *regex_unfit(const char *regex);

#endif
