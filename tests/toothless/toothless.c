/* Disables every fault of the proxy in a program that is linked with LD_TOOTHLESS_WRAPS: the linker sends the proxy's
 * calls here. Everything else, above all what measures, is the real thing. */
#include <stdbool.h>
#include <stdint.h>

struct ld_link;
struct ld_fault_spec;

int __wrap_ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns);
int64_t __wrap_ld_toxic_connect_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection);
bool __wrap_ld_toxic_refuses(const struct ld_fault_spec *fault);

int __wrap_ld_link_add(struct ld_link *link, const struct ld_fault_spec *fault, int64_t now_ns)
{
    (void)link;
    (void)fault;
    (void)now_ns;
    return 0;
}

int64_t __wrap_ld_toxic_connect_delay_ns(uint64_t seed, const struct ld_fault_spec *fault, uint64_t connection)
{
    (void)seed;
    (void)fault;
    (void)connection;
    return 0;
}

bool __wrap_ld_toxic_refuses(const struct ld_fault_spec *fault)
{
    (void)fault;
    return false;
}
