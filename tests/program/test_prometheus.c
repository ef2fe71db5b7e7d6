/* Prometheus and Alertmanager as they are installed, with a user's own rules, through whole runs. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "groups.h"
#include "in_lab.h"

#define RULES                                                                                       \
    "groups:\n"                                                                                     \
    "  - name: goroutines\n"                                                                        \
    "    rules:\n"                                                                                  \
    "      - alert: GoroutinesGrow\n"                                                               \
    "        expr: deriv(go_goroutines[2s]) > 5\n"                                                  \
    "        for: 500ms\n"                                                                          \
    "        labels: {severity: critical, cause: chan-receive}\n"                                   \
    "        annotations: {summary: '{{ $value }} more a second on {{ $labels.instance }}'}\n"      \
    "      - alert: Watchdog\n"                                                                     \
    "        expr: vector(1)\n"                                                                     \
    "        labels: {leakdrill: ignore}\n"

static int prepare(void **state)
{
    open_lab(state);
    lab_write(&lab, "my-rules.yml", RULES);
    return 0;
}

/* ---- a user's own rules, and routes */

/* Two more that see the same leak: one that the routes inhibit, and one of which they tell nobody. */
#define MORE_RULES                                                                                  \
    "      - {alert: Lesser, expr: 'deriv(go_goroutines[2s]) > 5', for: 500ms, "                    \
    "labels: {severity: warning, cause: chan-receive}}\n"                                           \
    "      - {alert: Unwanted, expr: 'deriv(go_goroutines[2s]) > 5', for: 500ms, "                  \
    "labels: {team: nobody, cause: chan-receive}}\n"                                                 \
    "      - {alert: Typo, expr: 'go_gorutines > 5'}\n"                                               \
    "      - {alert: Labelled, expr: 'go_goroutines{job=\"shop\", tier=\"gold''s\"} > 100000'}\n"

#define ROUTES                                                                                      \
    "global: {slack_api_url: 'https://chat.shop.test/secret'}\n"                                    \
    "route:\n"                                                                                      \
    "  receiver: chat\n"                                                                            \
    "  group_by: [alertname]\n"                                                                     \
    "  group_wait: 2s\n"                                                                            \
    "  routes:\n"                                                                                   \
    "    - {matchers: ['team=\"nobody\"'], receiver: 'null', group_wait: 0s}\n"                     \
    "inhibit_rules:\n"                                                                              \
    "  - source_matchers: ['severity=\"critical\"']\n"                                              \
    "    target_matchers: ['severity=\"warning\"']\n"                                               \
    "    equal: [instance]\n"                                                                       \
    "receivers:\n"                                                                                  \
    "  - name: chat\n"                                                                              \
    "    slack_configs: [{channel: '#alerts', title: secret}]\n"                                    \
    "  - name: 'null'\n"

#define OPENED "FROM alert WHERE action = 'open' AND detector = "

static void assert_routed(const char *database)
{
    lab_assert_number(&lab, database, "SELECT count(DISTINCT rule) " OPENED "'prometheus'", 3);
    lab_assert_number(&lab, database, "SELECT count(*) " OPENED "'routed' AND rule <> 'GoroutinesGrow'", 0);
    lab_assert_number(&lab, database, "SELECT count(*) > 0 " OPENED "'routed' AND rule = 'GoroutinesGrow'", 1);
    /* It waited two seconds, and the other one none. */
    lab_assert_number(&lab, database,
                      "SELECT min(receipt_ns) - (SELECT min(receipt_ns) " OPENED "'prometheus') > 1000000000 " OPENED
                      "'routed'",
                      1);
    lab_assert_text(&lab, database, "SELECT value FROM fact WHERE name = 'rules.my-rules.yml'", RULES MORE_RULES);
    lab_assert_text(&lab, database, "SELECT value FROM fact WHERE name = 'rules.my-routes.yml'", "  group_wait: 2s\n");
    lab_assert_number(&lab, database, "SELECT count(*) FROM fact WHERE value LIKE '%secret%'", 0);
}

/* A name that nothing has, and labels that only one of the two gives its series. */
static void assert_in_vain(const char *database, const struct program_result *result)
{
    assert_non_null(strstr(result->out, "IN VAIN"));
    lab_assert_number(&lab, database, "SELECT count(*) FROM note WHERE kind = 'in vain' AND text NOT IN ("
                                      "'prometheus: go_gorutines (rule Typo)', 'routed: go_gorutines (rule Typo)', "
                                      "'prometheus: go_goroutines{job=\"shop\", tier=\"gold''s\"} (rule Labelled)')",
                      0);
    lab_assert_number(&lab, database, "SELECT count(DISTINCT text) FROM note WHERE kind = 'in vain'", 3);
}

