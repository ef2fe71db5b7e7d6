/* debug=0: made-up messages, damage and bombs. */
#include <zlib.h>

#include "groups.h"
#include "support.h"

struct message {
    unsigned char bytes[4096];
    size_t length;
};

static void put_varint(struct message *m, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        m->bytes[m->length++] = (unsigned char)(value | 0x80);
    m->bytes[m->length++] = (unsigned char)value;
}

static void put_number(struct message *m, uint32_t field, uint64_t value)
{
    put_varint(m, field << 3);
    put_varint(m, value);
}

static void put_bytes(struct message *m, uint32_t field, const void *bytes, size_t length)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, length);
    memcpy(m->bytes + m->length, bytes, length);
    m->length += length;
}

static void put_numbers(struct message *m, uint32_t field, size_t count, const uint64_t *values)
{
    struct message inner = {0};
    for (size_t i = 0; i < count; i++)
        if (values[i])
            put_number(&inner, (uint32_t)i + 1, values[i]);
    put_bytes(m, field, inner.bytes, inner.length);
}

#define NUMBERS(m, field, ...)                                                                     \
    put_numbers(m, field, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (uint64_t[]){__VA_ARGS__})

static void put_text(struct message *m, const char *text)
{
    put_bytes(m, 6, text, strlen(text));
}

/* (goroutine, count); strings "", goroutine, count, main.f, a.go; function 1; location 1 at 0x10, line 7 */
static void put_basis(struct message *m)
{
    struct message location = {0};
    NUMBERS(m, 1, 1, 2);
    put_text(m, "");
    put_text(m, "goroutine");
    put_text(m, "count");
    put_text(m, "main.f");
    put_text(m, "a.go");
    NUMBERS(m, 5, 1, 3, 0, 4);
    put_number(&location, 1, 1);
    put_number(&location, 3, 0x10);
    NUMBERS(&location, 4, 1, 7);
    put_bytes(m, 4, location.bytes, location.length);
}

/* A sample of one location and one value. */
static void put_sample(struct message *m, uint64_t location, uint64_t value)
{
    struct message sample = {0};
    put_number(&sample, 1, location);
    put_number(&sample, 2, value);
    put_bytes(m, 2, sample.bytes, sample.length);
}

static void plain_protobuf_is_read(void **state)
{
    struct message m = {0}, packed = {0}, sample = {0};
    struct ld_profile profile;
    (void)state;
    put_basis(&m);
    put_sample(&m, 1, 5);
    for (int i = 0; i < 3; i++)
        put_varint(&packed, 1);
    put_bytes(&sample, 1, packed.bytes, packed.length); /* three times the same location, packed */
    put_bytes(&sample, 2, "\x02", 1);
    put_bytes(&m, 2, sample.bytes, sample.length);
    put_number(&m, 99, 1); /* a field of the future */
    assert_int_equal(parse_exact(&profile, LD_PROFILE_GOROUTINE, m.bytes, m.length, NULL, NULL), 0);
    assert_int_equal(profile.total, 7);
    assert_int_equal(profile.samples[0].frame_count, 1);
    assert_string_equal(profile.samples[0].frames[0]->function, "main.f");
    assert_string_equal(profile.samples[0].frames[0]->file, "a.go");
    assert_int_equal(profile.samples[0].frames[0]->line, 7);
    assert_int_equal(profile.samples[0].frames[0]->address, 0x10);
    assert_int_equal(profile.samples[1].frame_count, 3);
    assert_ptr_equal(profile.samples[1].frames[2], profile.samples[0].frames[0]);
    assert_false(profile.samples[0].runtime_hidden);
    ld_profile_done(&profile);
}

/* Ids need not be 1, 2, 3 …, nor messages in order. */
static void any_ids_in_any_order(void **state)
{
    struct message m = {0}, location = {0};
    struct ld_profile profile;
    (void)state;
    put_sample(&m, 900, 1);
    put_sample(&m, 7, 1);
    put_number(&location, 1, 900);
    NUMBERS(&location, 4, 50, 1);
    NUMBERS(&location, 4, 3, 2);
    put_bytes(&m, 4, location.bytes, location.length);
    NUMBERS(&m, 4, 7, 0, 0xabc);
    NUMBERS(&m, 5, 50, 3, 0, 4);
    NUMBERS(&m, 5, 3, 4, 0, 4);
    NUMBERS(&m, 1, 1, 2);
    put_text(&m, "");
    put_text(&m, "goroutine");
    put_text(&m, "count");
    put_text(&m, "leaf[go.shape.int]");
    put_text(&m, "caller");
    assert_int_equal(parse_exact(&profile, LD_PROFILE_GOROUTINE, m.bytes, m.length, NULL, NULL), 0);
    assert_string_equal(profile.samples[0].frames[0]->function, "leaf[...]");
    assert_string_equal(profile.samples[0].frames[1]->function, "caller");
    assert_string_equal(profile.samples[1].frames[0]->function, "");
    assert_int_equal(profile.samples[1].frames[0]->address, 0xabc);
    ld_profile_done(&profile);
}

