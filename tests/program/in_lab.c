#include "in_lab.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct lab lab;

/* A test that fails never comes to its end: cmocka jumps out of it. */
static enum { NONE, UNFINISHED, FINISHED } test;

int open_lab(void **state)
{
    (void)state;
    programs_forget();
    lab_open(&lab);
    return 0;
}

void run_in_lab(void **state)
{
    if (lab.given_up)
        skip_for("its group was given up");
    test = UNFINISHED;
    ((CMUnitTestFunction)*state)(state);
    test = FINISHED;
}

/* Of the databases that the last programs were asked about: the runs that do not count. */
static void show_databases(void)
{
    DIR *folder = opendir(lab.folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length > 3 && strcmp(entry->d_name + length - 3, ".db") == 0 && programs_hold(entry->d_name))
            lab_show_runs(&lab, entry->d_name);
    }
    if (folder)
        closedir(folder);
}

int after_test(void **state)
{
    (void)state;
    if (test == UNFINISHED) {
        show_databases();
        programs_show();
    }
    test = NONE;
    programs_forget();
    return 0;
}

int close_lab(void **state)
{
    after_test(state);
    lab_close(&lab);
    return 0;
}

bool has_prometheus(void)
{
    struct program_result result;
    RUN(&result, "doctor", "--json");
    bool there = strstr(result.out, "\"name\": \"Prometheus\",\n      \"status\": \"ok\"") ||
                 strstr(result.out, ", but no amtool"); /* which only lint asks */
    program_result_done(&result);
    return there;
}

void skip_for(const char *why)
{
    print_message("skipped: %s\n", why);
    test = FINISHED;
    skip();
    abort(); /* skip does not come back */
}

bool run_until(struct program_result *ret_result, const char *evidence, const char *database,
               const char *const *arguments)
{
    if (lab_run_until(&lab, ret_result, evidence, database, NULL, arguments))
        return true;
    if (test == UNFINISHED)
        skip_for("given up");
    lab.given_up = true;
    return false;
}

bool lacks_programs(const char *group)
{
    if (lab_has_programs())
        return false;
    print_message("%s: skipped, the Go programs are not built\n", group);
    return true;
}
