/* Lists of texts as JSON, so that a person's json_each reads them. */
#include <jansson.h>
#include <stdlib.h>

#include "store/internal.h"

int ld_store_texts_write(struct ld_buffer *out, const char *const *texts, size_t count)
{
    json_t *list = json_array();
    if (!list)
        return LD_ENOMEM;
    int code = 0;
    for (size_t i = 0; i < count && code == 0; i++)
        if (json_array_append_new(list, json_string(texts[i])) != 0)
            code = LD_ESYNTAX; /* no UTF-8: truth is JSON, so it cannot come from a target */
    char *text = code == 0 ? json_dumps(list, JSON_COMPACT) : NULL;
    if (code == 0)
        code = text ? ld_buffer_add_text(out, text) : LD_ENOMEM;
    free(text);
    json_decref(list);
    return code;
}

int ld_store_texts_read(const char *json, size_t maximum, const char ***ret_texts, size_t *ret_count,
                        struct ld_arena *arena)
{
    json_t *list = json_loads(json, 0, NULL);
    size_t count = json_array_size(list); /* 0 when it is no list */
    int code = json_is_array(list) && count <= maximum ? 0 : LD_ESYNTAX;
    const char **texts = code == 0 ? ld_arena_array(arena, count + 1, sizeof *texts) : NULL;
    if (code == 0 && !texts)
        code = LD_ENOMEM;
    for (size_t i = 0; i < count && code == 0; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        texts[i] = text ? ld_arena_text(arena, text) : NULL;
        if (!texts[i])
            code = text ? LD_ENOMEM : LD_ESYNTAX;
    }
    json_decref(list);
    if (code == 0) {
        *ret_texts = texts;
        *ret_count = count;
    }
    return code;
}
