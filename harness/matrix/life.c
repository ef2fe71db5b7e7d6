#include "matrix/life.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void sites_clear(struct ld_life_record *life)
{
    for (size_t i = 0; i < life->site_count; i++) {
        free(life->sites[i].site);
        ld_series_done(&life->sites[i].counts);
    }
    free(life->sites);
    life->sites = NULL;
    life->site_count = life->site_room = 0;
}

void ld_life_clear(struct ld_life_record *life)
{
    sites_clear(life);
    if (life->profiles_begun) {
        ld_series_done(&life->totals);
        ld_series_done(&life->connections);
    }
    for (int i = 0; i < LD_METRIC_COUNT; i++)
        if (life->metric_begun[i])
            ld_series_done(&life->metrics[i]);
    if (life->has_leaks)
        ld_site_counts_done(&life->leaks);
    for (size_t i = 0; i < life->claim_count; i++)
        free(life->claims[i].site);
    free(life->claims);
    *life = (struct ld_life_record){
        .instance = life->instance,
        .incarnation = life->incarnation,
        .spacing_ns = life->spacing_ns,
        .horizon_ns = life->horizon_ns,
        .blind_profiles = life->blind_profiles,
        .blind_sources = life->blind_sources,
        .blind_id = life->blind_id,
    };
}

/* ---- sites */

static int compare_site(const struct ld_site_series *series, const char *site, enum ld_wait wait)
{
    int order = strcmp(series->site, site);
    return order ? order : (int)series->wait - (int)wait;
}

