/* How fast are the profile parsers? Each is set against two floors over the very same bytes, in the same run: memchr
 * from line to line (what a line scanner must do at least) and memcpy. Best of several rounds, so that a busy machine
 * disturbs least.
 *
 * The inputs are real profiles, repeated: 56 MB of debug=2 (100 000 goroutines are about that), debug=1 with many
 * groups, and debug=0 of 100 000 labelled samples, which also counts the inflation. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "base/buffer.h"
#include "observe/series.h"
#include "pprof/profile.h"

#define ROUNDS 5
#define STACKS_BYTES ((size_t)56 << 20)
#define GROUPS_COPIES 2000
#define LABELLED_SAMPLES 100000

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_parse: %s\n", what);
    exit(1);
}

static void need(int code)
{
    if (code)
        die(ld_code_text(code));
}

struct input {
    const char *name;
    struct ld_buffer bytes;
    uint32_t samples; /* found, so that nothing is optimised away and a wrong parse is seen */
};

static volatile size_t sink;

static void scan_lines(struct input *input)
{
    const char *at = input->bytes.bytes, *end = at + input->bytes.length;
    size_t lines = 0;
    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        at++;
        lines++;
    }
    sink = lines;
}

static void copy(struct input *input)
{
    static char *room;
    static size_t size;
    if (size < input->bytes.length) {
        free(room);
        size = input->bytes.length;
        if (!(room = malloc(size)))
            die("out of memory");
        memset(room, 1, size); /* touch the pages before the clock runs */
    }
    memcpy(room, input->bytes.bytes, input->bytes.length);
    sink = (unsigned char)room[input->bytes.length / 2];
}

static void parse(struct input *input)
{
    struct ld_profile profile;
    struct ld_error error;
    if (ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, input->bytes.bytes, input->bytes.length, NULL, &error))
        die(error.message);
    input->samples = profile.sample_count;
    ld_profile_done(&profile);
}

static void parse_and_fold(struct input *input)
{
    struct ld_profile profile;
    struct ld_site_counts counts;
    struct ld_error error;
    if (ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, input->bytes.bytes, input->bytes.length, NULL, &error))
        die(error.message);
    need(ld_site_counts_of(&counts, &profile));
    sink = counts.count;
    ld_site_counts_done(&counts);
    ld_profile_done(&profile);
}

static double best(void (*work)(struct input *), struct input *input)
{
    double shortest = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_s();
        work(input);
        double took = now_s() - start;
        shortest = took < shortest ? took : shortest;
    }
    return shortest;
}

static void report(struct input *input)
{
    double lines = best(scan_lines, input), copied = best(copy, input);
    double parsed = best(parse, input), folded = best(parse_and_fold, input);
    double megabytes = (double)input->bytes.length / 1e6;
    printf("%-28s %7.1f MB  %7u samples  parse %6.2f ms %7.0f MB/s  vs memchr per line %.2f  vs memcpy %.2f  "
           "with sites %.2f of its speed\n",
           input->name, megabytes, input->samples, parsed * 1e3, megabytes / parsed, lines / parsed, copied / parsed,
           parsed / folded);
    ld_buffer_done(&input->bytes);
}

static void read_golden(struct ld_buffer *bytes, const char *name)
{
    char path[512], chunk[4096];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        die(path);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file));)
        need(ld_buffer_add(bytes, chunk, n));
    fclose(file);
}

static void bench_stacks(void)
{
    struct ld_buffer one;
    struct input input = {.name = "debug=2, one dump repeated"};
    ld_buffer_init(&one, 1 << 20);
    ld_buffer_init(&input.bytes, STACKS_BYTES);
    read_golden(&one, "goprof/go1.27/goroutine.debug2.txt");
    while (ld_buffer_add(&input.bytes, one.bytes, one.length) == 0)
        continue;
    ld_buffer_done(&one);
    report(&input);
}

static void bench_groups(void)
{
    struct ld_buffer one;
    struct input input = {.name = "debug=1, its groups repeated"};
    ld_buffer_init(&one, 1 << 20);
    ld_buffer_init(&input.bytes, (size_t)128 << 20);
    read_golden(&one, "goprof/go1.27/goroutine.debug1.txt");
    size_t header = (size_t)(strchr(one.bytes, '\n') - one.bytes) + 1;
    need(ld_buffer_printf(&input.bytes, "goroutine profile: total %d\n", 33 * GROUPS_COPIES));
    for (int i = 0; i < GROUPS_COPIES; i++)
        need(ld_buffer_add(&input.bytes, one.bytes + header, one.length - header));
    ld_buffer_done(&one);
    report(&input);
}

