/* What a campaign left that was cut off: found by what its database says of it, undone and marked there. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "runner/cli/command.h"
#include "runner/cli/database.h"
#include "runner/process/claim.h"
#include "runner/process/group.h"
#include "runner/process/identity.h"
#include "runner/process/sweep.h"
#include "runner/run/campaign.h"
#include "runner/run/work_folder.h"
#include "store/store.h"

#define RECOVER_MEMORY ((size_t)256 << 20)
#define KILL_LIMIT_NS (5 * LD_SECOND)
#define ROUNDS_MAX 10 /* what a process forks while it is killed is found in the next round */
#define NOTE "recover"

/* A folder that a database names: what it is to us, and with LD_CLAIM_TAKEN its lock. */
struct place {
    const char *path;
    enum ld_claimed claim;
    int lock;
};

/* What became of one database, or of all. */
struct recovery {
    bool dry_run;
    const char *database;
    struct place folder, group; /* of this boot; until then, and of another boot, LD_CLAIM_GONE */
    uint64_t killed, left, receipts, runs, folders;
    bool running; /* its campaign may be alive: nothing was touched */
};

static const char *fact_of(const struct ld_campaign_info *info, const char *name)
{
    const char *value = ld_database_fact(info, name);
    return value ? value : "";
}

/* Within another boot no pid of then means anything. */
static bool is_of_this_boot(const struct ld_campaign_info *info)
{
    char boot[LD_BOOT_ID_SIZE];
    ld_boot_id(boot);
    return boot[0] && strcmp(fact_of(info, LD_FACT_BOOT), boot) == 0;
}

/* ---- whether it lives */

static struct place claim_place(const char *path, enum ld_claimed (*claim)(const char *path, int *ret_lock))
{
    struct place place = {.path = path, .claim = LD_CLAIM_GONE, .lock = -1};
    if (path[0])
        place.claim = claim(path, &place.lock);
    return place;
}

static void let_go(struct place *place)
{
    if (place->claim == LD_CLAIM_TAKEN)
        close(place->lock);
    place->claim = LD_CLAIM_GONE;
}

/* Its process does not show in another PID namespace, its locks do: who gets one of them knows that it is dead. Where
 * its folders do not show either, its open database still does. What is claimed here stays so until the end. */
static void look_for_life(struct recovery *recovery, const struct ld_campaign_info *info, bool in_use)
{
    struct ld_identity leakdrill;
    const char *process = fact_of(info, LD_FACT_PROCESS), *still = "this campaign is still running";
    bool here = is_of_this_boot(info);
    if (here) {
        recovery->folder = claim_place(fact_of(info, LD_FACT_WORK_FOLDER), ld_work_folder_claim);
        recovery->group = claim_place(fact_of(info, LD_FACT_GROUP), ld_group_claim);
    }
    recovery->running = true;
    if (here && ld_identity_parse(process, &leakdrill) && ld_identity_lives(&leakdrill))
        printf("%s: %s (process %s): nothing was touched\n", recovery->database, still, process);
    else if (recovery->folder.claim == LD_CLAIM_HELD || recovery->group.claim == LD_CLAIM_HELD)
        printf("%s: %s (%s is locked): nothing was touched\n", recovery->database, still,
               recovery->folder.claim == LD_CLAIM_HELD ? recovery->folder.path : recovery->group.path);
    else if (in_use && recovery->folder.claim != LD_CLAIM_TAKEN && recovery->group.claim != LD_CLAIM_TAKEN)
        printf("%s: another process has it open, so this campaign may still be running: nothing was touched\n",
               recovery->database);
    else
        recovery->running = false;
}

/* ---- processes */

static void end_process(struct recovery *recovery, const struct ld_identity *identity, const char *name)
{
    if (!ld_identity_lives(identity))
        return;
    if (recovery->dry_run) {
        printf("%s: would kill process %lld%s%s\n", recovery->database, (long long)identity->pid, name[0] ? ", " : "",
               name);
        recovery->killed++;
    } else if (ld_identity_kill(identity, KILL_LIMIT_NS)) {
        printf("%s: killed process %lld%s%s\n", recovery->database, (long long)identity->pid, name[0] ? ", " : "",
               name);
        recovery->killed++;
    } else {
        printf("%s: process %lld cannot be killed%s%s\n", recovery->database, (long long)identity->pid,
               name[0] ? ", " : "", name);
        recovery->left++;
    }
}

static void end_stranger(void *context, const struct ld_identity *identity)
{
    end_process(context, identity, "which works in its folder");
}

/* Those that were written down, and those that nobody knew of: what a target forked, or was too young for a row. */
static void end_processes(struct recovery *recovery, const struct ld_campaign_info *info,
                          const struct ld_stored_note *notes, size_t count)
{
    if (!is_of_this_boot(info))
        return;
    for (size_t i = 0; i < count; i++) {
        struct ld_identity identity;
        const char *name = strchr(notes[i].text, ' ');
        if (strcmp(notes[i].kind, LD_NOTE_PROCESS) == 0 && ld_identity_parse(notes[i].text, &identity))
            end_process(recovery, &identity, name ? name + 1 : "");
    }
}

