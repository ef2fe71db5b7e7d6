#include <stdio.h>
#include <string.h>

#include "runner/cli/command.h"

#define OPTION_SEED {"seed", "N", "The campaign's seed: one seed gives one plan, bit for bit; default 1."}
#define OPTION_RUNS {"runs", "N", "Runs of each cell, instead of what the scenarios say."}
#define OPTION_FULL                                                                                                    \
    {                                                                                                                  \
        "full", NULL,                                                                                                  \
            "As many runs of each cell as claims at 95 % need, or as the scenario's repeat.full says. Takes about "    \
            "an hour for the documented leaks; plan --full says what can be claimed then."                             \
    }
#define OPTION_JOBS {"jobs", "N", "Runs at the same time; default: four times the number of cores."}
#define OPTION_FILTER {"filter", "GLOB", "Only cells whose name matches, such as '*/leaky/*'."}
#define OPTION_SHARD {"shard", "K/N", "Only the Kth of N parts; a cell is never split."}
#define OPTION_JSON {"json", NULL, "Write JSON instead of text."}
#define OPTION_DB {"db", "FILE", "The campaign's database."}

static const struct ld_option run_options[] = {
    OPTION_SEED,
    OPTION_RUNS,
    OPTION_FULL,
    OPTION_JOBS,
    OPTION_FILTER,
    OPTION_SHARD,
    OPTION_DB,
    {"report", "FOLDER", "Write report.html, table.txt, report.json, junit.xml and summary.md into it."},
    {"against", "BASELINE",
     "Hold the result against a baseline; what got worse is listed and runs again. Exit code 1: it is "
     "more than chance."},
    {"blind", NULL,
     "Hide from all who look at a target the names of its own packages, functions and files, and say whether "
     "every built-in detector says the same with and without them."},
    {"dry-run", NULL, "Check everything and show the plan; start nothing and write nothing."},
    {"fail-fast", NULL, "Start no further run after a void one."},
    {0},
};
static const struct ld_option plan_options[] = {
    OPTION_SEED, OPTION_RUNS, OPTION_FULL, OPTION_JOBS, OPTION_FILTER, OPTION_SHARD, OPTION_JSON, {0},
};
static const struct ld_option show_options[] = {OPTION_DB, {0}};
static const struct ld_option report_options[] = {
    {"format", "FORMAT", "text (the final table, the default), html, json, junit or markdown."},
    {"db", "FILE", "The campaign's database; default: the newest below leakdrill-runs."},
    {"output", "FILE", "Where to write it; default: stdout."},
    {0},
};
static const struct ld_option record_options[] = {
    {"for", "DURATION", "How long; default 1m."},
    {"every", "DURATION", "How often it is read; default 1s."},
    {"no-metrics", NULL, "It serves no /metrics in Prometheus' text format: profiles and /proc alone."},
    {"db", "FILE", "The new database; default: one in leakdrill-runs."},
    {0},
};
static const struct ld_option import_options[] = {
    {"columns", "LIST",
     "What columns and series of other names are, such as heap=go_heap_inuse_bytes, when=time, note=-."},
    {"times", "WHENCE",
     "The time of a profile: name (of the file, else the profile's own; the default), profile or mtime."},
    {"one-instance", NULL, "Names of files tell no instances apart; folders do."},
    {"ignore-others", NULL,
     "Leave out columns that are no metric, and files that are nothing known; else they are errors."},
    {"scenario", "FILE",
     "A scenario of yours with target: {imported: ...}: which detectors judge, and what was the leak."},
    {"db", "FILE", "The new database; default: one in leakdrill-runs."},
    {0},
};
static const struct ld_option replay_options[] = {
    OPTION_DB,
    {"detector", "DETECTOR",
     "Only this one, which need not have watched: a name, a declaration as in a scenario ('threshold: {warn: 100}'), "
     "or a YAML file that holds one; default: all of the run."},
    {"blind", NULL, "Hide the names of the target's own code from the detectors; default: as the run did."},
    {"own", "MODULES", "The target's own modules, such as example.com/shop, with commas between them: for "
                       "recordings of which nobody knows them, to hide their names."},
    {"sighted", NULL, "Show them, though the run hid them: do the alerts stay the same?"}, OPTION_JSON, {0},
};

