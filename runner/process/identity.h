/* Which process it is: a pid alone may be another's by now; with its start time, and within one boot of the machine, it
 * names one process for good. */
#ifndef LD_PROCESS_IDENTITY_H
#define LD_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "observe/procfs.h"

struct ld_identity {
    int64_t pid;
    uint64_t start_ticks; /* since boot */
};

#define LD_BOOT_ID_SIZE 40
/* Of the machine, as text; "" when the kernel does not say. */
void ld_boot_id(char ret_text[LD_BOOT_ID_SIZE]);

/* /proc/PID/stat; false when there is no such process. A zombie has one. */
bool ld_proc_stat_read(int64_t pid, struct ld_proc_stat *ret_stat);

/* false: there is no such process (a zombie is none). */
bool ld_identity_read(int64_t pid, struct ld_identity *ret_identity);
bool ld_identity_lives(const struct ld_identity *identity);
/* As one text, "PID/START", for databases; and back. */
const char *ld_identity_text(const struct ld_identity *identity, char *ret_text, size_t room);
bool ld_identity_parse(const char *text, struct ld_identity *ret_identity);
/* SIGKILL to it and to its process group where it leads one, and wait for its end, at most limit_ns. Returns whether it
 * is gone. It need not be our child, and is never another. */
bool ld_identity_kill(const struct ld_identity *identity, int64_t limit_ns);

/* Call `visit` for every process of our user whose program or working folder lies in `folder`. */
void ld_identities_below(const char *folder, void (*visit)(void *context, const struct ld_identity *identity),
                         void *context);

#endif