/* ---- debug=0 */

static void put_varint(struct ld_buffer *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (unsigned char)(value | 0x80);
    bytes[n++] = (unsigned char)value;
    need(ld_buffer_add(out, bytes, n));
}

static void put_bytes(struct ld_buffer *out, uint32_t field, const void *bytes, size_t length)
{
    put_varint(out, field << 3 | 2);
    put_varint(out, length);
    need(ld_buffer_add(out, bytes, length));
}

static void inflate_into(struct ld_buffer *out, const struct ld_buffer *packed)
{
    unsigned char plain[1 << 16];
    z_stream stream = {.next_in = (Bytef *)packed->bytes, .avail_in = (uInt)packed->length,
                       .next_out = plain, .avail_out = sizeof plain};
    if (inflateInit2(&stream, 15 + 16) != Z_OK || inflate(&stream, Z_FINISH) != Z_STREAM_END)
        die("cannot inflate the golden profile");
    need(ld_buffer_add(out, plain, stream.total_out));
    inflateEnd(&stream);
}

static void deflate_into(struct ld_buffer *out, const struct ld_buffer *plain)
{
    z_stream stream = {.next_in = (Bytef *)plain->bytes, .avail_in = (uInt)plain->length};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        die("cannot deflate");
    size_t room = deflateBound(&stream, (uLong)plain->length);
    unsigned char *packed = malloc(room);
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    if (!packed || deflate(&stream, Z_FINISH) != Z_STREAM_END)
        die("cannot deflate");
    need(ld_buffer_add(out, packed, stream.total_out));
    deflateEnd(&stream);
    free(packed);
}

/* A real profile and 100 000 samples more: four of its locations each, a label of their own. The string table goes on
 * behind its 200 or so texts, so the labels' texts are told by numbers counted from its end. */
static void bench_proto(bool packed)
{
    struct ld_buffer golden, plain, message;
    struct input input = {.name = packed ? "debug=0, labelled, gzip'd" : "debug=0, labelled, plain"};
    uint64_t strings = 0;
    ld_buffer_init(&golden, 1 << 20);
    ld_buffer_init(&plain, (size_t)64 << 20);
    ld_buffer_init(&message, 1 << 10);
    ld_buffer_init(&input.bytes, (size_t)64 << 20);
    read_golden(&golden, "goprof/go1.27/goroutine.debug0.pb.gz");
    inflate_into(&plain, &golden);
    struct ld_profile profile;
    need(ld_profile_parse(&profile, LD_PROFILE_GOROUTINE, golden.bytes, golden.length, NULL, NULL));
    ld_profile_done(&profile);
    for (const unsigned char *at = (unsigned char *)plain.bytes, *end = at + plain.length; at < end;) {
        uint64_t tag = *at++, value = 0; /* field numbers below 16: tags of one byte */
        for (int shift = 0;; shift += 7) {
            value |= (uint64_t)(*at & 0x7f) << shift;
            if (!(*at++ & 0x80))
                break;
        }
        at += (tag & 7) == 2 ? value : 0;
        strings += tag == (6 << 3 | 2);
    }
    for (uint64_t i = 0; i < LABELLED_SAMPLES; i++) {
        char text[32];
        struct ld_buffer label;
        ld_buffer_init(&label, 64);
        put_bytes(&plain, 6, text, (size_t)snprintf(text, sizeof text, "request-%08llu", (unsigned long long)i * 7919));
        put_varint(&label, 1 << 3);
        put_varint(&label, 1); /* the key: any text will do */
        put_varint(&label, 2 << 3);
        put_varint(&label, strings + i);
        ld_buffer_clear(&message);
        put_bytes(&message, 1, (const char[]){(char)(1 + i % 4), 2, 3, 4}, 4);
        put_bytes(&message, 2, "\x01", 1);
        put_bytes(&message, 3, label.bytes, label.length);
        put_bytes(&plain, 2, message.bytes, message.length);
        ld_buffer_done(&label);
    }
    if (packed)
        deflate_into(&input.bytes, &plain);
    else
        need(ld_buffer_add(&input.bytes, plain.bytes, plain.length));
    ld_buffer_done(&golden);
    ld_buffer_done(&plain);
    ld_buffer_done(&message);
    report(&input);
}

int main(void)
{
    bench_stacks();
    bench_groups();
    bench_proto(false);
    bench_proto(true);
    return 0;
}
