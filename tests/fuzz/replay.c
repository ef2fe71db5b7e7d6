/* Runs a fuzz target over every file of a folder, once, without a fuzzer. Fails when there is none. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* The input is copied to memory of its exact size, so that a sanitizer sees the first byte read behind it. */
static int run_bytes(FILE *stream, const char *path)
{
    if (fseek(stream, 0, SEEK_END) != 0)
        return -1;
    long length = ftell(stream);
    if (length < 0 || (size_t)length > INPUT_MAX)
        return -1;
    rewind(stream);
    uint8_t *bytes = malloc(length ? (size_t)length : 1);
    if (!bytes)
        return -1;
    int failed = fread(bytes, 1, (size_t)length, stream) != (size_t)length;
    if (!failed) {
        printf("%s: %ld bytes\n", path, length);
        fflush(stdout); /* the last line names the culprit of a crash */
        LLVMFuzzerTestOneInput(bytes, (size_t)length);
    }
    free(bytes);
    return failed ? -1 : 0;
}

static int run_file(const char *folder, const char *name)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return -1;
    FILE *stream = fopen(path, "rbe");
    int failed = stream ? run_bytes(stream, path) : -1;
    if (stream)
        fclose(stream);
    if (failed)
        perror(path);
    return failed;
}

int main(int argc, char **argv)
{
    int count = 0, failed = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER of inputs\n", argv[0]);
        return 1;
    }
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        failed |= run_file(argv[1], entry->d_name);
        count++;
    }
    closedir(folder);
    printf("%d inputs\n", count);
    return failed || count == 0;
}
