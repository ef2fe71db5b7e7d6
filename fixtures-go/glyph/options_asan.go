//go:build asan

package glyph

/*
// AddressSanitizer asks for this at start; ASAN_OPTIONS in the environment overrides it. The exit code is one that
// nothing else here uses, also when LeakSanitizer, which looks when the program ends, finds what nobody can free.
const char *__asan_default_options(void)
{
    return "exitcode=86:detect_leaks=1";
}
*/
import "C"
