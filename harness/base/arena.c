#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)16 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

struct ld_arena {
    struct block *first;
    size_t used;
    size_t maximum;
};

struct ld_arena *ld_arena_new(size_t maximum)
{
    struct ld_arena *arena = calloc(1, sizeof *arena);
    if (arena)
        arena->maximum = maximum;
    return arena;
}

void ld_arena_free(struct ld_arena *arena)
{
    if (!arena)
        return;
    for (struct block *block = arena->first; block;) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *ld_arena_take(struct ld_arena *arena, size_t size)
{
    if (size > arena->maximum)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > arena->maximum - arena->used)
        return NULL;
    struct block *block = arena->first;
    if (!block || size > block->size - block->used) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = calloc(1, sizeof *block + room);
        if (!block)
            return NULL;
        block->size = room;
        block->next = arena->first;
        arena->first = block;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    arena->used += size;
    return memory;
}

void *ld_arena_array(struct ld_arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return ld_arena_take(arena, count * size);
}

char *ld_arena_copy(struct ld_arena *arena, const char *text, size_t length)
{
    if (length == SIZE_MAX)
        return NULL;
    char *copy = ld_arena_take(arena, length + 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *ld_arena_text(struct ld_arena *arena, const char *text)
{
    return ld_arena_copy(arena, text, strlen(text));
}

char *ld_arena_printf(struct ld_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = n < 0 ? NULL : ld_arena_take(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t ld_arena_used(const struct ld_arena *arena)
{
    return arena->used;
}
