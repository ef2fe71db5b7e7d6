/* What a detector says, byte by byte: turns, claims, and each way to be wrong. The faults that need no process are
 * here; tests/program has those that do. */
#include "groups.h"

#include "base/buffer.h"
#include "runner/detect/answer.h"
#include "runner/detect/limits.h"

struct talk {
    struct ld_answers *answers;
    struct ld_buffer heard;
    int claims;
};

static void hear(void *context, const struct ld_alert *alert)
{
    struct talk *talk = context;
    talk->claims += ld_alert_new_claims(alert);
    assert_int_equal(ld_buffer_printf(&talk->heard, "%s %llu at %llu (%u.%u) %s \"%s\" %g %s \"%s\"\n",
                                      ld_alert_action_name(alert->action), (unsigned long long)alert->id,
                                      (unsigned long long)alert->evidence, alert->instance, alert->incarnation,
                                      ld_cause_table[alert->cause].name, alert->site, alert->amount,
                                      ld_severity_name(alert->severity), alert->why),
                     0);
    assert_int_equal(alert->evidence_time_ns, (int64_t)alert->evidence * 1000);
}

/* main.old was shown by observation 3, main.new by observation 9, nothing else ever. */
static bool known(void *context, const char *site, uint64_t sequence)
{
    (void)context;
    return (strcmp(site, "main.old") == 0 && sequence >= 3) || (strcmp(site, "main.new") == 0 && sequence >= 9);
}

static void open_talk(struct talk *talk)
{
    *talk = (struct talk){0};
    const struct ld_answers_setting setting = {.instances = 3, .sink = {hear, talk}, .site_known = known};
    talk->answers = ld_answers_new(&setting);
    assert_non_null(talk->answers);
    ld_buffer_init(&talk->heard, 1 << 20);
}

static void close_talk(struct talk *talk)
{
    ld_answers_free(talk->answers);
    ld_buffer_done(&talk->heard);
}

static void ask_of(struct talk *talk, uint64_t sequence, uint32_t instance, uint32_t incarnation, bool ends)
{
    ld_answers_ask(talk->answers,
                   &(struct ld_question){sequence, (int64_t)sequence * 1000, instance, incarnation, ends});
}

static void ask(struct talk *talk, uint64_t sequence)
{
    ask_of(talk, sequence, 0, sequence ? 1 : 0, false);
}

static enum ld_exec_fault say(struct talk *talk, const char *text)
{
    return ld_answers_take(talk->answers, text, strlen(text));
}

static void say_well(struct talk *talk, const char *text)
{
    enum ld_exec_fault fault = say(talk, text);
    if (fault)
        fail_msg("%s: %s: %s", text, ld_exec_fault_name(fault), ld_answers_why(talk->answers));
}

static void claims_live_and_die(void **state)
{
    (void)state;
    struct talk talk;
    open_talk(&talk);
    ask(&talk, 0);
    say_well(&talk, "{\"type\":\"done\",\"seq\":0}\n");
    assert_false(ld_answers_waiting(talk.answers));
    ask(&talk, 4);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"a\"}\n");
    say_well(&talk, "{\"type\":\"open\",\"id\":\"b\",\"cause\":\"chan-receive\",\"site\":\"main.old\",\"amount\":2.5,"
                    "\"severity\":\"amber\",\"why\":\"grew\",\"rule\":\"r\",\"version\":\"v1\",\"seq\":4}\n");
    assert_true(ld_answers_waiting(talk.answers));
    say_well(&talk, "{\"type\":\"done\",\"seq\":4}\n");
    ask(&talk, 9);
    say_well(&talk, "{\"type\":\"update\",\"id\":\"b\",\"site\":\"main.new\",\"amount\":7}\n{\"type\":\"close\",\"id\":"
                    "\"a\",\"why\":\"gone\"}\n{\"type\":\"open\",\"id\":\"a\",\"instance\":0}\n"
                    "{\"type\":\"done\",\"seq\":9}\n");
    assert_string_equal(ld_buffer_text(&talk.heard),
                        "open 1 at 4 (0.1) any \"\" 0 red \"\"\n"
                        "open 2 at 4 (0.1) chan-receive \"main.old\" 2.5 amber \"grew\"\n"
                        "close 2 at 9 (0.1) chan-receive \"main.old\" 0 amber \"updated\"\n"
                        "open 3 at 9 (0.1) chan-receive \"main.new\" 7 amber \"grew\"\n"
                        "close 1 at 9 (0.1) any \"\" 0 red \"gone\"\n"
                        "open 4 at 9 (0.1) any \"\" 0 red \"\"\n");
    close_talk(&talk);
}

