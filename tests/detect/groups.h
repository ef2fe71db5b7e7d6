/* The groups of tests of this room, one file each; test_<group> returns how many failed. */
#ifndef LD_TEST_DETECT_GROUPS_H
#define LD_TEST_DETECT_GROUPS_H

#define LD_DETECT_TESTS(X) \
    X(interface)           \
    X(detectors)           \
    X(published)           \
    X(sanitizer)           \
    X(endpoint)            \
    X(go_source)           \
    X(calibration)         \
    X(files)               \
    X(alertmanager)        \
    X(promql)

#define X(group) int test_##group(void);
LD_DETECT_TESTS(X)
#undef X

#endif
