/* Seeded random numbers and stateless decisions.
 *
 * ld_derive makes independent 64-bit values out of a seed and names, so that a decision depends only on what it is
 * about (this toxic, this connection) and never on how many decisions were taken before: adding a fault changes no
 * other decision. The streams are xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018/2021), identical on
 * every machine. None of this is for secrets. */
#ifndef LD_BASE_RANDOM_H
#define LD_BASE_RANDOM_H

#include <stdint.h>

struct ld_random {
    uint64_t state[4];
};

/* A value that depends on all three; `name` may be NULL. FNV-1a over the name, mixed by splitmix64. */
uint64_t ld_derive(uint64_t seed, const char *name, uint64_t index);

void ld_random_init(struct ld_random *random, uint64_t seed);
uint64_t ld_random_next(struct ld_random *random);
/* Uniform in [0, bound) without modulo bias (Lemire); bound > 0. */
uint64_t ld_random_below(struct ld_random *random, uint64_t bound);
/* Uniform in [0, 1) with 53 bits. */
double ld_random_unit(struct ld_random *random);
/* A 64-bit value as a number in [0, 1): for stateless decisions, ld_unit(ld_derive(...)) < probability. */
double ld_unit(uint64_t value);
/* Fisher-Yates over indices 0..count-1 already in `order`. */
void ld_random_shuffle(struct ld_random *random, uint32_t *order, uint32_t count);

#endif