static void an_end_of_life_closes_its_claims_alone(void **state)
{
    (void)state;
    struct talk talk;
    open_talk(&talk);
    ask_of(&talk, 1, 1, 1, false);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"one\"}\n{\"type\":\"done\",\"seq\":1}\n");
    ask_of(&talk, 2, 0, 1, false);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"zero\"}\n{\"type\":\"unknown\",\"instance\":1}\n"
                    "{\"type\":\"unknown\",\"instance\":1}\n{\"type\":\"done\",\"seq\":2}\n");
    ask_of(&talk, 3, 1, 1, true);
    say_well(&talk, "{\"type\":\"done\",\"seq\":3}\n");
    ask_of(&talk, 4, 1, 2, false);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"one\"}\n{\"type\":\"known\"}\n{\"type\":\"done\",\"seq\":4}\n");
    assert_string_equal(ld_buffer_text(&talk.heard), "open 1 at 1 (1.1) any \"\" 0 red \"\"\n"
                                                     "open 2 at 2 (0.1) any \"\" 0 red \"\"\n"
                                                     "unknown 3 at 2 (1.1) none \"\" 0 green \"\"\n"
                                                     "close 1 at 3 (1.1) any \"\" 0 red \"the incarnation ended\"\n"
                                                     "open 4 at 4 (1.2) any \"\" 0 red \"\"\n"
                                                     "known 3 at 4 (1.2) none \"\" 0 green \"\"\n");
    close_talk(&talk);
}

/* Some languages have no other numbers. */
static void a_whole_number_may_have_a_point(void **state)
{
    (void)state;
    struct talk talk;
    open_talk(&talk);
    ask(&talk, 0);
    say_well(&talk, "{\"type\":\"done\",\"seq\":0.0}\n");
    ask(&talk, 4);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"a\",\"instance\":0.0,\"seq\":4e0}\n{\"type\":\"done\",\"seq\":4.0}\n");
    assert_false(ld_answers_waiting(talk.answers));
    assert_string_equal(ld_buffer_text(&talk.heard), "open 1 at 4 (0.1) any \"\" 0 red \"\"\n");
    close_talk(&talk);
}

/* An update is a close and an open to everyone else, which must not look like a claim more. */
static void an_update_is_no_new_claim(void **state)
{
    (void)state;
    struct talk talk;
    open_talk(&talk);
    ask(&talk, 4);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"a\"}\n");
    assert_int_equal(talk.claims, 1);
    say_well(&talk, "{\"type\":\"update\",\"id\":\"a\",\"amount\":3}\n{\"type\":\"update\",\"id\":\"a\"}\n");
    assert_int_equal(talk.claims, 1);
    /* The detector's own word is no update. */
    say_well(&talk, "{\"type\":\"close\",\"id\":\"a\",\"why\":\"updated\"}\n");
    assert_int_equal(talk.claims, 1);
    say_well(&talk, "{\"type\":\"open\",\"id\":\"a\"}\n{\"type\":\"unknown\"}\n{\"type\":\"known\"}\n");
    assert_int_equal(talk.claims, 2);
    close_talk(&talk);
}

