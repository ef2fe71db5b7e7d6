//go:build asan

package glyph

/*
// AddressSanitizer asks for this at start; ASAN_OPTIONS in the environment overrides it. The exit code is one that
// nothing else here uses. What is not freed is not its business: the program measures that otherwise.
const char *__asan_default_options(void)
{
    return "exitcode=86:detect_leaks=0";
}
*/
import "C"
