#include "fault/stream.h"

#include <stdlib.h>

static unsigned char pattern(uint64_t position)
{
    return (unsigned char)(position * 31 + position / 251);
}

struct stream stream_new(uint64_t connection, enum ld_stream stream)
{
    struct stream made = {.link = ld_link_new(SEED, connection, stream),
                          .departures = calloc(DEPARTURES_MAX, sizeof(struct departure))};
    assert_non_null(made.link);
    assert_non_null(made.departures);
    return made;
}

void stream_free(struct stream *stream)
{
    ld_link_free(stream->link);
    free(stream->departures);
}

void stream_write(struct stream *stream, size_t length, int64_t now_ns)
{
    unsigned char *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(stream->written + i);
    assert_int_equal(ld_link_write(stream->link, bytes, length, now_ns), 0);
    stream->written += length;
    free(bytes);
}

size_t stream_look(struct stream *stream, int64_t now_ns)
{
    size_t sum = 0, length;
    const void *bytes;
    while ((length = ld_link_peek(stream->link, now_ns, &bytes)) > 0) {
        for (size_t i = 0; i < length; i++)
            if (((const unsigned char *)bytes)[i] != pattern(stream->left + i))
                fail_msg("byte %llu is another one", (unsigned long long)(stream->left + i));
        ld_link_consume(stream->link, length, now_ns);
        assert_true(stream->count < DEPARTURES_MAX);
        stream->departures[stream->count++] = (struct departure){stream->left, length, now_ns};
        stream->left += length;
        sum += length;
    }
    assert_int_equal(ld_link_held(stream->link), stream->written - stream->left);
    if (!stream->ended && ld_link_finished(stream->link, now_ns)) {
        stream->ended = true;
        stream->ended_ns = now_ns;
    }
    return sum;
}

void stream_run(struct stream *stream, int64_t until_ns)
{
    int64_t due_ns;
    while (!stream->ended && (due_ns = ld_link_due(stream->link)) <= until_ns) {
        if (stream_look(stream, due_ns) == 0 && !stream->ended)
            fail_msg("due at %lld, and nothing left", (long long)due_ns);
    }
}

int64_t stream_last_ns(const struct stream *stream)
{
    return stream->count ? stream->departures[stream->count - 1].at_ns : INT64_MIN;
}

struct ld_fault_spec toxic_spec(enum ld_fault_type type, const char *id)
{
    return (struct ld_fault_spec){.type = type, .id = id, .for_ns = -1, .attributes.reach = {1, LD_STREAM_DOWN}};
}