/* Only in a folder that is a dead campaign's: in any other they are somebody's. */
static void end_strangers(struct recovery *recovery)
{
    uint64_t before = recovery->killed - 1;
    for (int round = 0;
         round < ROUNDS_MAX && recovery->killed != before && recovery->folder.claim == LD_CLAIM_TAKEN; round++) {
        before = recovery->killed;
        ld_identities_below(recovery->folder.path, end_stranger, recovery);
        if (recovery->dry_run)
            return;
    }
}

/* ---- folders */

/* 0 or -errno. */
static int remove_group(const char *path)
{
    return ld_group_remove(path) ? 0 : -EBUSY; /* kills what is in it, too */
}

static void remove_place(struct recovery *recovery, const struct place *place, const char *what,
                         int (*remove_it)(const char *path))
{
    if (place->claim == LD_CLAIM_NOT_OURS) {
        printf("%s: %s is no %s that leakdrill made for this user%s%s: it was not touched\n", recovery->database,
               place->path, what, place == &recovery->folder ? " in " : "",
               place == &recovery->folder ? ld_work_folder_parent() : "");
        recovery->left++;
    }
    if (place->claim != LD_CLAIM_TAKEN)
        return;
    int code = recovery->dry_run ? 0 : remove_it(place->path);
    if (code)
        printf("%s: the %s %s cannot be removed: %s\n", recovery->database, what, place->path, strerror(-code));
    else
        printf("%s: %s the %s %s\n", recovery->database, recovery->dry_run ? "would remove" : "removed", what,
               place->path);
    recovery->left += code != 0;
    recovery->folders += code == 0;
}

/* Of another boot, or of another machine: who made what has that name here is not known. */
static void mention_folder(const struct recovery *recovery, const char *folder)
{
    struct stat status;
    if (folder[0] && lstat(folder, &status) == 0)
        printf("%s: it ran on another machine, or before this one was started: %s was not touched\n",
               recovery->database, folder);
}

/* ---- marks */

static bool is_marked(const struct ld_stored_note *notes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(notes[i].kind, NOTE) == 0)
            return true;
    return false;
}

/* An intent without a receipt gets one that says what happened. */
static int close_faults(struct recovery *recovery, struct ld_store *store, uint32_t run, struct ld_arena *arena,
                        struct ld_error *error)
{
    struct ld_receipt receipt = {.text = "leakdrill died before it ended; recover found nothing left of it"};
    struct ld_stored_fault *faults;
    size_t count;
    int code = ld_store_read_faults(store, run, &faults, &count, arena, error);
    for (size_t i = 0; i < count && !code; i++) {
        if (faults[i].began_ns >= 0)
            continue;
        recovery->receipts++;
        if (!recovery->dry_run)
            code =
                ld_store_fault_receipt(store, run, faults[i].id, faults[i].time_ns, faults[i].time_ns, &receipt, error);
    }
    return code;
}

static int recover_run(struct recovery *recovery, struct ld_store *store, const struct ld_campaign_info *info,
                       uint32_t run, struct ld_arena *arena, struct ld_error *error)
{
    struct ld_stored_note *notes;
    size_t count;
    int code = ld_store_read_notes(store, run, &notes, &count, arena, error);
    if (code)
        return code;
    end_processes(recovery, info, notes, count);
    if (is_marked(notes, count))
        return 0;
    recovery->runs++;
    code = close_faults(recovery, store, run, arena, error);
    int64_t last_ns = count ? notes[count - 1].time_ns : 0;
    if (!code && !recovery->dry_run)
        code =
            ld_store_note(store, run, last_ns, NOTE, "leakdrill died during this run; what it left was undone", error);
    return code;
}

/* ---- one database */

static int recover_all(struct recovery *recovery, struct ld_store *store, const struct ld_campaign_info *info,
                       struct ld_arena *arena, struct ld_error *error)
{
    uint32_t *runs;
    size_t count;
    int code = ld_store_read_unfinished(store, &runs, &count, arena, error);
    for (size_t i = 0; i < count && !code; i++)
        code = recover_run(recovery, store, info, runs[i], arena, error);
    if (code)
        return code;
    end_strangers(recovery);
    remove_place(recovery, &recovery->group, "cgroup", remove_group);
    remove_place(recovery, &recovery->folder, "work folder", ld_remove_tree);
    if (!is_of_this_boot(info))
        mention_folder(recovery, fact_of(info, LD_FACT_WORK_FOLDER));
    if (recovery->runs)
        printf("%s: %s %llu run%s that never ended, and %llu fault%s without a receipt\n", recovery->database,
               recovery->dry_run ? "would mark" : "marked", (unsigned long long)recovery->runs,
               recovery->runs == 1 ? "" : "s", (unsigned long long)recovery->receipts,
               recovery->receipts == 1 ? "" : "s");
    return recovery->dry_run ? 0 : ld_store_commit(store, true, error);
}

