/* What a PromQL expression asks for: its vector selectors, as they stand in it. No parser: the expression was accepted
 * by promtool, or Prometheus will say what is wrong with it. After prometheus.io/docs/prometheus/latest/querying/basics
 * and Prometheus' own lexer (promql/parser/lex.go), whose keywords these are. */
#ifndef LD_DETECT_PROMQL_H
#define LD_DETECT_PROMQL_H

#include <stddef.h>

/* Hand each selector of `text` to `take`, in order: "up", "go_goroutines{job=\"shop\"}", "{__name__=~\"go_.*\"}";
 * without a range, an offset or an @. A text that is no PromQL gives what looks like selectors in it. The first answer
 * of `take` other than 0 ends it and is returned. */
int ld_promql_selectors(const char *text, int (*take)(void *context, const char *selector, size_t length),
                        void *context);

#endif
