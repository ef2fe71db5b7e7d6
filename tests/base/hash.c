#include "base/hash.h"

#include <string.h>

#include "groups.h"

/* FIPS 180-4 examples, as published by NIST. */
static void known_answers(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char hex[LD_HASH_HEX];
        ld_hash_of(known[i].text, strlen(known[i].text), hex);
        assert_string_equal(hex, known[i].hex);
    }
}

static void pieces_give_the_same_hash(void **state)
{
    (void)state;
    struct ld_hash hash;
    char whole[LD_HASH_HEX], pieces[LD_HASH_HEX];
    ld_hash_of("abcdef", 6, whole);
    ld_hash_init(&hash);
    ld_hash_add(&hash, "abc", 3);
    ld_hash_add(&hash, NULL, 0);
    ld_hash_add(&hash, "def", 3);
    ld_hash_end(&hash, pieces);
    assert_string_equal(pieces, whole);
}

static void neighbouring_texts_do_not_run_together(void **state)
{
    (void)state;
    struct ld_hash hash;
    char left[LD_HASH_HEX], right[LD_HASH_HEX];
    ld_hash_init(&hash);
    ld_hash_add_text(&hash, "ab");
    ld_hash_add_text(&hash, "c");
    ld_hash_end(&hash, left);
    ld_hash_init(&hash);
    ld_hash_add_text(&hash, "a");
    ld_hash_add_text(&hash, "bc");
    ld_hash_end(&hash, right);
    assert_string_not_equal(left, right);
}

int test_hash(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(pieces_give_the_same_hash),
        cmocka_unit_test(neighbouring_texts_do_not_run_together),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
