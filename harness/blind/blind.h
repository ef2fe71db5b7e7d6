/* Blindness: every symbol that is not Go's or a library's under a neutral name, in all that a run hands out.
 *
 * A struct ld_blind is one run's renaming. Names depend on its seed: equal within a run, others in the next. It keeps
 * the shape of what it renames: shop/digest.(*Desk).collect.func1 becomes
 * p3f0a91c2/p81c4470e.(*N7b9021aa).nf09d3e11.func1. Package paths and own files are renamed element by element (p…:
 * a folder and a file's stem of one name have one token), identifiers as a whole (n…, exported ones N…). Left as
 * they are: package main, main.main, init, the compiler's funcN, gowrapN, deferwrapN, glob., -fm and -rangeN, line
 * numbers, addresses, counts, states, times and the keys of labels. Generic arguments and types without a name become
 * [...], as the text encodings print them.
 *
 * Go's: packages whose path begins with a name of the standard library. A library's: packages whose path begins with a
 * domain. Own: the modules that the caller names, whatever they are called, package main, and all the rest. A file is
 * its function's. Where a file or a C function stands alone, its path decides: below GOROOT, a module cache or the
 * system's folders it is not own.
 *
 * Prose (a log line, a label's value) may hold anything: there, what looks like an own symbol or source file is
 * renamed, and words of own packages, files and camelCase identifiers that observations showed before. What a program
 * says of itself in other words stays.
 *
 * One thread. Everything foreign is bounded: LD_ELIMIT beyond LD_BLIND_WORDS_MAX words or their memory. Outputs are
 * appended; after a failure what was appended is worthless. */
#ifndef LD_BLIND_BLIND_H
#define LD_BLIND_BLIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "observe/observation.h"
#include "pprof/scan.h"

#define LD_BLIND_WORDS_MAX ((size_t)1 << 19)
#define LD_BLIND_OWN_MAX 64         /* own modules of one program */
#define LD_BLIND_BODY_MAX ((size_t)256 << 20)

struct ld_blind;

/* `own`: paths of modules or packages that are the program's, copied. LD_ENOMEM, LD_ELIMIT. */
int ld_blind_new(struct ld_blind **ret_blind, uint64_t seed, const char *const *own, size_t own_count);
void ld_blind_free(struct ld_blind *blind); /* NULL is allowed */

/* ---- names */

/* Of a function as profiles name it. `ret_own` (may be NULL): whether it was renamed for being own. */
int ld_blind_symbol(struct ld_blind *blind, struct ld_span symbol, struct ld_buffer *out, bool *ret_own);
/* Of a source file; `own`: its function is. */
int ld_blind_file(struct ld_blind *blind, struct ld_span path, bool own, struct ld_buffer *out);
/* A program or a library that is mapped into memory: those with .so in their name, and [vdso], stay. */
int ld_blind_program(struct ld_blind *blind, struct ld_span path, struct ld_buffer *out);
/* Prose. */
int ld_blind_prose(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out);
/* The other way: every token that was given out becomes the word that it stands for. */
int ld_blind_back(const struct ld_blind *blind, const char *text, struct ld_buffer *out);

/* ---- bodies; LD_ESYNTAX and LD_ETRUNCATED for a damaged protobuf, with `error` filled */

/* What a text said last: the lines of one come in order. Zero-initialise. */
struct ld_blind_text {
    bool after_function, own; /* the line before named a function, and it was own */
    bool printed;             /* by the program on standard error, not by net/http/pprof */
};
/* One line, without its newline. */
int ld_blind_line(struct ld_blind *blind, struct ld_blind_text *text, struct ld_span line, struct ld_buffer *out);
/* All lines. Of profiles in debug=1 and 2, goroutine dumps inside other texts, and any other text. */
int ld_blind_lines(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out);
/* A profile of any encoding, recognised by its bytes, or another text. gzip stays gzip. */
int ld_blind_profile(struct ld_blind *blind, const void *bytes, size_t length, struct ld_buffer *out,
                     struct ld_error *error);
/* Prometheus text: metrics that carry a name of an own module in front, label values and help. */
int ld_blind_metrics(struct ld_blind *blind, struct ld_span text, struct ld_buffer *out);

/* ---- rules on metrics, which a Prometheus evaluates: would they say the same, told the names?
 *
 * A rule looks at series: their names, labels and numbers. Those that were not renamed are the same with names. For
 * the rest it makes a difference only to a rule that asks for the name of a metric, or selects by a label, that was
 * renamed: whatever else it does with names gives others back one by one. A series whose label is renamed only once an
 * observation has shown the word becomes another one in between: who asks for its metric may say something else, too.
 */

/* Texts of metrics that were renamed so far, and how many of their metrics and labels have another name, or values. */
size_t ld_blind_metrics_reads(const struct ld_blind *blind);
size_t ld_blind_metrics_hidden(const struct ld_blind *blind);
/* Does a line of `rules`, a rule file or any text with PromQL, ask for what was renamed? True: `why` says which. When
 * in doubt it does. */
bool ld_blind_rules_ask(const struct ld_blind *blind, struct ld_span rules, char *why, size_t room);
/* The same for a text that routes alerts by their labels (an Alertmanager's configuration, a rule file that copies
 * labels for it): does it mention a label whose values were renamed? */
bool ld_blind_routes_ask(const struct ld_blind *blind, struct ld_span routes, char *why, size_t room);

/* ---- observations */

/* An observation renamed: profiles are parsed anew from the renamed bytes. What it points to is the blind's, until the
 * next call, or the original's. `instances` must be above the observation's instance. */
int ld_blind_observation(struct ld_blind *blind, const struct ld_observation *observation,
                         struct ld_observation *ret_observation, struct ld_error *error);

/* ---- what a program says of itself */

/* The modules that a Go program is made of, read from its build information (debug/buildinfo, Go 1.18 and later):
 * the main module, else the path of the main package. Copied to `ret_module`, "" when there is none.
 * LD_ENOENT: no Go program; LD_ELIMIT. */
int ld_blind_module(const void *program, size_t length, char *ret_module, size_t room);

#endif