/* Two Prometheus with the same rules: one tells at once, one through the user's routes. */
static void a_users_rules_see_the_leak_and_leave_its_twin_alone(void **state)
{
    (void)state;
    struct program_result result;
    lab_write(&lab, "my-rules.yml", RULES MORE_RULES);
    lab_write(&lab, "my-routes.yml", ROUTES);
    LAB_SCENARIO(&lab, "seen.yaml", "prometheus.yaml", "NAME", "seen", "VARIANTS", "[leaky, healthy]", "for: 80s",
                 "for: 140s", "scrape_interval: 500ms, evaluation_interval: 500ms, unscaled: true, as: other",
                 "labels: {job: shop, tier: gold's}, alertmanager: my-routes.yml, scrape_interval: 250ms, "
                 "evaluation_interval: 250ms, unscaled: true, as: routed",
                 "EXPECTATIONS",
                 "  - detector: prometheus\n"
                 "    detection: {observed: 100%}\n"
                 "    false_alarms: {at_most: 0}\n"
                 "    cause: right\n");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "seen.db", "run", "seen.yaml", "--jobs", "2");
    lab_check(&result, 0, "Verdict: PASS", NULL);
    assert_in_vain("seen.db", &result);
    program_result_done(&result);
    lab_assert_number(&lab, "seen.db", "SELECT count(*) FROM detector WHERE failed", 0);
    lab_assert_number(&lab, "seen.db",
                      "SELECT count(*) > 0 FROM alert WHERE detector = 'prometheus' AND action = 'open' AND rule = "
                      "'GoroutinesGrow' AND rule_version LIKE 'rules-____________' AND cause = 'chan-receive' AND "
                      "why LIKE '% more a second on 0' AND severity = 'red' AND instance = 0",
                      1);
    lab_assert_number(&lab, "seen.db", "SELECT count(*) FROM alert WHERE rule = 'Watchdog'", 0);
    assert_routed("seen.db");
    /* They read through the gateway like everybody else. */
    lab_assert_number(&lab, "seen.db", "SELECT min(reads) > 10 FROM reader WHERE reader LIKE 'http:Prometheus%'", 1);
    LAB_RUN(&lab, &result, "replay", "--db", "seen.db", "--detector", "prometheus");
    lab_check(&result, 4, NULL,
              "prometheus is an alerting system that reads the running target itself: it cannot be replayed");
    program_result_done(&result);
    LAB_RUN(&lab, &result, "replay", "--db", "seen.db");
    lab_check(&result, 0, "identical to the stored ones", NULL);
    program_result_done(&result);
}

/* While the target is down nothing is there: what never was is told all the same. */
static void a_kill_leaves_a_typo_told(void **state)
{
    (void)state;
    struct program_result result;
    lab_write(&lab, "my-rules.yml", RULES "      - {alert: Typo, expr: 'go_gorutines > 5'}\n");
    LAB_SCENARIO(&lab, "down.yaml", "prometheus.yaml", "NAME", "down", "VARIANTS", "[healthy]",
                 "  - prometheus: {rules: my-rules.yml, scrape_interval: 500ms, evaluation_interval: 500ms, "
                 "unscaled: true, as: other}\n",
                 "", "repeat: {runs: 1}",
                 "faults: {killed: [{at: 20s, kill: {who: target, signal: KILL, restart_after: 15s}}]}\n"
                 "repeat: {runs: 1}",
                 "EXPECTATIONS", "  - {detector: prometheus, report_only: true}\n");
    RUN_UNTIL(&result, LAB_UNDISTURBED, "down.db", "run", "down.yaml");
    lab_check(&result, 0, "IN VAIN", NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "down.db", "SELECT max(incarnation) FROM observation", 2);
    lab_assert_text(&lab, "down.db", "SELECT group_concat(text, ';') FROM note WHERE kind = 'in vain'",
                    "prometheus: go_gorutines (rule Typo)");
}

/* ---- processes of the lab */

#define FOUND_MAX 16

struct found {
    pid_t pids[FOUND_MAX];
    size_t count;
};