static const struct ld_option baseline_options[] = {
    {"db", "FILE", "The campaign's database; default: the newest below leakdrill-runs."},
    {"replace", NULL, "Replace a baseline of this name."},
    {0},
};
static const struct ld_option compare_options[] = {
    {"db", "FILE", "The campaign of both detectors; default: the newest below leakdrill-runs."},
    {"detector", "DETECTOR", "Which detector of two databases."},
    OPTION_JSON,
    {0},
};
static const struct ld_option board_options[] = {
    {"db", "FILE", "The campaign's database; default: the newest below leakdrill-runs."},
    {"format", "FORMAT", "text (the default), markdown or json."},
    {0},
};
static const struct ld_option cost_options[] = {
    {"db", "FILE", "The campaign's database; default: the newest below leakdrill-runs."}, OPTION_JSON, {0},
};
static const struct ld_option proxy_options[] = {
    {"file", "FILE", "The file of the proxies; -f for short. Must be given."},
    {"check", NULL, "Only check the file."},
    {"watch", NULL, "Read the file again whenever it changes."},
    {"drain", "TIME", "How long the end waits for what is connected; default 5s."},
    {0},
};
static const struct ld_option recover_options[] = {
    {"dry-run", NULL, "Say what would be done, and do nothing: a database that was cut off is read from a copy."}, {0},
};
static const struct ld_option doctor_options[] = {OPTION_JSON, {0}};
static const struct ld_option scaffold_options[] = {
    {"source", "FOLDER",
     "The source tree to write into; default: the working folder when it is one, else the tree this leakdrill was "
     "built "
     "from."},
    {0},
};
static const struct ld_option new_detector_options[] = {
    {"exec", "LANGUAGE", "Write a program of its own (exec protocol) into the working folder: python or go."},
    {"source", "FOLDER",
     "The source tree to write into; default: the working folder when it is one, else the tree this leakdrill was "
     "built "
     "from."},
    {0},
};
static const struct ld_option detector_options[] = {
    {"timeout", "DURATION", "Longest time for one answer; default: 2s."},
    {"profiles", "LIST", "What it is given: goroutine, goroutine-full, goroutineleak, heap, or none for metrics alone; "
                        "default: goroutine."},
    {"options", "LIST", "Its own settings as in a scenario, such as growth: 8, mode: fast."},
    {0},
};
static const struct ld_option help_options[] = {{"man", NULL, "Write the manual page, for man -l."}, {0}};

#define NOT_YET(command, words) {command, "", words, NULL, NULL, true, ld_command_not_yet}