static void assert_refused(const struct message *m, int code, const char *part)
{
    assert_fails(LD_PROFILE_GOROUTINE, m->bytes, m->length, NULL, code, part);
}

static void impossible_references_are_refused(void **state)
{
    struct message m = {0};
    (void)state;
    put_basis(&m);
    put_sample(&m, 2, 1);
    assert_refused(&m, LD_ESYNTAX, "a sample of an unknown location at byte");
    m.length = 0;
    put_basis(&m);
    put_sample(&m, 1, (uint64_t)-1);
    assert_refused(&m, LD_ESYNTAX, "a negative value");
    m.length = 0;
    put_basis(&m);
    NUMBERS(&m, 5, 2, 99, 0, 4); /* never used: its index is not looked at */
    NUMBERS(&m, 5, 2, 3, 0, 4);
    assert_refused(&m, LD_ESYNTAX, "two functions of one id");
    m.length = 0;
    put_basis(&m);
    NUMBERS(&m, 4, 1);
    assert_refused(&m, LD_ESYNTAX, "two locations of one id");
    m.length = 0;
    NUMBERS(&m, 1, 9, 2);
    put_text(&m, "");
    assert_refused(&m, LD_ESYNTAX, "an index beyond the string table");
    m.length = 0;
    NUMBERS(&m, 1, 0, 0);
    put_text(&m, "x");
    assert_refused(&m, LD_ESYNTAX, "does not begin with \"\"");
    m.length = 0;
    put_text(&m, "");
    assert_refused(&m, LD_ESYNTAX, "no sample type");
}

static void function_indices_are_checked(void **state)
{
    struct message m = {0}, location = {0};
    (void)state;
    put_basis(&m);
    NUMBERS(&m, 5, 2, 99, 0, 4);
    put_number(&location, 1, 2);
    NUMBERS(&location, 4, 2, 1);
    put_bytes(&m, 4, location.bytes, location.length);
    assert_refused(&m, LD_ESYNTAX, "an index beyond the string table");
    m.length = location.length = 0;
    put_basis(&m);
    put_number(&location, 1, 2);
    NUMBERS(&location, 4, 77, 1);
    put_bytes(&m, 4, location.bytes, location.length);
    assert_refused(&m, LD_ESYNTAX, "a line of an unknown function");
    m.length = location.length = 0;
    put_basis(&m);
    put_number(&location, 1, 2);
    NUMBERS(&location, 4, 1, (uint64_t)-7);
    put_bytes(&m, 4, location.bytes, location.length);
    assert_refused(&m, LD_ESYNTAX, "a negative line number");
}

static void values_must_fit_their_types(void **state)
{
    struct message m = {0}, sample = {0};
    (void)state;
    put_basis(&m);
    put_bytes(&m, 2, "", 0);
    assert_refused(&m, LD_ESYNTAX, "too few values");
    m.length = 0;
    put_basis(&m);
    put_number(&sample, 2, 1);
    put_number(&sample, 2, 1);
    put_bytes(&m, 2, sample.bytes, sample.length);
    assert_refused(&m, LD_ESYNTAX, "too many values");
    m.length = 0;
    put_basis(&m);
    put_sample(&m, 1, INT64_MAX);
    put_sample(&m, 1, 1);
    assert_refused(&m, LD_ESYNTAX, "passes 2^63");
    m.length = 0;
    put_basis(&m);
    for (int i = 0; i < 8; i++)
        NUMBERS(&m, 1, 1, 2);
    assert_refused(&m, LD_ELIMIT, "more than 8 values");
    assert_fails(LD_PROFILE_HEAP, m.bytes, m.length, NULL, LD_ESYNTAX,
                 "\"goroutine\" where \"alloc_objects\" was expected");
}

