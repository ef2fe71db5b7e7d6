/* A CSV to import, read to its end and delivered. */
#include "import_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_import(data, size, "a.csv", ld_import_csv);
}