/* Those of that name whose working folder lies in the lab. */
static struct found find_processes(const char *name)
{
    struct found found = {0};
    DIR *folder = opendir("/proc");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) && found.count < FOUND_MAX;) {
        char path[300], link[512], where[512];
        pid_t pid = (pid_t)atoi(entry->d_name);
        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        ssize_t length = pid > 0 ? readlink(path, link, sizeof link - 1) : -1;
        if (length <= 0)
            continue;
        link[length] = '\0';
        snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
        length = readlink(path, where, sizeof where - 1);
        where[length > 0 ? length : 0] = '\0';
        const char *base = strrchr(link, '/');
        if (base && strcmp(base + 1, name) == 0 && strstr(where, lab.marker))
            found.pids[found.count++] = pid;
    }
    closedir(folder);
    return found;
}

static bool has_open(pid_t pid, unsigned long inode)
{
    char path[300], link[64], socket_name[64];
    bool found = false;
    snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "/proc/%d/fd/%.20s", (int)pid, entry->d_name);
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        found = strcmp(link, socket_name) == 0;
    }
    if (folder)
        closedir(folder);
    return found;
}

/* How many addresses it listens on; fails the test when one is not 127.0.0.1. */
static unsigned listens_on(pid_t pid, const char *table)
{
    char line[512], local[64];
    unsigned listening = 0;
    FILE *stream = fopen(table, "re");
    while (stream && fgets(line, sizeof line, stream)) {
        unsigned state;
        unsigned long inode;
        if (sscanf(line, "%*d: %63s %*s %x %*s %*s %*s %*d %*d %lu", local, &state, &inode) != 3 || state != 10 ||
            !has_open(pid, inode))
            continue;
        listening++;
        if (strncmp(local, "0100007F:", 9) != 0)
            fail_msg("process %d listens on %s", (int)pid, local);
    }
    if (stream)
        fclose(stream);
    return listening;
}

static const char *alertmanager_name(void)
{
    return access(BUILD_FOLDER "/../tools/usr/bin/prometheus-alertmanager", X_OK) == 0 ||
                   system("command -v prometheus-alertmanager >/dev/null") == 0
               ? "prometheus-alertmanager"
               : "alertmanager";
}

static void one_that_is_killed_harms_nobody_else(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    LAB_SCENARIO(&lab, "killed.yaml", "prometheus.yaml", "NAME", "killed", "VARIANTS", "[healthy]", "EXPECTATIONS",
                 "  - {detector: prometheus, report_only: true}\n");
    LAB_START(&lab, &running, "run", "killed.yaml", "--db", "killed.db");
    program_await_err(&running, "leakdrill:");
    lab_await_number(&lab, "killed.db", "SELECT count(*) FROM phase WHERE name = 'method'", 1);
    struct found prometheus = find_processes("prometheus"), alertmanager = find_processes(alertmanager_name());
    assert_int_equal(prometheus.count, 2);
    assert_int_equal(alertmanager.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(listens_on(prometheus.pids[i], "/proc/net/tcp"), 1);
        assert_int_equal(listens_on(prometheus.pids[i], "/proc/net/tcp6"), 0);
        assert_int_equal(listens_on(alertmanager.pids[i], "/proc/net/tcp"), 1);
        assert_int_equal(listens_on(alertmanager.pids[i], "/proc/net/tcp6"), 0);
    }
    assert_int_equal(kill(prometheus.pids[0], SIGKILL), 0);
    program_finish(&running, &result);
    lab_check(&result, 0, NULL, NULL);
    program_result_done(&result);
    lab_assert_number(&lab, "killed.db",
                      "SELECT count(*) FROM detector WHERE failed AND kind = 'prometheus' AND reason LIKE "
                      "'crashed: Prometheus ended with signal 9%'",
                      1);
    lab_assert_number(&lab, "killed.db", "SELECT count(*) FROM detector WHERE failed", 1);
    lab_assert_text(&lab, "killed.db", "SELECT validity FROM run", "valid");
}

/* A Prometheus that scrapes once an hour is never ready here. */
static void never_ready(const char *name, const char *variants)
{
    LAB_SCENARIO(&lab, name, "prometheus.yaml", "NAME", "waits", "VARIANTS", variants, "EXPECTATIONS",
                 "  - {detector: prometheus, report_only: true}\n", "scrape_interval: 250ms", "scrape_interval: 1h",
                 "for: 80s", "for: 10s", "phases: {baseline", "phases: {ready: 3s, baseline");
}

static void one_that_is_waited_for_is_named(void **state)
{
    (void)state;
    struct program_result result;
    never_ready("waits.yaml", "[healthy]\n  limits: {wall: 7s}");
    LAB_RUN(&lab, &result, "run", "waits.yaml", "--db", "waits.db");
    lab_check(&result, 3, NULL, NULL);
    program_result_done(&result);
    lab_assert_text(&lab, "waits.db", "SELECT reason FROM run",
                    "took longer than limits.wall (7 s), in phase warm-up, waiting for prometheus");
}

