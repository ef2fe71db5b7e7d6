/* What Alertmanager posts, and the book that is kept of it: which claims come of which alerts, over lives and
 * blindness. */
#include "groups.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "runner/detect/alert_book.h"

#define CORPUS SOURCE_FOLDER "/tests/fuzz/corpus/webhook/"
#define WALL ((int64_t)1796000000 * LD_SECOND) /* when the first life begins */

/* ---- reading */

static void keep(void *context, const struct ld_webhook_alert *alert)
{
    struct ld_webhook_alert *kept = context;
    *kept = *alert;
}

static void read_file(const char *name, struct ld_webhook_alert *ret_alert)
{
    struct ld_buffer bytes;
    struct ld_error error;
    ld_buffer_init(&bytes, 1 << 20);
    assert_int_equal(ld_file_read(name, &bytes, &error), 0);
    if (ld_webhook_read(bytes.bytes, bytes.length, keep, ret_alert, &error) != 0)
        fail_msg("%s: %s", name, error.message);
    ld_buffer_done(&bytes);
}

static void real_posts_are_read(void **state)
{
    (void)state;
    struct ld_webhook_alert alert = {0};
    read_file(CORPUS "firing-with-labels.json", &alert);
    assert_true(alert.firing);
    assert_string_equal(alert.name, "UpIsOne");
    assert_string_equal(alert.instance, "0");
    assert_string_equal(alert.site, "queue.consume");
    assert_string_equal(alert.why, "grows by 1 on \"0\"");
    assert_int_equal(alert.cause, LD_CAUSE_CHAN_RECEIVE);
    assert_int_equal(alert.severity, LD_SEVERITY_RED);
    assert_true(alert.amount == 1);
    assert_true(alert.fingerprint == 0xae5b806fbc4868ed);
    assert_int_equal(alert.starts_ns, (int64_t)1795966749 * LD_SECOND + 840 * LD_MS);
    read_file(CORPUS "resolved.json", &alert);
    assert_false(alert.firing);
    assert_string_equal(alert.instance, "");
    assert_int_equal(alert.cause, LD_CAUSE_ANY);
}

#define POST(fields) "{\"version\":\"4\",\"alerts\":[{" fields "}]}"
#define WHEN "\"startsAt\":\"2026-11-29T15:00:00Z\",\"fingerprint\":\"00000000000000aa\""

static const struct {
    const char *post;
    int code;
    const char *message;
} bad_posts[] = {
    {"", LD_ESYNTAX, NULL},
    {"{", LD_ESYNTAX, NULL},
    {"[]", LD_ESPEC, "no post of Alertmanager's webhook format 4"},
    {"{\"version\":\"3\",\"alerts\":[]}", LD_ESPEC, "no post of Alertmanager's webhook format 4"},
    {"{\"version\":\"4\",\"alerts\":{}}", LD_ESPEC, "alerts are no list"},
    {"{\"version\":\"4\",\"version\":\"4\",\"alerts\":[]}", LD_ESYNTAX, NULL},
    {POST("\"status\":\"maybe\""), LD_ESPEC, "alert 0: a status that is neither firing nor resolved"},
    {POST("\"status\":\"firing\",\"labels\":{}," WHEN), LD_ESPEC, "alert 0: no label alertname"},
    {POST("\"status\":\"firing\",\"labels\":{\"alertname\":\"A\"}"), LD_ESPEC,
     "alert 0: a fingerprint that is no 16 digits"},
    {POST("\"status\":\"firing\",\"labels\":{\"alertname\":\"A\"},\"fingerprint\":\"00000000000000aa\","
          "\"startsAt\":\"yesterday\""),
     LD_ESPEC, "alert 0: startsAt is no time"},
};

static void bad_posts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_posts / sizeof *bad_posts; i++) {
        struct ld_error error = {0};
        struct ld_webhook_alert alert = {0};
        int code = ld_webhook_read(bad_posts[i].post, strlen(bad_posts[i].post), keep, &alert, &error);
        if (code != bad_posts[i].code || (bad_posts[i].message && strcmp(error.message, bad_posts[i].message) != 0) ||
            alert.name[0])
            fail_msg("%s: %d, %s", bad_posts[i].post, code, error.message);
    }
}

