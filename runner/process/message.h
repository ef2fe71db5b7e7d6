/* What leakdrill, the guard and the shims say to each other: packets on SOCK_SEQPACKET socket pairs.
 *
 * leakdrill -> guard:  one SPAWN a target, with the descriptors of the spawn behind it (SCM_RIGHTS).
 * leakdrill <-> shim:  SIGNAL, STRAIN, RELIEVE, END;  STARTED (with a pidfd), FAILED, STRAINED, EXITED, ENDED.
 * End of file on either means that the other side is gone. */
#ifndef LD_PROCESS_MESSAGE_H
#define LD_PROCESS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LD_MESSAGE_MAGIC UINT32_C(0x6c646d73)
#define LD_MESSAGE_BYTES_MAX ((size_t)96 * 1024)
#define LD_MESSAGE_FDS_MAX 7
#define LD_SPAWN_WORDS_MAX 512

/* The descriptors of a spawn, in this order; absent ones are left out and their bit in `present` is clear. */
enum ld_spawn_fd {
    LD_SPAWN_FD_CHANNEL, /* the shim's end of its channel; always there */
    LD_SPAWN_FD_STDOUT,
    LD_SPAWN_FD_STDERR,
    LD_SPAWN_FD_LISTEN,  /* becomes fd 3 */
    LD_SPAWN_FD_TRUTH,   /* becomes fd 4 */
    LD_SPAWN_FD_SETTING, /* becomes fd 5 */
    LD_SPAWN_FD_STDIN,
    LD_SPAWN_FDS
};
_Static_assert(LD_SPAWN_FDS <= LD_MESSAGE_FDS_MAX, "a spawn's descriptors fit one packet");

struct ld_spawn_message {
    uint32_t magic;
    uint32_t present;       /* bits of enum ld_spawn_fd */
    uint32_t argument_count;
    uint32_t environment_count;
    uint64_t open_files;    /* hard and soft limit, 0: inherit */
    uint64_t disk_bytes;    /* size of its own file system at disk_folder; 0: none */
    /* then NUL-terminated texts: program, folder, disk_folder, arguments (argv[0] first), environment */
};

enum ld_shim_word {
    LD_SHIM_STARTED = 1, /* pidfd attached; left: the name of its cgroup in the campaign's, 0: it has none */
    LD_SHIM_FAILED,      /* value: errno, of exec or what came before it */
    LD_SHIM_EXITED,      /* value: exit status, or -signal */
    LD_SHIM_ENDED,       /* value: processes that were still there at the end; left: how many survived SIGKILL */
    LD_SHIM_SIGNAL,      /* value: signal number for the target's process group */
    LD_SHIM_STRAIN,      /* strain, value, lease_ns: lay it on; STRAINED answers */
    LD_SHIM_RELIEVE,     /* strain: take it off; STRAINED answers */
    LD_SHIM_STRAINED,    /* strain; value: errno; left: how it is done (enum ld_means), LD_MEANS_NONE: it is off */
    LD_SHIM_END          /* kill whatever is left of it, say ENDED, go */
};

struct ld_shim_message {
    uint32_t magic;
    uint32_t word;
    int64_t value;
    int64_t left;
    uint32_t strain;   /* enum ld_strain */
    uint32_t reserved; /* 0: no byte of a packet is left unset */
    int64_t lease_ns;
};

/* Send or receive one packet with descriptors. Both return the bytes moved, or -errno; receive returns 0 at the end
 * of file. *fd_count: in, room in fds; out, how many came (close-on-exec). Descriptors beyond the room are closed. */
ssize_t ld_message_send(int fd, const void *bytes, size_t length, const int *fds, size_t fd_count);
ssize_t ld_message_receive(int fd, void *bytes, size_t room, int *fds, size_t *fd_count, int flags);

#endif
