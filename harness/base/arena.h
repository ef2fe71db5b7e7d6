/* An arena: many small allocations that live and die together, with a mandatory maximum.
 *
 * Parsed documents, profiles, scenarios and plans each own one; nothing taken from an arena is freed alone.
 * Pointers stay valid until ld_arena_free. Memory is zeroed. */
#ifndef LD_BASE_ARENA_H
#define LD_BASE_ARENA_H

#include <stddef.h>

struct ld_arena;

/* NULL when out of memory. `maximum`: bytes that may be taken in all. */
struct ld_arena *ld_arena_new(size_t maximum);
void ld_arena_free(struct ld_arena *arena); /* NULL is allowed */

/* Zeroed and suitably aligned for any type; NULL when the maximum or the memory is exhausted. */
void *ld_arena_take(struct ld_arena *arena, size_t size);
/* `count` elements of `size`; checks the multiplication. */
void *ld_arena_array(struct ld_arena *arena, size_t count, size_t size);
char *ld_arena_copy(struct ld_arena *arena, const char *text, size_t length); /* NUL-terminated */
char *ld_arena_text(struct ld_arena *arena, const char *text);
char *ld_arena_printf(struct ld_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t ld_arena_used(const struct ld_arena *arena);

#endif
