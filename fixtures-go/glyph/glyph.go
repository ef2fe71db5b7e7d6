// Package glyph lays texts out in memory of the C library. What it returns is not Go's: the garbage collector neither
// sees nor frees it.
package glyph

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// set returns size bytes that repeat a text, or NULL when there is no memory.
static char *set(const char *text, size_t length, size_t size)
{
    char *line = malloc(size);
    if (!line)
        return NULL;
    for (size_t at = 0; at < size; at += length)
        memcpy(line + at, text, size - at < length ? size - at : length);
    return line;
}

// turn hands back the token it was given.
static uintptr_t turn(uintptr_t token)
{
    return token;
}
*/
import "C"

import "unsafe"

// Set lays a text out, again and again until size bytes are full. The text is not empty. Free gives the bytes back.
func Set(steps int, text string, size int) []byte {
	if steps > 1 {
		return Set(steps-1, text, size)
	}
	line := C.set((*C.char)(unsafe.Pointer(unsafe.StringData(text))), C.size_t(len(text)), C.size_t(size))
	if line == nil {
		panic("glyph: the C library has no memory left")
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(line)), size)
}

// Free gives back what Set returned; it must not be used any more.
func Free(line []byte) {
	C.free(unsafe.Pointer(unsafe.SliceData(line)))
}

// Turn lets the C library hold a token, such as a cgo.Handle, and returns what it hands back.
func Turn(token uintptr) uintptr {
	return uintptr(C.turn(C.uintptr_t(token)))
}