static void an_interrupt_while_it_starts_leaves_nothing(void **state)
{
    (void)state;
    struct running_program running;
    struct program_result result;
    never_ready("waits.yaml", "[healthy]");
    LAB_START(&lab, &running, "run", "waits.yaml", "--db", "interrupted.db");
    lab_await_number(&lab, "interrupted.db", "SELECT count(*) FROM phase WHERE name = 'warm-up'", 1);
    assert_int_equal(kill(running.pid, SIGINT), 0);
    program_finish(&running, &result);
    lab_check(&result, 130, NULL, "leakdrill: interrupted: stopping the runs in hand");
    program_result_done(&result);
    lab_assert_clean(&lab);
    lab_assert_text(&lab, "interrupted.db", "SELECT reason FROM run", "interrupted");
    lab_assert_number(&lab, "interrupted.db", "SELECT count(*) FROM detector WHERE failed", 0);
}

static void mistakes_in_rules_are_found_before_anything_starts(void **state)
{
    (void)state;
    struct program_result result;
    LAB_SCENARIO(&lab, "lint.yaml", "prometheus.yaml", "NAME", "lint", "VARIANTS", "[healthy]", "EXPECTATIONS",
                 "  - {detector: prometheus, report_only: true}\n");
    lab_write(&lab, "my-rules.yml",
              "groups:\n- name: a\n  rules:\n  - alert: Grows\n    expr: deriv(go_goroutines[2s]) >\n");
    LAB_RUN(&lab, &result, "run", "lint.yaml");
    lab_check(&result, 2, NULL, "my-rules.yml:5:11: group \"a\", rule 1, \"Grows\": could not parse expression");
    program_result_done(&result);
    lab_write(&lab, "my-rules.yml", "groups:\n- {name: a, rules: [{alert: A, expr: up, labels: {cause: heat}}]}\n");
    LAB_RUN(&lab, &result, "lint", "lint.yaml");
    lab_check(&result, 2, "my-rules.yml:2:58: no cause is called \"heat\"; did you mean \"heap\"?", NULL);
    program_result_done(&result);
    lab_write(&lab, "my-rules.yml", RULES);
    lab_write(&lab, "my-routes.yml", "route: {receiver: chat}\nreceivers:\n  - {name: chat, slack: []}\n");
    LAB_SCENARIO(&lab, "lint.yaml", "prometheus.yaml", "NAME", "lint", "VARIANTS", "[healthy]", "as: other",
                 "as: other, alertmanager: my-routes.yml", "EXPECTATIONS",
                 "  - {detector: prometheus, report_only: true}\n");
    LAB_RUN(&lab, &result, "lint", "lint.yaml");
    lab_check(&result, 2, "my-routes.yml:3:18: unknown key \"slack\" in a receiver", NULL);
    program_result_done(&result);
    lab_write(&lab, "my-routes.yml", "route: {receiver: chat}\nreceivers:\n  - {name: chat, slack_configs: [{}]}\n");
    LAB_RUN(&lab, &result, "lint", "lint.yaml");
    lab_check(&result, 2, "no alert can come: Alertmanager waits 30s (group_wait) at least, and no run lasts longer",
              NULL);
    program_result_done(&result);
}

int test_prometheus(void)
{
    bool there = has_prometheus();
    if (!there || !lab_has_programs()) {
        print_message("skipped: %s\n", there ? "the Go programs are not built"
                                             : "Prometheus, Alertmanager and promtool are not all there, see doctor");
        return GROUP_SKIPPED;
    }
    const struct CMUnitTest tests[] = {
        IN_LAB_OF(a_users_rules_see_the_leak_and_leave_its_twin_alone, prepare, close_lab),
        IN_LAB_OF(a_kill_leaves_a_typo_told, prepare, close_lab),
        IN_LAB_OF(one_that_is_killed_harms_nobody_else, prepare, close_lab),
        IN_LAB_OF(one_that_is_waited_for_is_named, prepare, close_lab),
        IN_LAB_OF(an_interrupt_while_it_starts_leaves_nothing, prepare, close_lab),
        IN_LAB_OF(mistakes_in_rules_are_found_before_anything_starts, prepare, close_lab),
    };
    return cmocka_run_group_tests_name("prometheus", tests, NULL, NULL);
}
