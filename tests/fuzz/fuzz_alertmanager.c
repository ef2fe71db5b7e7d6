/* A user's Alertmanager configuration: any bytes. What is kept of it is good input from which the same is kept, keeps
 * nothing of a receiver but its name, and what is run of it posts to nobody but the host. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "detect/alertmanager.h"
#include "yaml/node.h"

#define HOST "http://127.0.0.1:9/0123"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing else may be in it: no templates, no tracing, no credentials. */
static void check_keys(const struct ld_node *root)
{
    static const char *const keys[] = {"global",         "route",     "inhibit_rules", "time_intervals",
                                       "mute_time_intervals", "receivers", NULL};
    const struct ld_node *global = ld_node_get(root, "global");
    for (size_t i = 0; i < root->count; i++) {
        size_t at = 0;
        while (keys[at] && strcmp(keys[at], root->keys[i]->text) != 0)
            at++;
        assert(keys[at]);
    }
    assert(!global || (global->count == 1 && strcmp(global->keys[0]->text, "resolve_timeout") == 0));
}

static void check_receivers(const struct ld_buffer *text, const char *url)
{
    struct ld_errors errors = {0};
    struct ld_document document;
    assert(ld_document_parse(&document, "made.yml", text->bytes, text->length, &errors) == 0);
    const struct ld_node *receivers = ld_node_get(document.root, "receivers");
    check_keys(document.root);
    assert(receivers);
    for (size_t i = 0; i < receivers->count; i++) {
        const struct ld_node *configs = ld_node_get(receivers->items[i], "webhook_configs");
        assert(receivers->items[i]->count == 1 + (configs != NULL));
        assert(!configs || (configs->count == 1 && strcmp(ld_node_get(configs->items[0], "url")->text, url) == 0));
    }
    ld_document_done(&document);
    ld_errors_done(&errors);
}

static void check_hosted(const struct ld_buffer *kept)
{
    const struct ld_alertmanager_host host = {.url = HOST, .label = "leakdrill", .values = "seen|unseen"};
    struct ld_buffer hosted;
    struct ld_alertmanager_times times;
    struct ld_error error;
    ld_buffer_init(&hosted, 4 * LD_YAML_BYTES_MAX);
    int code = ld_alertmanager_hosted(&host, "kept.yml", kept->bytes, kept->length, &hosted, &error);
    assert(code == 0);
    if (hosted.length <= LD_YAML_BYTES_MAX)
        check_receivers(&hosted, HOST);
    assert(ld_alertmanager_times(&times, "kept.yml", kept->bytes, kept->length, &error) == 0);
    assert(times.group_wait_ns >= 0 && times.group_interval_ns >= 0);
    ld_buffer_done(&hosted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ld_buffer kept, again;
    struct ld_error error = {0};
    ld_buffer_init(&kept, LD_YAML_BYTES_MAX);
    ld_buffer_init(&again, LD_YAML_BYTES_MAX);
    if (ld_buffer_add(&kept, data, size) == 0 && ld_alertmanager_keep("foreign.yml", &kept, &error) == 0) {
        check_receivers(&kept, "http://leakdrill.invalid/");
        assert(ld_buffer_add(&again, kept.bytes, kept.length) == 0);
        assert(ld_alertmanager_keep("kept.yml", &again, &error) == 0);
        assert(again.length == kept.length && memcmp(again.bytes, kept.bytes, kept.length) == 0);
        check_hosted(&kept);
    } else {
        assert(size > LD_YAML_BYTES_MAX || error.message[0]);
    }
    ld_buffer_done(&kept);
    ld_buffer_done(&again);
    return 0;
}