static size_t place_of(const struct ld_life_record *life, const char *site, enum ld_wait wait)
{
    size_t low = 0, high = life->site_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_site(&life->sites[middle], site, wait) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct ld_site_series *ld_life_site(const struct ld_life_record *life, const char *site, enum ld_wait wait)
{
    size_t i = place_of(life, site, wait);
    return i < life->site_count && compare_site(&life->sites[i], site, wait) == 0 ? &life->sites[i] : NULL;
}

/* A site that was not there before had no goroutines in the profiles before: its series begins with those zeros. */
static int fill_zeros(const struct ld_life_record *life, struct ld_series *counts)
{
    for (size_t i = 0; i < life->totals.count; i++) {
        int code = ld_series_add(counts, life->totals.points[i].time_ns, 0);
        if (code)
            return code;
    }
    return 0;
}

static int make_room(struct ld_life_record *life)
{
    if (life->site_count < life->site_room)
        return 0;
    size_t room = life->site_room ? life->site_room * 2 : 16;
    struct ld_site_series *sites = realloc(life->sites, room * sizeof *sites);
    if (!sites)
        return LD_ENOMEM;
    life->sites = sites;
    life->site_room = room;
    return 0;
}

static int add_site(struct ld_life_record *life, const struct ld_matrix *matrix, const struct ld_site_count *item,
                    size_t place)
{
    struct ld_site_series series = {.wait = item->wait};
    int code = make_room(life);
    if (!code)
        code = ld_series_init(&series.counts, life->horizon_ns);
    if (code)
        return code;
    series.kind = ld_function_kind_of(item->site, ld_matrix_libraries(matrix), matrix->libraries.count);
    series.site = strdup(item->site);
    code = series.site ? fill_zeros(life, &series.counts) : LD_ENOMEM;
    if (code) {
        free(series.site);
        ld_series_done(&series.counts);
        return code;
    }
    memmove(&life->sites[place + 1], &life->sites[place], (life->site_count - place) * sizeof *life->sites);
    life->sites[place] = series;
    life->site_count++;
    return 0;
}

static int count_site(struct ld_life_record *life, const struct ld_matrix *matrix, const struct ld_site_count *item,
                      int64_t time_ns)
{
    if (!item->site[0] || item->count <= 0 || strlen(item->site) > LD_LIFE_SITE_MAX)
        return 0;
    size_t place = place_of(life, item->site, item->wait);
    if (place == life->site_count || compare_site(&life->sites[place], item->site, item->wait) != 0) {
        if (life->site_count == LD_LIFE_SITES_MAX)
            return 0;
        int code = add_site(life, matrix, item, place);
        if (code)
            return code;
    }
    life->sites[place].seen = true;
    return ld_series_add(&life->sites[place].counts, time_ns, (double)item->count);
}

static bool all_zero(const struct ld_series *series)
{
    for (size_t i = 0; i < series->count; i++)
        if (series->points[i].value != 0)
            return false;
    return true;
}

/* Sites that the profile does not show have none; those without any within the horizon are forgotten. */
static int finish_sites(struct ld_life_record *life, int64_t time_ns)
{
    size_t kept = 0;
    int first = 0;
    for (size_t i = 0; i < life->site_count; i++) {
        struct ld_site_series *series = &life->sites[i];
        int code = series->seen ? 0 : ld_series_add(&series->counts, time_ns, 0);
        if (code && !first)
            first = code;
        if (!series->seen && all_zero(&series->counts)) {
            free(series->site);
            ld_series_done(&series->counts);
            continue;
        }
        series->seen = false;
        life->sites[kept++] = *series;
    }
    life->site_count = kept;
    return first;
}

/* ---- profiles */

static bool serves_connection(const struct ld_sample *sample)
{
    /* The outermost frame, with or without runtime.goexit below it. */
    for (uint32_t i = sample->frame_count; i-- > 0 && i + 2 >= sample->frame_count;) {
        const char *function = sample->frames[i]->function;
        if (strcmp(function, "net/http.(*persistConn).readLoop") == 0 ||
            strcmp(function, "net/http.(*persistConn).writeLoop") == 0)
            return true;
    }
    return false;
}

static double connection_share(const struct ld_profile *profile)
{
    double connections = 0, all = 0;
    for (uint32_t i = 0; i < profile->sample_count; i++) {
        double count = (double)profile->samples[i].values[0];
        all += count;
        if (serves_connection(&profile->samples[i]))
            connections += count;
    }
    return all > 0 ? connections / all : 0;
}

static bool too_soon(const struct ld_life_record *life, const struct ld_series *series, int64_t time_ns)
{
    return series->count && time_ns - series->points[series->count - 1].time_ns < life->spacing_ns;
}

static int begin_profiles(struct ld_life_record *life)
{
    if (life->profiles_begun)
        return 0;
    int code = ld_series_init(&life->totals, life->horizon_ns);
    if (code)
        return code;
    code = ld_series_init(&life->connections, life->horizon_ns);
    if (code)
        ld_series_done(&life->totals);
    else
        life->profiles_begun = true;
    return code;
}

static int keep_profile(struct ld_life_record *life, const struct ld_matrix *matrix,
                        const struct ld_observation *observation, const struct ld_site_counts *counts)
{
    int code = 0;
    for (size_t i = 0; !code && i < counts->count; i++)
        code = count_site(life, matrix, &counts->items[i], observation->time_ns);
    if (!code)
        code = finish_sites(life, observation->time_ns);
    if (!code)
        code = ld_series_add(&life->totals, observation->time_ns, (double)observation->profile->total);
    if (!code)
        code = ld_series_add(&life->connections, observation->time_ns, connection_share(observation->profile));
    return code;
}

int ld_life_profile(struct ld_life_record *life, const struct ld_matrix *matrix,
                    const struct ld_observation *observation, bool *ret_kept)
{
    int code = begin_profiles(life);
    if (code)
        return code;
    *ret_kept = !too_soon(life, &life->totals, observation->time_ns);
    if (!*ret_kept)
        return 0;
    struct ld_site_counts counts;
    code = ld_site_counts_of(&counts, observation->profile);
    if (code)
        return code;
    code = keep_profile(life, matrix, observation, &counts);
    ld_site_counts_done(&counts);
    return code;
}

int ld_life_leaks(struct ld_life_record *life, const struct ld_profile *profile)
{
    struct ld_site_counts counts;
    int code = ld_site_counts_of(&counts, profile);
    if (code)
        return code;
    if (life->has_leaks)
        ld_site_counts_done(&life->leaks);
    life->leaks = counts;
    life->has_leaks = true;
    return 0;
}

/* ---- metrics */

int ld_life_metrics(struct ld_life_record *life, const struct ld_observation *observation, bool *ret_kept)
{
    *ret_kept = false;
    for (size_t i = 0; i < observation->point_count; i++) {
        const struct ld_point *point = &observation->points[i];
        if ((unsigned)point->metric >= LD_METRIC_COUNT || !isfinite(point->value))
            continue;
        struct ld_series *series = &life->metrics[point->metric];
        int code = life->metric_begun[point->metric] ? 0 : ld_series_init(series, life->horizon_ns);
        if (code)
            return code;
        life->metric_begun[point->metric] = true;
        if (too_soon(life, series, observation->time_ns))
            continue;
        code = ld_series_add(series, observation->time_ns, point->value);
        if (code)
            return code;
        life->metrics_ns = observation->time_ns;
        *ret_kept = true;
    }
    return 0;
}
