/* Text that a user writes or reads: quantities with units, and the nearest name to a misspelled one.
 *
 * Parsers take the whole text or fail; they accept no sign, no exponent and no surrounding space, and each says in
 * `ret_expected` what would have been right ("a duration with its unit, such as 250ms"), a static text. */
#ifndef LD_BASE_TEXT_H
#define LD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* "250ms", "1.5s", "3m", "2h", "1h30m": ns us ms s m h d -> nanoseconds. LD_ESPEC, or LD_ELIMIT over 366 d. */
int ld_parse_duration(const char *text, int64_t *ret_ns, const char **ret_expected);
/* "512MiB", "64KB", "100B": B, KB MB GB (powers of 1000), KiB MiB GiB (powers of 1024) -> bytes. */
int ld_parse_size(const char *text, uint64_t *ret_bytes, const char **ret_expected);
/* "40/s", "90/m", "2.5/s", "10/h" -> events per second. */
int ld_parse_rate(const char *text, double *ret_per_second, const char **ret_expected);
/* "100KiB/s", "1MB/s": a size for each second -> bytes per second. */
int ld_parse_bandwidth(const char *text, uint64_t *ret_per_second, const char **ret_expected);
/* "99.2%" -> 0.992, 0 to 100 %. */
int ld_parse_percent(const char *text, double *ret_fraction, const char **ret_expected);
/* A decimal number such as 0.99 or 12; no exponent. */
int ld_parse_number(const char *text, double *ret_value, const char **ret_expected);
/* A whole number that fits int64_t, with an optional leading minus. */
int ld_parse_integer(const char *text, int64_t *ret_value, const char **ret_expected);

/* "250ms", "1.5s", "2m30s": the shortest exact form that ld_parse_duration reads back. Returns buffer. */
const char *ld_format_duration(int64_t ns, char *buffer, size_t size);
/* The same for people: three significant digits, "1.23s", "204ms". */
const char *ld_format_duration_short(int64_t ns, char *buffer, size_t size);
/* "512MiB", the largest power of 1024 that divides it. */
const char *ld_format_size(uint64_t bytes, char *buffer, size_t size);
/* The same for people: three significant digits, "97.7KiB", "12MiB", "900B". */
const char *ld_format_size_short(uint64_t bytes, char *buffer, size_t size);

/* `text` on one line and without anything that a terminal obeys: control characters become \n, \t, \x1b, and so do the
 * C1 controls of UTF-8, bytes that are no UTF-8, and what turns the direction of writing, \u202e. What does not fit is
 * cut off between two characters. Returns buffer; `size` at least 1. */
const char *ld_format_harmless(const char *text, char *buffer, size_t size);
/* The same for `length` bytes of several lines: ends of lines and tabs stay. LD_ELIMIT, LD_ENOMEM: what did not fit is
 * missing at the end. */
int ld_add_harmless_lines(struct ld_buffer *out, const char *text, size_t length);

/* The name nearest to `text` by optimal string alignment distance (Damerau-Levenshtein without crossing edits),
 * NULL when none is near enough (distance over a third of the longer length, rounded to the nearest, at least 1).
 * `names` ends with NULL. */
const char *ld_nearest(const char *text, const char *const *names);

#endif
