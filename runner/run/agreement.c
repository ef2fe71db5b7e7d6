#include "runner/run/agreement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "score/score.h"

#define MEMORY_AT_ONCE ((size_t)16 << 20) /* alerts of one observation */

struct said {
    size_t count, room;
    struct ld_alert *alerts; /* texts in the arena */
};

struct ld_agreement {
    struct ld_arena *arena; /* of the observation in hand; NULL: none yet */
    struct said said[LD_SIGHTS];
    uint64_t alerts;
    bool differs;
    char text[640];
};

static const char *const sight_names[LD_SIGHTS] = {[LD_SIGHT_BLIND] = "without names",
                                                   [LD_SIGHT_SIGHTED] = "with names"};

struct ld_agreement *ld_agreement_new(void)
{
    struct ld_agreement *agreement = calloc(1, sizeof *agreement);
    if (agreement)
        snprintf(agreement->text, sizeof agreement->text, LD_BLIND_AGREES "0 alerts");
    return agreement;
}

void ld_agreement_free(struct ld_agreement *agreement)
{
    if (!agreement)
        return;
    for (int sight = 0; sight < LD_SIGHTS; sight++)
        free(agreement->said[sight].alerts);
    ld_arena_free(agreement->arena);
    free(agreement);
}

/* The first difference is kept: what follows is often only its consequence. */
static void differ(struct ld_agreement *agreement, const char *what, const char *text, const char *and_text)
{
    if (agreement->differs)
        return;
    agreement->differs = true;
    snprintf(agreement->text, sizeof agreement->text, LD_BLIND_DIFFERS "%s: %s%s%s", what, text, *and_text ? ", " : "",
             and_text);
}

static bool make_room(struct said *said)
{
    if (said->count < said->room)
        return true;
    size_t room = said->room ? said->room * 2 : 16;
    struct ld_alert *grown = realloc(said->alerts, room * sizeof *grown);
    if (!grown)
        return false;
    said->alerts = grown;
    said->room = room;
    return true;
}

void ld_agreement_add(struct ld_agreement *agreement, enum ld_sight sight, const struct ld_alert *alert)
{
    struct said *said = &agreement->said[sight];
    struct ld_alert copy = *alert;
    if (agreement->differs)
        return;
    if (!agreement->arena)
        agreement->arena = ld_arena_new(MEMORY_AT_ONCE);
    if (!agreement->arena || !make_room(said) || !(copy.site = ld_arena_text(agreement->arena, alert->site)) ||
        !(copy.why = ld_arena_text(agreement->arena, alert->why)) ||
        !(copy.rule = ld_arena_text(agreement->arena, alert->rule)) ||
        !(copy.rule_version = ld_arena_text(agreement->arena, alert->rule_version))) {
        differ(agreement, sight_names[sight], "too many alerts at once to be compared", "");
        return;
    }
    said->alerts[said->count++] = copy;
}

void ld_agreement_broke(struct ld_agreement *agreement, enum ld_sight sight, const char *reason)
{
    differ(agreement, sight_names[sight], "it broke", reason);
}

static void compare_pair(struct ld_agreement *agreement, const struct ld_alert *blind, const struct ld_alert *sighted)
{
    char first[192], second[224];
    if (blind && sighted && ld_alert_same_claim(blind, sighted))
        return;
    if (!blind || !sighted) {
        ld_alert_describe(blind ? blind : sighted, first, sizeof first);
        differ(agreement, blind ? "only without names" : "only with names", first, "");
        return;
    }
    ld_alert_describe(blind, first, sizeof first);
    int length = snprintf(second, sizeof second, "with names ");
    ld_alert_describe(sighted, second + length, sizeof second - (size_t)length);
    differ(agreement, "without names", first, second);
    if (strcmp(first, second + length) == 0) /* what differs is in none of what a description holds */
        snprintf(agreement->text, sizeof agreement->text,
                 LD_BLIND_DIFFERS "%s: without names \"%.160s\", with names \"%.160s\"", first, blind->why,
                 sighted->why);
}

void ld_agreement_compare(struct ld_agreement *agreement)
{
    struct said *blind = &agreement->said[LD_SIGHT_BLIND], *sighted = &agreement->said[LD_SIGHT_SIGHTED];
    size_t most = blind->count > sighted->count ? blind->count : sighted->count;
    if (most == 0)
        return;
    for (size_t i = 0; i < most; i++) {
        if (i < blind->count && i < sighted->count)
            ld_alert_bring(&sighted->alerts[i], sighted->count - i, &blind->alerts[i]);
        compare_pair(agreement, i < blind->count ? &blind->alerts[i] : NULL,
                     i < sighted->count ? &sighted->alerts[i] : NULL);
    }
    agreement->alerts += most;
    blind->count = sighted->count = 0;
    ld_arena_free(agreement->arena);
    agreement->arena = NULL;
    if (!agreement->differs)
        snprintf(agreement->text, sizeof agreement->text, LD_BLIND_AGREES "%llu alert%s",
                 (unsigned long long)agreement->alerts, agreement->alerts == 1 ? "" : "s");
}

const char *ld_agreement_text(const struct ld_agreement *agreement)
{
    return agreement->text;
}