static void the_wire_format_is_checked(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int code;
        const char *part;
    } damage[] = {
        {"\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, LD_ESYNTAX, "a varint longer than 64 bits"},
        {"\x48\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, LD_ESYNTAX, "a varint longer than 64 bits"},
        {"\x48\xff", 2, LD_ETRUNCATED, "the profile ends early"},
        {"\x48", 1, LD_ETRUNCATED, "the profile ends early"},
        {"\x32\x05" "ab", 4, LD_ETRUNCATED, "the profile ends early"},
        {"\x32\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, LD_ETRUNCATED, "the profile ends early"},
        {"\x12\x02\x10\xff\x48\x01", 6, LD_ESYNTAX, "a field leaves its message"},
        {"\x12\x02\x0a\x09\x48\x01", 6, LD_ESYNTAX, "a field leaves its message"},
        {"\x00\x00", 2, LD_ESYNTAX, "an impossible field number"},
        {"\x4b", 1, LD_ESYNTAX, "an unknown wire type"},
        {"\x10\x01", 2, LD_ESYNTAX, "a field of the wrong wire type"},
        {"\x12\x05\x0d\x01\x02\x03\x04", 7, LD_ESYNTAX, "a number of the wrong wire type"},
        {"\x12\x02\x18\x01", 4, LD_ESYNTAX, "a field of the wrong wire type"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        struct message m = {0};
        put_basis(&m);
        memcpy(m.bytes + m.length, damage[i].bytes, damage[i].length);
        m.length += damage[i].length;
        assert_refused(&m, damage[i].code, damage[i].part);
    }
}

/* ---- gzip */

static size_t deflate_gzip(const void *bytes, size_t length, unsigned char *out, size_t room)
{
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes,
                       .avail_in = (uInt)length,
                       .next_out = out,
                       .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t made = stream.total_out;
    deflateEnd(&stream);
    return made;
}

static void bombs_stop_at_the_limit(void **state)
{
    struct ld_profile_limits limits = ld_profile_limits_default;
    size_t size = (size_t)16 << 20;
    char *zeros = calloc(1, size);
    unsigned char *packed = malloc(size / 100);
    (void)state;
    assert_non_null(zeros);
    assert_non_null(packed);
    size_t length = deflate_gzip(zeros, size, packed, size / 100);
    limits.bytes = (size_t)1 << 20;
    assert_true(length < limits.bytes);
    assert_fails(LD_PROFILE_GOROUTINE, packed, length, &limits, LD_ELIMIT,
                 "inflated, the profile has more than 1048576 bytes");
    free(zeros);
    free(packed);
}

static void every_cut_of_a_gzip_is_noticed(void **state)
{
    size_t length;
    char *bytes = read_golden("goprof/go1.27/goroutine.debug0.pb.gz", &length);
    (void)state;
    for (size_t cut = 2; cut < length; cut++)
        assert_fails(LD_PROFILE_GOROUTINE, bytes, cut, NULL, LD_ETRUNCATED, "ends early, at byte");
    free(bytes);
}

static void every_cut_of_plain_protobuf_is_noticed(void **state)
{
    struct message m = {0};
    (void)state;
    put_sample(&m, 1, 5);
    put_basis(&m);
    for (size_t cut = 1; cut < m.length; cut++) {
        struct ld_profile profile;
        int code = parse_exact(&profile, LD_PROFILE_GOROUTINE, m.bytes, cut, NULL, NULL);
        if (code != LD_ETRUNCATED && code != LD_ESYNTAX)
            fail_msg("cut at %zu: %s", cut, ld_code_name(code));
    }
}

/* A table that somebody packed is taken for a profile by its first bytes: what it is has to be said. */
static void gzip_of_text_is_called_text(void **state)
{
    (void)state;
    static const char text[] = "time,go_goroutines\n0,4\n";
    unsigned char packed[200];
    size_t length = deflate_gzip(text, sizeof text - 1, packed, sizeof packed);
    assert_fails(LD_PROFILE_GOROUTINE, packed, length, NULL, LD_ESYNTAX,
                 "no profile: unpacked, it is text that begins with \"time,go_goroutin\"");
}

static void damaged_gzip_is_refused(void **state)
{
    size_t length;
    char *bytes = read_golden("goprof/go1.27/goroutine.debug0.pb.gz", &length);
    char *longer = malloc(length + 3);
    (void)state;
    assert_non_null(longer);
    memcpy(longer, bytes, length);
    memcpy(longer + length, "xyz", 3);
    assert_fails(LD_PROFILE_GOROUTINE, longer, length + 3, NULL, LD_ESYNTAX, "3 bytes follow the gzip'd profile");
    longer[length - 6] ^= 1; /* the check sum */
    assert_fails(LD_PROFILE_GOROUTINE, longer, length, NULL, LD_ESYNTAX, "damaged gzip at byte");
    assert_fails(LD_PROFILE_GOROUTINE, "\x1f\x8bgarbage", 9, NULL, LD_ESYNTAX, "damaged gzip at byte");
    unsigned char empty[64];
    size_t empty_length = deflate_gzip("", 0, empty, sizeof empty);
    assert_fails(LD_PROFILE_GOROUTINE, empty, empty_length, NULL, LD_ESYNTAX, "no sample type");
    free(bytes);
    free(longer);
}

/* Each byte of a real profile, inverted: never a crash, never a leak, never a negative count. */
static void every_damaged_byte_is_survived(void **state)
{
    size_t length, plain_length = 0;
    char *bytes = read_golden("goprof/go1.27/goroutineleak.phantom-empty-stack.pb.gz", &length);
    char *plain = malloc((size_t)1 << 20);
    z_stream stream = {
        .next_in = (Bytef *)bytes, .avail_in = (uInt)length, .next_out = (Bytef *)plain, .avail_out = 1 << 20};
    (void)state;
    assert_non_null(plain);
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    plain_length = stream.total_out;
    inflateEnd(&stream);
    struct ld_profile whole;
    assert_int_equal(parse_exact(&whole, LD_PROFILE_GOROUTINELEAK, plain, plain_length, NULL, NULL), 0);
    assert_int_equal(whole.total, 2);
    ld_profile_done(&whole);
    for (size_t i = 0; i < plain_length; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct ld_profile profile;
            plain[i] = (char)(plain[i] ^ 1 << bit);
            if (parse_exact(&profile, LD_PROFILE_GOROUTINELEAK, plain, plain_length, NULL, NULL) == 0) {
                assert_true(profile.total >= 0);
                ld_profile_done(&profile);
            }
            plain[i] = (char)(plain[i] ^ 1 << bit);
        }
    free(plain);
    free(bytes);
}

static void limits_hold(void **state)
{
    struct ld_profile_limits limits = ld_profile_limits_default;
    struct message m = {0};
    (void)state;
    put_basis(&m);
    put_sample(&m, 1, 1);
    put_sample(&m, 1, 1);
    limits.samples = 1;
    assert_fails(LD_PROFILE_GOROUTINE, m.bytes, m.length, &limits, LD_ELIMIT, "more than 1 samples");
    limits = ld_profile_limits_default;
    limits.strings = 4;
    assert_fails(LD_PROFILE_GOROUTINE, m.bytes, m.length, &limits, LD_ELIMIT, "more than 4 texts");
    limits = ld_profile_limits_default;
    limits.frames = 0;
    assert_fails(LD_PROFILE_GOROUTINE, m.bytes, m.length, &limits, LD_ELIMIT, "more than 0 frames");
    limits = ld_profile_limits_default;
    limits.memory = 64;
    assert_fails(LD_PROFILE_GOROUTINE, m.bytes, m.length, &limits, LD_ELIMIT, "bytes of memory");
    limits = ld_profile_limits_default;
    limits.bytes = m.length - 1;
    assert_fails(LD_PROFILE_GOROUTINE, m.bytes, m.length, &limits, LD_ELIMIT, "more than");
}

int test_proto(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_protobuf_is_read),
        cmocka_unit_test(any_ids_in_any_order),
        cmocka_unit_test(impossible_references_are_refused),
        cmocka_unit_test(function_indices_are_checked),
        cmocka_unit_test(values_must_fit_their_types),
        cmocka_unit_test(the_wire_format_is_checked),
        cmocka_unit_test(bombs_stop_at_the_limit),
        cmocka_unit_test(every_cut_of_a_gzip_is_noticed),
        cmocka_unit_test(every_cut_of_plain_protobuf_is_noticed),
        cmocka_unit_test(gzip_of_text_is_called_text), cmocka_unit_test(damaged_gzip_is_refused),
        cmocka_unit_test(every_damaged_byte_is_survived),
        cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests_name("debug=0", tests, NULL, NULL);
}