static void pieces_make_no_difference(void **state)
{
    (void)state;
    static const char text[] = "{\"type\":\"open\",\"id\":\"a\",\"why\":\"\xc3\xa4\"}\n{\"type\":\"done\",\"seq\":1}\n";
    for (size_t size = 1; size < sizeof text; size++) {
        struct talk talk;
        open_talk(&talk);
        ask(&talk, 1);
        for (size_t at = 0; at < sizeof text - 1; at += size) {
            size_t left = sizeof text - 1 - at;
            assert_int_equal(ld_answers_take(talk.answers, text + at, left < size ? left : size), LD_EXEC_SOUND);
        }
        assert_false(ld_answers_waiting(talk.answers));
        assert_string_equal(ld_buffer_text(&talk.heard), "open 1 at 1 (0.1) any \"\" 0 red \"\xc3\xa4\"\n");
        close_talk(&talk);
    }
}

/* What is said when asked about observation 4, and what comes of it. */
static const struct {
    const char *text;
    enum ld_exec_fault fault;
    const char *why;
} bad[] = {
    {"{}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "a line without \"type\""},
    {"\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"null\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"{\"type\":\"done\",\"seq\":4} x\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"{\"type\":\"done\",\"seq\":4}{\"type\":\"done\",\"seq\":4}\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"{\"type\":\"done\"}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "done needs the key \"seq\""},
    {"{\"type\":\"done\",\"seq\":\"4\"}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "\"seq\" is not a whole number from 0 on"},
    {"{\"type\":\"done\",\"seq\":4.5}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "\"seq\" is not a whole number from 0 on"},
    {"{\"type\":\"done\",\"seq\":-4.0}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "\"seq\" is not a whole number from 0 on"},
    {"{\"type\":\"done\",\"seq\":1e300}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "\"seq\" is not a whole number from 0 on"},
    {"{\"type\":\"done\",\"seq\":5.0}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "done names observation 5, asked was 4"},
    {"{\"type\":\"done\",\"seq\":-4}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "\"seq\" is not a whole number from 0 on"},
    {"{\"type\":\"done\",\"seq\":99999999999999999999}\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"{\"type\":\"done\",\"seq\":4,\"id\":\"a\"}\n", LD_EXEC_FAULT_OFF_PROTOCOL, "done has no key \"id\""},
    {"{\"type\":\"done\",\"seq\":3}\n", LD_EXEC_FAULT_OUT_OF_TURN, "done names observation 3, asked was 4"},
    {"{\"type\":\"done\",\"seq\":5}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, "done names observation 5, asked was 4"},
    {"{\"type\":\"done\",\"seq\":4}\n{", LD_EXEC_FAULT_OUT_OF_TURN, "it spoke after its answer was done"},
    {"{\"type\":\"done\",\"seq\":4}\n\n", LD_EXEC_FAULT_OUT_OF_TURN, "it spoke after its answer was done"},
    {"{\"type\":\"open\",\"id\":\"a\",\"site\":\"main.new\"}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM,
     "no observation has shown the site \"main.new\""}, /* it will, with observation 9 */
    {"{\"type\":\"open\",\"id\":\"a\",\"instance\":1}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM,
     "no observation has shown an instance 1"},
    {"{\"type\":\"open\",\"id\":\"a\",\"instance\":3}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM,
     "no observation has shown an instance 3"},
    {"{\"type\":\"open\",\"id\":\"a\",\"instance\":9223372036854775807}\n", LD_EXEC_FAULT_IMPOSSIBLE_CLAIM, NULL},
    {"{\"type\":\"open\",\"id\":\"a\",\"amount\":1e999}\n", LD_EXEC_FAULT_BROKEN_JSON, NULL},
    {"{\"type\":\"open\",\"id\":\"a\",\"severity\":\"purple\"}\n", LD_EXEC_FAULT_OFF_PROTOCOL,
     "no severity is called \"purple\""},
    {"{\"type\":\"update\",\"id\":\"a\",\"instance\":0}\n", LD_EXEC_FAULT_OFF_PROTOCOL,
     "update has no key \"instance\""},
    {"{\"type\":\"gave-up\",\"why\":\"tired\"}\n", LD_EXEC_FAULT_GAVE_UP, "tired"},
    {"{\"type\":\"open\",\"id\":\"\xc0\x80\"}\n", LD_EXEC_FAULT_INVALID_UTF8, NULL},
    {"{\"type\":\"open\",\"id\":\"\xed\xa0\x80\"}\n", LD_EXEC_FAULT_INVALID_UTF8, NULL},
};

static void each_fault_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct talk talk;
        open_talk(&talk);
        ask(&talk, 4);
        enum ld_exec_fault fault = say(&talk, bad[i].text);
        if (fault != bad[i].fault || (bad[i].why && strcmp(ld_answers_why(talk.answers), bad[i].why) != 0))
            fail_msg("%s gives %s: \"%s\", not %s: \"%s\"", bad[i].text, ld_exec_fault_name(fault),
                     ld_answers_why(talk.answers), ld_exec_fault_name(bad[i].fault), bad[i].why ? bad[i].why : "...");
        /* It stays broken, and nothing more is heard. */
        assert_int_equal(say(&talk, "{\"type\":\"done\",\"seq\":4}\n"), bad[i].fault);
        assert_string_equal(ld_buffer_text(&talk.heard), "");
        close_talk(&talk);
    }
}

static void limits_hold_to_the_line(void **state)
{
    (void)state;
    struct talk talk;
    char line[64];
    open_talk(&talk);
    uint64_t sequence = 1;
    ask(&talk, sequence);
    for (int i = 1; i < LD_EXEC_ANSWER_LINES_MAX; i++)
        say_well(&talk, "{\"type\":\"unknown\"}\n");
    say_well(&talk, "{\"type\":\"done\",\"seq\":1}\n"); /* the last of so many lines */
    for (int claims = LD_EXEC_ANSWER_LINES_MAX - 1; claims < LD_EXEC_CLAIMS_MAX; claims++) {
        ask(&talk, ++sequence);
        snprintf(line, sizeof line, "{\"type\":\"unknown\"}\n{\"type\":\"done\",\"seq\":%llu}\n",
                 (unsigned long long)sequence);
        say_well(&talk, line);
    }
    ask(&talk, ++sequence);
    assert_int_equal(say(&talk, "{\"type\":\"unknown\"}\n"), LD_EXEC_FAULT_FLOODED);
    assert_string_equal(ld_answers_why(talk.answers), "more than 10000 claims in one run");
    close_talk(&talk);
}

static void a_line_may_be_so_long(void **state)
{
    (void)state;
    static const char end[] = "{\"type\":\"done\",\"seq\":1}\n";
    for (int over = 0; over <= 1; over++) {
        struct talk talk;
        open_talk(&talk);
        ask(&talk, 1);
        size_t length = LD_EXEC_LINE_BYTES_MAX + (size_t)over;
        char *line = malloc(length);
        assert_non_null(line);
        memset(line, ' ', length);
        memcpy(line + length - strlen(end), end, strlen(end));
        enum ld_exec_fault fault = ld_answers_take(talk.answers, line, length);
        assert_int_equal(fault, over ? LD_EXEC_FAULT_FLOODED : LD_EXEC_SOUND);
        free(line);
        close_talk(&talk);
    }
}

int test_answers(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_live_and_die),       cmocka_unit_test(an_end_of_life_closes_its_claims_alone),
        cmocka_unit_test(pieces_make_no_difference), cmocka_unit_test(each_fault_has_its_name),
        cmocka_unit_test(a_whole_number_may_have_a_point), cmocka_unit_test(an_update_is_no_new_claim),
        cmocka_unit_test(limits_hold_to_the_line),   cmocka_unit_test(a_line_may_be_so_long),
    };
    return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
