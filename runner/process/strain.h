/* Strains: what a fault lays on a running process for a time and takes off again.
 *
 * They are kept by the process's shim, which is its parent: the pid cannot be another's, and when leakdrill dies, the
 * guard dies or the lease ends the shim undoes them or dies, and its process with it. Everything a strain changes
 * belongs to the process (a signal, a limit, a file in its own file system), so that nothing outlives it. */
#ifndef LD_PROCESS_STRAIN_H
#define LD_PROCESS_STRAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* One row a strain: what its value is. */
enum ld_strain {
    LD_STRAIN_PAUSE,      /* nothing */
    LD_STRAIN_CPU,        /* millionths of the time in which it may run */
    LD_STRAIN_OPEN_FILES, /* descriptors */
    LD_STRAIN_MEMORY,     /* bytes */
    LD_STRAIN_DISK,       /* nothing: the whole folder */
    LD_STRAINS
};

/* How it is done here. */
enum ld_means {
    LD_MEANS_NONE,
    LD_MEANS_SIGNALS,    /* SIGSTOP and SIGCONT to its process group */
    LD_MEANS_HARD_LIMIT, /* hard and soft limit of the process */
    LD_MEANS_SOFT_LIMIT, /* soft limit only: the hard one could not be raised again */
    LD_MEANS_GROUP,      /* a limit of its cgroup */
    LD_MEANS_FILE        /* a file that takes all the room */
};
const char *ld_means_text(enum ld_means means); /* "cgroup v2"; "" for NONE */

/* The shim's side; embedded, initialised with target, group and folder. */
struct ld_strains {
    pid_t target;             /* leads its process group */
    const char *group;        /* folder of its own cgroup; "" when it has none */
    const char *disk_folder;  /* mount point of its own file system; "" when it has none */
    struct {
        bool on;
        int64_t value, until_ns; /* CLOCK_MONOTONIC: the end of the lease */
        enum ld_means means;
        struct rlimit before;
    } each[LD_STRAINS];
    int64_t cycle_ns, turn_ns; /* CPU by signals: when the cycle began and when it changes next */
    int64_t refill_ns;
    bool cycle_stopped, stopped;
};

/* May a hard limit that was lowered be raised again here? (CAP_SYS_RESOURCE.) Tried on the calling process. */
bool ld_strain_may_raise(void);
/* Lay it on, for at most lease_ns. 0 or an errno, with nothing changed. Once more: the new value and lease hold. */
int ld_strain_begin(struct ld_strains *strains, enum ld_strain strain, int64_t value, int64_t lease_ns,
                    enum ld_means *ret_means);
/* Take it off. 0 (not on, too) or an errno. */
int ld_strain_end(struct ld_strains *strains, enum ld_strain strain);
void ld_strains_end(struct ld_strains *strains);
/* When ld_strains_turn is due, CLOCK_MONOTONIC; INT64_MAX: never. */
int64_t ld_strains_due(const struct ld_strains *strains);
/* Whatever is due: ends of leases, the cycle of CPU by signals. */
void ld_strains_turn(struct ld_strains *strains);

#endif