static void labels_are_understood(void **state)
{
    (void)state;
    struct ld_webhook_alert alert = {0};
    struct ld_error error;
    static const char post[] = POST("\"status\":\"firing\",\"labels\":{\"alertname\":\"A\",\"job\":\"service\","
                                    "\"severity\":\"warning\",\"leakdrill\":\"ignore\"},\"annotations\":{\"cause\":"
                                    "\"no-such\",\"value\":\"-3\"},\"startsAt\":\"2026-11-29T17:00:00.25+02:00\","
                                    "\"fingerprint\":\"00000000000000aa\"");
    assert_int_equal(ld_webhook_read(post, strlen(post), keep, &alert, &error), 0);
    assert_int_equal(alert.cause, LD_CAUSE_ANY);
    assert_int_equal(alert.severity, LD_SEVERITY_AMBER);
    assert_string_equal(alert.mark, "ignore");
    assert_true(alert.amount == 0);
    assert_string_equal(alert.why, "job=service severity=warning leakdrill=ignore");
    assert_int_equal(alert.starts_ns, (int64_t)1795964400 * LD_SECOND + 250 * LD_MS);
}

/* ---- the book */

struct scene {
    struct ld_alert_book *book;
    struct ld_buffer heard;
    uint64_t sequence;
};

static void hear(void *context, const struct ld_alert *alert)
{
    struct scene *scene = context;
    assert_int_equal(ld_buffer_printf(&scene->heard, "%s %llu at %llu (%u.%u) %s\n",
                                      ld_alert_action_name(alert->action), (unsigned long long)alert->id,
                                      (unsigned long long)alert->evidence, alert->instance, alert->incarnation,
                                      alert->rule),
                     0);
    assert_int_equal(alert->evidence_time_ns, (int64_t)alert->evidence * LD_SECOND);
}

static void hear_note(void *context, const char *text)
{
    assert_int_equal(ld_buffer_printf(&((struct scene *)context)->heard, "note: %s\n", text), 0);
}

static void open_scene(struct scene *scene, uint32_t instances)
{
    static const char *const names[] = {"Grows", "Many"};
    *scene = (struct scene){0};
    const struct ld_alert_book_setting setting = {.instances = instances,
                                                  .names = names,
                                                  .name_count = 2,
                                                  .selector_count = 2,
                                                  .version = "rules-1",
                                                  .grace_ns = 3 * LD_SECOND,
                                                  .sink = {hear, scene},
                                                  .note = hear_note,
                                                  .context = scene};
    scene->book = ld_alert_book_new(&setting);
    assert_non_null(scene->book);
    ld_buffer_init(&scene->heard, 1 << 20);
}

static void close_scene(struct scene *scene, const char *expected)
{
    assert_string_equal(ld_buffer_text(&scene->heard), expected);
    ld_alert_book_free(scene->book);
    ld_buffer_done(&scene->heard);
}

/* One observation a second. */
static void observe(struct scene *scene, uint32_t instance, uint32_t incarnation, bool ends)
{
    scene->sequence++;
    ld_alert_book_observe(scene->book,
                          &(struct ld_observation){.sequence = scene->sequence,
                                                   .time_ns = (int64_t)scene->sequence * LD_SECOND,
                                                   .instance = instance,
                                                   .incarnation = incarnation,
                                                   .kind = ends ? LD_OBSERVATION_LIFE : LD_OBSERVATION_TICK,
                                                   .life = LD_LIFE_ENDED},
                          WALL + (int64_t)scene->sequence * LD_SECOND);
}

/* It began to fire at this second. */
static void post(struct scene *scene, const char *name, const char *instance, bool firing, int64_t second)
{
    struct ld_webhook_alert alert = {.firing = firing,
                                     .fingerprint = (uint64_t)name[0] << 8 | (unsigned char)instance[0],
                                     .starts_ns = WALL + second * LD_SECOND};
    snprintf(alert.name, sizeof alert.name, "%s", name);
    snprintf(alert.instance, sizeof alert.instance, "%s", instance);
    snprintf(alert.mark, sizeof alert.mark, "%s", strchr("Uu", name[0]) ? "unseen" : name[0] == 'I' ? "ignore" : "");
    assert_int_equal(ld_alert_book_post(scene->book, &alert), 0);
}

static void an_alert_opens_and_closes(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, 1);
    post(&scene, "Many", "0", true, 0); /* before anything was observed: claimed with the first observation */
    observe(&scene, 0, 1, false);
    observe(&scene, 0, 1, false);
    post(&scene, "Grows", "", true, 2); /* the only instance */
    post(&scene, "Grows", "", true, 2); /* said again */
    post(&scene, "Ignored", "0", true, 2);
    post(&scene, "Strange", "0", true, 2);
    post(&scene, "Strange", "0", true, 2);
    observe(&scene, 0, 1, false);
    post(&scene, "Grows", "", false, 2);
    post(&scene, "Grows", "", true, 3);
    close_scene(&scene, "open 1 at 1 (0.1) Many\n"
                        "open 2 at 2 (0.1) Grows\n"
                        "note: an alert that is none of the rule file's is no claim: Strange, instance \"0\"\n"
                        "close 2 at 3 (0.1) Grows\n"
                        "open 3 at 3 (0.1) Grows\n");
}