const struct ld_command ld_commands[] = {
    {"run", "[SCENARIO...]", "run scenarios and judge the detectors",
     "SCENARIO is a file or a folder; default: the documented leaks and what looks like them.\n"
     "Exit code 0: all expectations are met; 1: one is not; 2: a file is wrong; 3: the "
     "harness failed; 5: not enough evidence; 77: everything was skipped.",
     run_options, true, ld_command_run},
    {"list", "[FOLDER...]", "list scenarios, fixtures, upstreams, detectors and faults", NULL, NULL, true,
     ld_command_list},
    {"explain", "[KEY]", "explain the keys of a scenario file, the rules, the results",
     "KEY is a key with its path (target.limits, faults.when), a fault, a detector, faults, detectors, when, "
     "matrix for the rule language, proxy for the file of leakdrill proxy, causes or one of them for what an alert may "
     "name, or outcomes for what the numbers of the final table mean; default: every key of a scenario. The end of a "
     "path is enough (detection), and a word of a table (OUT_OF_RANGE) shows where it is explained.",
     NULL, true, ld_command_explain},
    {"lint", "[FILE|FOLDER...]", "check scenario, rule and proxy files without running them",
     "Prints every error as FILE:LINE:COLUMN: KEY: MESSAGE, and exits with 2 if there is any. What is allowed and "
     "hardly "
     "meant, such as an interval of which no run holds two, is a note.\n"
     "Folders are searched for *.yaml; default: the scenarios that come with leakdrill.",
     NULL, true, ld_command_lint},
    {"plan", "[SCENARIO...]", "show what would run, when, and whether it can prove what is expected", NULL,
     plan_options, true, ld_command_plan},
    {"show", "RUN", "show the timeline of a run: truth, faults, alerts, counts", NULL, show_options, true,
     ld_command_show},
    {"record", "URL", "record a service that runs already, for replay",
     "URL is where it serves pprof, by a numeric loopback address, with or without /debug/pprof. Harmless reads alone: "
     "no leak profile, no dump that stops its world, no load. Without /metrics the goroutine profile gives the number "
     "of "
     "goroutines. The detectors watch, and nothing is expected of them: each is told with its first claim, or why it "
     "was silent, be it that it needs a longer recording (--for). The scenario is written beside the database, to be "
     "changed and run again. Killed, it can be replayed as far as it went.",
     record_options, true, ld_command_record},
    {"import", "FILE|FOLDER...", "take profiles, CSV or range-query results of others for recorded runs",
     "Profiles: as net/http/pprof serves them (debug=0, 1 or 2); the kind is told by the bytes. Time: in the file's "
     "name "
     "(20261121-083000, 2026-11-21T08:30:00Z, 1795249800, with fractions; without a zone it is UTC), else the "
     "profile's own. Instance: the folder below the one named, and what the name holds besides time and kind: "
     "api-1-goroutine-20261121-083000.pb.gz is of api-1. A goroutine profile gives the number of goroutines too.\n"
     "CSV: a header with a column time (RFC 3339, or Unix seconds or milliseconds), metrics by their names in the "
     "registry or in Prometheus (go_goroutines), and perhaps instance.\n"
     "JSON: the answer of Prometheus' /api/v1/query_range for metrics as they are; the label pod, else instance, tells "
     "instances apart.\n"
     "A counter that falls, or process_start_time_seconds that moves by more than a second, begins a new life of the "
     "process. The sampling period is the median difference of two reads of a kind. Where a kind of read stays away "
     "for "
     "two and a half of its periods, one failed read says so. All of it becomes one run of a new campaign, which every "
     "detector "
     "that can judge it watches; alerts are received at the time of their observation. Its scenario is written beside "
     "the database, to be changed and given with --scenario.\n"
     "Exit code 2: a file is wrong; all errors are told, and nothing is imported. Interrupted, it leaves nothing.",
     import_options, true, ld_command_import},
    {"replay", "[RUN...]", "feed recorded runs to their detectors again, or to another one",
     "RUN is a run's number; default: every run of the database. Says whether the alerts are "
     "the stored ones; exit code 1: they are not.\n"
     "A detector that did not watch is opened with what it is by default or what its declaration says. Its alerts are "
     "told and scored against the stored truth by the time of their observations: receipts are only known live. Exit "
     "code 3: it broke; 5: the recording holds nothing that it judges by.",
     replay_options, true, ld_command_replay},
    {"baseline", "save NAME | list", "keep what a campaign came to, for run --against",
     "save writes leakdrill-baselines/NAME.json: for each cell and detector the leaks seen and by which rules, the "
     "runs "
     "with a false alarm and the times to detect. A name with a slash or that ends in .json is a file. A campaign that "
     "was interrupted or is void is no baseline.",
     baseline_options, true, ld_command_baseline},
    {"compare", "LEFT RIGHT", "compare two detectors on the same runs, or one in two campaigns",
     "LEFT and RIGHT are two detectors of a campaign, or the databases of two campaigns with --detector. Runs pair by "
     "cell, repetition and seed, leaks by instance, incarnation and name: exact McNemar tests for leaks seen and for "
     "runs with a false alarm, the difference of the "
     "restricted mean times to detect with its bootstrap interval, and every run in which the two differ. Detectors of "
     "different arms pair over them, which is said; else cells that read something else of the target are left out. "
     "What "
     "is in no pair is counted with its reason.\n"
     "Exit code 0: compared, whatever came of it; 5: there is no pair of one seed, both of whose runs ended and are "
     "valid.",
     compare_options, true, ld_command_compare},
    {"board", "", "show where each detector stands over all leaks of a campaign",
     "Leaks seen with their interval by leak, alerts in the healthy twins, false alarms an hour of quiet time with "
     "bounds by program, time to detect, cause and site, cost where it was measured; all of it again by fault. "
     "`leakdrill run scenarios/board --full` makes the campaign and shows it at the end. Percentages need 20 runs of "
     "every cell. Runs of scenarios with `arms: each`, which measure cost, are not on it.",
     board_options, false, ld_command_board},
    {"cost", "", "show what each detector cost the program that it watched",
     "For campaigns with a scenario that says `arms: each`, such as scenarios/board/cost.yaml: runs that one detector "
     "watches against runs of the same seed that none does. CPU time, stop-the-world time, allocation and bytes read "
     "of "
     "the target, a minute, each with its interval.",
     cost_options, false, ld_command_cost},
    {"recover", "[DATABASE...]", "undo what a campaign left that was cut off",
     "For when leakdrill and its guard were killed at once, or the machine died. DATABASE is a campaign's; default: "
     "all "
     "below leakdrill-runs. Of each campaign that never ended and whose leakdrill is dead: kills the processes that "
     "are "
     "left, by pid and start time, removes its cgroup and its work folder, and marks its runs and faults. Says what it "
     "did; a second time there is nothing to do.\n"
     "Only what leakdrill made for this user since the machine was started is removed, and only when nobody holds its "
     "lock: a database from elsewhere names folders that are not its own here. A campaign whose process lives or whose "
     "folder is locked is left alone; so is one whose folder is not to be seen while its database is open.\n"
     "Exit code 0: nothing is left; 3: something is; 4: a DATABASE's campaign is still running, or may be.",
     recover_options, true, ld_command_recover},
    {"report", "", "show the final table of a campaign again, or write it as a page or for CI",
     "html is one page that needs no network: the table, the checks and runs over time. It is judged again from what "
     "the database holds, so the verdict is the campaign's; the exit code only says whether the report was written.",
     report_options, false, ld_command_report},
    {"proxy", "", "run only the fault proxy, between programs of your own",
     "The proxies and their toxics stand in a file; leakdrill explain proxy has its keys. Nothing listens or connects "
     "beyond 127.0.0.1. The status page is JSON: connections, bytes, and of each toxic what it did so far.\n"
     "SIGHUP reads the file again: connections stay, toxics that are the same go on, others begin and end in the "
     "middle "
     "of them; a proxy goes on as the one that listens on the same port, whatever its name now; a file that is wrong "
     "changes nothing. SIGTERM and SIGINT accept no more, wait for what is connected, and "
     "print what each toxic did; a second one waits no longer.\n"
     "While a toxic acts, the proxy's thread asks for the lowest real-time priority (SCHED_RR), so that a busy machine "
     "does not make it late. That takes root or CAP_SYS_NICE; refused, it does without. leakdrill doctor tells.\n"
     "Exit code 130 or 143: ended by SIGINT or SIGTERM; 2: the file is wrong; 3: a port is taken, or else the "
     "environment failed; 0: only with --check.",
     proxy_options, false, ld_command_proxy},
    {"doctor", "", "check whether this machine can run leakdrill",
     "One row for each check: what was found, and what is lost where something is missing. Takes two seconds.\n"
     "Exit code 0: runs are possible; 3: they are not.",
     doctor_options, false, ld_command_doctor},
    {"new-fixture", "FAMILY/NAME", "write a new leak, its twin and its scenario into the source tree",
     "They build and pass as they are: a goroutine stays behind with each request. Change the leak into yours.\n"
     "FAMILY becomes the program, unless fixtures of the family have one; NAME becomes the Go package. Both show in "
     "profiles, so they are words of an ordinary service, such as counter/receipts: a detector shall find the leak, "
     "not "
     "its name. Refuses to overwrite anything.",
     scaffold_options, true, ld_command_new_fixture},
    {"new-detector", "NAME", "write a new built-in detector and its test into the source tree",
     "It builds and passes as it is: it claims a leak above so many goroutines. Change the judgement into yours.\n"
     "With --exec it is a program of its own instead, in the working folder, which needs no source tree.\n"
     "NAME is what scenarios call it, such as burst or queue-depth. Refuses to overwrite anything.",
     new_detector_options, true, ld_command_new_detector},
    {"detector", "check CMD [ARG...]", "put a detector of your own, any program, through its paces",
     "Starts CMD several times and plays recorded runs to it, as a campaign would: a leaky one with failed reads, "
     "silence "
     "and a restart, its healthy twin, and a healthy one with a burst that drains. Says for each thing that the "
     "protocol asks (runner/detect/protocol.md) whether "
     "it holds, with the line at fault.\n"
     "Options stand before CMD. Exit code 0: all of it holds; 1: something does not; 4: the command line is wrong, or "
     "there is no such program.",
     detector_options, LD_TAKES_COMMAND, ld_command_detector},
    {"completion", "SHELL", "write the completion of commands and options for a shell",
     "SHELL is bash, zsh or fish. For bash: eval \"$(leakdrill completion bash)\"", NULL, true, ld_command_completion},
    NOT_YET("verify", "compare a candidate rule file with the current one on recorded runs"),
    NOT_YET("shadow", "run a candidate rule file beside the current one"),
    NOT_YET("sign", "sign a verified rule file"),
    NOT_YET("publish", "make a signed rule file the current one"),
    NOT_YET("drill", "hide a fault in a running program for people to find"),
    NOT_YET("merge", "join the databases of shards"),
    NOT_YET("gate", "judge a merged campaign"),
    {"help", "[COMMAND]", "explain a command", NULL, help_options, true, ld_command_help},
    {"version", "", "print the version", NULL, NULL, false, ld_command_version},
    {0},
};

_Static_assert(sizeof ld_commands / sizeof ld_commands[0] <= LD_COMMANDS_MAX + 1, "LD_COMMANDS_MAX is too low");

const struct ld_command *ld_command_find(const char *name)
{
    for (const struct ld_command *command = ld_commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

void ld_command_names(const char **ret_names)
{
    for (const struct ld_command *command = ld_commands; command->name; command++)
        *ret_names++ = command->name;
    *ret_names = NULL;
}

int ld_command_not_yet(const struct ld_invocation *invocation)
{
    fprintf(stderr, "leakdrill %s: not implemented yet\n", invocation->command->name);
    return LD_EXIT_USAGE;
}
