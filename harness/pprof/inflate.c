#include "pprof/inflate.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#define CHUNK ((size_t)32 * 1024)
#define GZIP_ONLY (15 + 16) /* window bits of the largest window, plus 16: a gzip header and nothing else */

static int fail_step(const z_stream *stream, int status, struct ld_error *error)
{
    if (status == Z_MEM_ERROR)
        return ld_fail(error, LD_ENOMEM, "no memory to inflate a profile");
    return ld_fail(error, LD_ESYNTAX, "damaged gzip at byte %lu: %s", stream->total_in,
                   stream->msg ? stream->msg : "no deflate stream");
}

static int inflate_all(z_stream *stream, struct ld_buffer *plain, struct ld_error *error)
{
    unsigned char chunk[CHUNK];
    for (int status = Z_OK; status != Z_STREAM_END;) {
        stream->next_out = chunk;
        stream->avail_out = sizeof chunk;
        status = inflate(stream, Z_NO_FLUSH);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return fail_step(stream, status, error);
        size_t made = sizeof chunk - stream->avail_out;
        if (status != Z_STREAM_END && made == 0 && stream->avail_in == 0)
            return ld_fail(error, LD_ETRUNCATED, "the gzip'd profile ends early, at byte %lu", stream->total_in);
        int code = ld_buffer_add(plain, chunk, made);
        if (code == LD_ENOMEM)
            return ld_fail(error, code, "no memory to inflate a profile");
        if (code)
            return ld_fail(error, code, "inflated, the profile has more than %zu bytes", plain->maximum);
    }
    return 0;
}

int ld_inflate(struct ld_buffer *ret_plain, const void *bytes, size_t length, struct ld_error *error)
{
    if (length > UINT_MAX)
        return ld_fail(error, LD_ELIMIT, "the gzip'd profile has more than %u bytes", UINT_MAX);
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes, .avail_in = (uInt)length};
    int status = inflateInit2(&stream, GZIP_ONLY);
    if (status != Z_OK)
        return fail_step(&stream, status, error);
    int code = inflate_all(&stream, ret_plain, error);
    if (!code && stream.avail_in)
        code = ld_fail(error, LD_ESYNTAX, "%u bytes follow the gzip'd profile, at byte %lu", stream.avail_in,
                       stream.total_in);
    inflateEnd(&stream);
    return code;
}

/* ---- packing */

bool ld_is_gzip(const void *bytes, size_t length)
{
    return length >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
}

static int deflate_all(z_stream *stream, struct ld_buffer *out)
{
    unsigned char chunk[CHUNK];
    for (int status = Z_OK; status != Z_STREAM_END;) {
        stream->next_out = chunk;
        stream->avail_out = sizeof chunk;
        status = deflate(stream, Z_FINISH);
        if (status == Z_STREAM_ERROR)
            return LD_ESYSTEM;
        int code = ld_buffer_add(out, chunk, sizeof chunk - stream->avail_out);
        if (code)
            return code;
    }
    return 0;
}

int ld_deflate(struct ld_buffer *out, const void *bytes, size_t length)
{
    if (length > UINT_MAX)
        return LD_ELIMIT;
    z_stream stream = {0};
    if (deflateInit2(&stream, 1, Z_DEFLATED, GZIP_ONLY, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return LD_ENOMEM;
    stream.next_in = (z_const Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)length;
    int code = deflate_all(&stream, out);
    deflateEnd(&stream);
    return code;
}