static void a_life_ends_its_claims(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, 1);
    observe(&scene, 0, 1, false);
    post(&scene, "Grows", "0", true, 1);
    observe(&scene, 0, 1, true);
    observe(&scene, 0, 2, false); /* at second 3 */
    post(&scene, "Grows", "0", true, 1);  /* still about the life before */
    post(&scene, "Grows", "0", false, 1); /* of a claim that is closed */
    observe(&scene, 0, 2, false);
    post(&scene, "Grows", "0", true, 4); /* of this life */
    close_scene(&scene, "open 1 at 1 (0.1) Grows\n"
                        "close 1 at 2 (0.1) Grows\n"
                        "open 2 at 4 (0.2) Grows\n");
}

static void what_fires_on_is_claimed_of_the_next_life(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, 1);
    observe(&scene, 0, 1, false);
    post(&scene, "Grows", "0", true, 1);
    for (int i = 0; i < 5; i++)
        observe(&scene, 0, 2, false); /* its end was not seen: from second 2 on */
    close_scene(&scene, "open 1 at 1 (0.1) Grows\n"
                        "close 1 at 1 (0.1) Grows\n"
                        "open 2 at 5 (0.2) Grows\n");
}

static void what_is_not_scraped_is_unknown(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, 2);
    post(&scene, "Unseen", "1", true, 0);
    observe(&scene, 0, 1, false);
    observe(&scene, 1, 1, false);
    post(&scene, "Grows", "1", true, 2);
    post(&scene, "Grows", "", true, 2); /* which of the two? */
    post(&scene, "Unseen", "1", false, 0);
    post(&scene, "Unseen", "7", true, 0);
    close_scene(&scene, "unknown 1 at 2 (1.1) \n"
                        "open 2 at 2 (1.1) Grows\n"
                        "note: an alert that names no instance is no claim: Grows, instance \"\"\n"
                        "known 1 at 2 (1.1) \n");
}

/* Once is enough: that it ends says nothing, for an instance may be down. */
static void what_was_present_once_is_not_in_vain(void **state)
{
    (void)state;
    struct scene scene;
    open_scene(&scene, 2);
    struct ld_webhook_alert alert = {.firing = true, .name = "1", .mark = LD_ALERT_MARK_PRESENT};
    assert_true(ld_alert_book_in_vain(scene.book, 1));
    assert_int_equal(ld_alert_book_post(scene.book, &alert), 0);
    alert.firing = false;
    assert_int_equal(ld_alert_book_post(scene.book, &alert), 0);
    snprintf(alert.name, sizeof alert.name, "0"); /* the end of what was never there */
    assert_int_equal(ld_alert_book_post(scene.book, &alert), 0);
    alert.firing = true;
    static const char *const strange[] = {"2", "0x", "", "-1"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
        snprintf(alert.name, sizeof alert.name, "%s", strange[i]);
        assert_int_equal(ld_alert_book_post(scene.book, &alert), 0);
    }
    assert_true(ld_alert_book_in_vain(scene.book, 0));
    assert_false(ld_alert_book_in_vain(scene.book, 1));
    close_scene(&scene, "");
}

static void too_many_alerts_are_refused(void **state)
{
    (void)state;
    struct scene scene;
    struct ld_webhook_alert alert = {.firing = true, .name = "Many", .instance = "0"};
    open_scene(&scene, 1);
    for (alert.fingerprint = 1; alert.fingerprint <= LD_ALERT_BOOK_MAX; alert.fingerprint++)
        assert_int_equal(ld_alert_book_post(scene.book, &alert), 0);
    assert_int_equal(ld_alert_book_post(scene.book, &alert), LD_ELIMIT);
    close_scene(&scene, "");
}

int test_webhook(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_posts_are_read),
        cmocka_unit_test(bad_posts_are_refused),
        cmocka_unit_test(labels_are_understood),
        cmocka_unit_test(an_alert_opens_and_closes),
        cmocka_unit_test(a_life_ends_its_claims),
        cmocka_unit_test(what_fires_on_is_claimed_of_the_next_life),
        cmocka_unit_test(what_is_not_scraped_is_unknown),
        cmocka_unit_test(what_was_present_once_is_not_in_vain),
        cmocka_unit_test(too_many_alerts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
