/* The names that the tests' scenarios may use. */
#ifndef TEST_SCENARIO_CATALOGUE_H
#define TEST_SCENARIO_CATALOGUE_H

#include "scenario/scenario.h"

static const char *const test_fixtures[] = {"queue/consumer-unclosed", "http/body-not-closed",
                                            "sync/done-missing", "timer/ticker-not-stopped",
                                            "timer/ticker-only-stopped", "context/cancel-missing",
                                            "cgo/memory-dangling", "cgo/handle-not-deleted",
                                            "cgo/memory-not-freed", NULL};
static const char *const test_upstreams[] = {"http-echo", NULL};
static const struct ld_catalogue test_catalogue = {.fixtures = test_fixtures, .upstreams = test_upstreams,
                                                     .data_folder = SOURCE_FOLDER, .opens_detectors = true};

#endif