/* Read only, so that a campaign that goes on is not disturbed: is there anything to undo? */
static int look_at(struct recovery *recovery, struct ld_store *store, bool in_use, struct ld_campaign_info *ret_info,
                   struct ld_arena *arena, bool *ret_due, struct ld_error *error)
{
    int code = ld_store_read_campaign(store, ret_info, arena, error);
    if (code)
        return code;
    *ret_due = false;
    if (ret_info->ended_wall_ns)
        return 0;
    look_for_life(recovery, ret_info, in_use);
    *ret_due = !recovery->running;
    return 0;
}

static int recover_wet(struct recovery *recovery, struct ld_arena *arena, struct ld_error *error)
{
    struct ld_campaign_info info;
    struct ld_store *store;
    bool due, in_use = ld_store_in_use(recovery->database);
    int code = ld_store_open(&store, recovery->database, false, error);
    if (code)
        return code;
    code = look_at(recovery, store, in_use, &info, arena, &due, error);
    ld_store_close(store, NULL);
    if (code || !due)
        return code;
    code = ld_store_open(&store, recovery->database, true, error);
    if (code)
        return code;
    code = recover_all(recovery, store, &info, arena, error);
    int closed = ld_store_close(store, code ? NULL : error);
    return code ? code : closed;
}

/* A reader of what a dead writer left writes beside it, so that a copy is read; one that is in use is read as any
 * reader does. */
static int recover_dry(struct recovery *recovery, struct ld_arena *arena, struct ld_error *error)
{
    char folder[512];
    int lock;
    struct ld_campaign_info info;
    struct ld_store *store = NULL;
    bool due = false, in_use = ld_store_in_use(recovery->database);
    int code = ld_work_folder_make(folder, sizeof folder, &lock, error);
    if (code)
        return code;
    code = in_use ? ld_store_open(&store, recovery->database, false, error)
                  : ld_store_open_untouched(&store, recovery->database, folder, error);
    if (!code)
        code = look_at(recovery, store, in_use, &info, arena, &due, error);
    if (!code && due)
        code = recover_all(recovery, store, &info, arena, error);
    ld_store_close(store, NULL);
    (void)ld_remove_tree(folder);
    close(lock);
    return code;
}

static int recover_database(struct recovery *recovery, struct ld_error *error)
{
    struct ld_arena *arena = ld_arena_new(RECOVER_MEMORY);
    if (!arena)
        return ld_fail(error, LD_ENOMEM, "out of memory");
    int code = recovery->dry_run ? recover_dry(recovery, arena, error) : recover_wet(recovery, arena, error);
    let_go(&recovery->folder);
    let_go(&recovery->group);
    ld_arena_free(arena);
    return code;
}

/* ---- all of them */

/* Databases whose making was cut off hold no campaign yet: nothing had been started then. */
static int recover_one(const struct ld_invocation *invocation, struct recovery *sum, const char *path)
{
    struct recovery recovery = {.dry_run = sum->dry_run, .database = path};
    struct ld_error error = {0};
    int code = recover_database(&recovery, &error);
    sum->killed += recovery.killed;
    sum->left += recovery.left;
    sum->receipts += recovery.receipts;
    sum->runs += recovery.runs;
    sum->folders += recovery.folders;
    sum->running = sum->running || recovery.running;
    return code && code != LD_ENOENT ? ld_say_error(invocation->command, &error) : 0;
}

static int is_database(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 3 && strcmp(entry->d_name + length - 3, ".db") == 0;
}

static int recover_folder(const struct ld_invocation *invocation, struct recovery *sum)
{
    struct dirent **entries;
    int count = scandir(LD_RUNS_FOLDER, &entries, is_database, alphasort), exit = 0;
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, LD_RUNS_FOLDER "/%s", entries[i]->d_name);
        int code = recover_one(invocation, sum, path);
        exit = exit ? exit : code;
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return exit;
}

int ld_command_recover(const struct ld_invocation *invocation)
{
    struct recovery sum = {.dry_run = ld_option_given(invocation, "dry-run")};
    int exit = invocation->argument_count ? 0 : recover_folder(invocation, &sum);
    for (size_t i = 0; i < invocation->argument_count; i++) {
        int code = recover_one(invocation, &sum, invocation->arguments[i]);
        exit = exit ? exit : code;
    }
    /* Folders of campaigns whose databases are elsewhere, or gone. */
    unsigned folders = ld_work_folders_sweep(!sum.dry_run);
    unsigned groups = ld_groups_sweep(!sum.dry_run);
    if (groups)
        printf("%s %u cgroup%s of dead campaigns\n", sum.dry_run ? "would remove" : "removed", groups,
               groups == 1 ? "" : "s");
    if (folders)
        printf("%s %u work folder%s of dead campaigns\n", sum.dry_run ? "would remove" : "removed", folders,
               folders == 1 ? "" : "s");
    if (!sum.killed && !sum.left && !sum.runs && !sum.folders && !folders && !groups && !exit && !sum.running)
        puts("nothing to recover");
    printf("%llu left\n", (unsigned long long)sum.left);
    if (exit)
        return exit;
    return sum.left ? LD_EXIT_HARNESS : sum.running && invocation->argument_count ? LD_EXIT_USAGE : LD_EXIT_OK;
}
