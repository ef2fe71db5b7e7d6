/* The table of words and their tokens, both ways. */
#include "blind/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"

int ld_blind_new(struct ld_blind **ret_blind, uint64_t seed, const char *const *own, size_t own_count)
{
    if (own_count > LD_BLIND_OWN_MAX)
        return LD_ELIMIT;
    struct ld_blind *blind = calloc(1, sizeof *blind);
    if (!blind || !(blind->arena = ld_arena_new(LD_BLIND_MEMORY)) ||
        !(blind->own = ld_arena_array(blind->arena, own_count + 1, sizeof *blind->own))) {
        ld_blind_free(blind);
        return LD_ENOMEM;
    }
    ld_buffer_init(&blind->body, LD_BLIND_BODY_MAX);
    blind->seed = ld_derive(seed, "blind", 0);
    for (size_t i = 0; i < own_count; i++)
        if (!(blind->own[blind->own_count++] = ld_arena_text(blind->arena, own[i]))) {
            ld_blind_free(blind);
            return LD_ENOMEM;
        }
    for (size_t i = 0; i < LD_BLIND_INSTANCES_MAX; i++)
        blind->lines[i].printed = true;
    *ret_blind = blind;
    return 0;
}

void ld_blind_free(struct ld_blind *blind)
{
    if (!blind)
        return;
    ld_profile_done(&blind->profile);
    ld_buffer_done(&blind->body);
    free(blind->by_text.places);
    free(blind->by_token.places);
    ld_arena_free(blind->arena);
    free(blind);
}

/* FNV-1a, mixed by ld_derive. */
static uint64_t hash_word(const struct ld_blind *blind, enum ld_blind_class class, struct ld_span word)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (const char *at = word.at; at < word.end; at++)
        hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
    return ld_derive(blind->seed + class, NULL, hash);
}

static char letter_of(enum ld_blind_class class, struct ld_span word)
{
    if (class == LD_BLIND_PATH)
        return 'p';
    return word.at < word.end && *word.at >= 'A' && *word.at <= 'Z' ? 'N' : 'n';
}

static struct ld_blind_word **place_of_text(const struct ld_blind *blind, const struct ld_blind_table *table,
                                            enum ld_blind_class class, struct ld_span word)
{
    size_t at = (size_t)hash_word(blind, class, word) & (table->room - 1);
    for (struct ld_blind_word *found; (found = table->places[at]); at = (at + 1) & (table->room - 1))
        if ((found->letter == 'p') == (class == LD_BLIND_PATH) && found->length == ld_span_length(word) &&
            memcmp(found->text, word.at, found->length) == 0)
            break;
    return &table->places[at];
}

static struct ld_blind_word **place_of_token(const struct ld_blind_table *table, char letter, uint32_t number)
{
    size_t at = (size_t)ld_derive((uint64_t)letter, NULL, number) & (table->room - 1);
    for (struct ld_blind_word *found; (found = table->places[at]); at = (at + 1) & (table->room - 1))
        if (found->letter == letter && found->number == number)
            break;
    return &table->places[at];
}

/* Both tables hold the same words and grow together. */
static int grow(struct ld_blind *blind)
{
    size_t room = blind->by_text.room ? blind->by_text.room * 2 : 256;
    if (room / 2 > LD_BLIND_WORDS_MAX)
        return LD_ELIMIT;
    struct ld_blind_table texts = {calloc(room, sizeof *texts.places), room, blind->by_text.count};
    struct ld_blind_table tokens = {calloc(room, sizeof *tokens.places), room, blind->by_token.count};
    if (!texts.places || !tokens.places) {
        free(texts.places);
        free(tokens.places);
        return LD_ENOMEM;
    }
    for (size_t i = 0; i < blind->by_text.room; i++) {
        struct ld_blind_word *word = blind->by_text.places[i];
        if (!word)
            continue;
        enum ld_blind_class class = word->letter == 'p' ? LD_BLIND_PATH : LD_BLIND_NAME;
        *place_of_text(blind, &texts, class, (struct ld_span){word->text, word->text + word->length}) = word;
        *place_of_token(&tokens, word->letter, word->number) = word;
    }
    free(blind->by_text.places);
    free(blind->by_token.places);
    blind->by_text = texts;
    blind->by_token = tokens;
    return 0;
}

static int make_word(struct ld_blind *blind, enum ld_blind_class class, struct ld_span text,
                     struct ld_blind_word **ret_word)
{
    if (blind->by_text.count * 2 >= blind->by_text.room) {
        int code = grow(blind);
        if (code)
            return code;
    }
    struct ld_blind_word *word = ld_arena_take(blind->arena, sizeof *word);
    if (!word || !(word->text = ld_arena_copy(blind->arena, text.at, ld_span_length(text))))
        return LD_ELIMIT;
    word->length = (uint32_t)ld_span_length(text);
    word->letter = letter_of(class, text);
    /* Two words on one number: the later one takes the next free of a sequence of its own. */
    uint64_t hash = hash_word(blind, class, text);
    struct ld_blind_word **token;
    do {
        word->number = (uint32_t)(hash >> 16);
        token = place_of_token(&blind->by_token, word->letter, word->number);
        hash = ld_derive(hash, NULL, 1);
    } while (*token);
    *token = word;
    *place_of_text(blind, &blind->by_text, class, text) = word;
    blind->by_text.count++;
    blind->by_token.count++;
    *ret_word = word;
    return 0;
}

int ld_blind_add_token(const struct ld_blind_word *word, struct ld_buffer *out)
{
    return ld_buffer_printf(out, "%c%08x", word->letter, word->number);
}

int ld_blind_token(struct ld_blind *blind, enum ld_blind_class class, struct ld_span text, struct ld_buffer *out)
{
    struct ld_blind_word *word =
        blind->by_text.room ? *place_of_text(blind, &blind->by_text, class, text) : NULL;
    int code = 0;
    if (ld_span_length(text) > UINT16_MAX)
        return LD_ELIMIT;
    if (!word)
        code = make_word(blind, class, text, &word);
    if (code)
        return code;
    word->shown = word->shown || blind->showing;
    return ld_blind_add_token(word, out);
}

const struct ld_blind_word *ld_blind_known(const struct ld_blind *blind, enum ld_blind_class class,
                                           struct ld_span text)
{
    const struct ld_blind_word *word =
        blind->by_text.room ? *place_of_text(blind, &blind->by_text, class, text) : NULL;
    return word && word->shown ? word : NULL;
}

/* ---- back */

/* The word whose token the text begins with. */
static const struct ld_blind_word *token_at(const struct ld_blind *blind, const char *text)
{
    uint32_t number = 0;
    if (!blind->by_token.room || (text[0] != 'p' && text[0] != 'n' && text[0] != 'N'))
        return NULL;
    for (int i = 1; i < LD_BLIND_TOKEN; i++) {
        int digit = ld_blind_hex(text[i]);
        if (digit < 0)
            return NULL;
        number = number << 4 | (uint32_t)digit;
    }
    return *place_of_token(&blind->by_token, text[0], number);
}

int ld_blind_back(const struct ld_blind *blind, const char *text, struct ld_buffer *out)
{
    int code = 0;
    while (*text && !code) {
        const struct ld_blind_word *word = token_at(blind, text);
        code = word ? ld_buffer_add(out, word->text, word->length) : ld_buffer_add(out, text, 1);
        text += word ? LD_BLIND_TOKEN : 1;
    }
    return code;
}
