/* The doctor's checks of what is installed and built: folders, Go, the Go programs, libraries, the terminal. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <uv.h>

#include "base/text.h"
#include "runner/cli/doctor.h"
#include "runner/cli/progress.h"
#include "runner/cli/sources.h"
#include "runner/cli/style.h"
#include "runner/detect/prometheus_tools.h"
#include "runner/process/sweep.h"

#define GO_MINOR_BUILDS 26              /* 1.26 builds the programs */
#define GO_MINOR_SWITCHES 21            /* 1.21 fetches a newer one by itself */
#define GO_MINOR_PROFILE 27             /* 1.27 has the leak profile without being asked */
#define ROOM_GOOD ((uint64_t)256 << 20) /* bytes: a campaign's programs and what they write */

/* ---- the programs that are built */

/* "folder/program" of the first healthy program that fixtures.json names; the path is below the file unless absolute.
 */
struct programs {
    json_t *root; /* owned; NULL: there is no such file */
    size_t count, absent, unavailable;
    char first[1024], first_absent[1024], why[200];
};

static void look_at_program(struct programs *programs, const char *folder, json_t *value)
{
    char path[1024];
    const char *file = ld_fixtures_file(), *slash = strrchr(file, '/');
    const char *program = json_string_value(json_object_get(value, "program"));
    const char *unavailable = json_string_value(json_object_get(value, "unavailable"));
    int above = folder[0] == '/' || !slash ? 0 : (int)(slash - file + 1);
    programs->count++;
    if (unavailable) {
        programs->unavailable++;
        snprintf(programs->why, sizeof programs->why, "%s", unavailable);
        return;
    }
    snprintf(path, sizeof path, "%.*s%s/%s", above, file, folder, program ? program : "");
    if (access(path, X_OK) != 0) {
        programs->absent++;
        snprintf(programs->first_absent, sizeof programs->first_absent, "%s", path);
    } else if (!programs->first[0]) {
        snprintf(programs->first, sizeof programs->first, "%s", path);
    }
}

static struct programs find_programs(void)
{
    struct programs programs = {.root = json_load_file(ld_fixtures_file(), 0, NULL)};
    const char *healthy = NULL, *upstream = NULL, *name;
    json_t *value;
    if (json_unpack(programs.root, "{s:{s:s, s:s}}", "folders", "healthy", &healthy, "upstream", &upstream) != 0)
        return programs;
    json_object_foreach(json_object_get(programs.root, "fixtures"), name, value)
        look_at_program(&programs, healthy, value);
    json_object_foreach(json_object_get(programs.root, "upstreams"), name, value)
        look_at_program(&programs, upstream, value);
    return programs;
}

/* A Go string in the executable's build information: its length as a varint, then its bytes. */
static bool read_go_string(const unsigned char **cursor, const unsigned char *end, const char **ret_text,
                           size_t *ret_length)
{
    size_t length = 0;
    for (unsigned shift = 0; *cursor < end && shift < 28; shift += 7) {
        unsigned char byte = *(*cursor)++;
        length |= (size_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        *ret_text = (const char *)*cursor;
        *ret_length = length;
        bool whole = length <= (size_t)(end - *cursor);
        *cursor += whole ? length : 0;
        return whole;
    }
    return false;
}

/* The version that built it, such as "go1.26.8 X:goroutineleakprofile". Go's debug/buildinfo: 14 bytes of magic, the
 * pointer size, flags of which 2 says that the strings follow at byte 32. */
static bool go_version_of(const char *path, char *ret_version, size_t room)
{
    static const char magic[] = "\xff Go buildinf:";
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    void *bytes = fstat(fd, &status) == 0 && status.st_size > 0
                      ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0)
                      : MAP_FAILED;
    close(fd);
    if (bytes == MAP_FAILED)
        return false;
    const unsigned char *end = (const unsigned char *)bytes + status.st_size;
    const unsigned char *found = memmem(bytes, (size_t)status.st_size, magic, sizeof magic - 1);
    const char *text;
    size_t length;
    bool good = false;
    if (found && end - found > 32 && (found[15] & 2)) {
        const unsigned char *cursor = found + 32;
        good = read_go_string(&cursor, end, &text, &length);
        if (good)
            snprintf(ret_version, room, "%.*s", (int)length, text);
    }
    munmap(bytes, (size_t)status.st_size);
    return good;
}

void ld_doctor_programs(struct ld_finding *finding)
{
    struct programs programs = find_programs();
    char version[128] = "an unknown Go";
    if (!programs.root || !programs.count) {
        ld_found(finding, LD_HEALTH_MISSING, "not built: there is no %s", ld_fixtures_file());
    } else if (programs.absent) {
        ld_found(finding, LD_HEALTH_MISSING, "%zu of %zu are not there, such as %s", programs.absent, programs.count,
                 programs.first_absent);
    } else {
        if (programs.first[0])
            (void)go_version_of(programs.first, version, sizeof version);
        if (programs.unavailable)
            ld_found(finding, LD_HEALTH_DEGRADED, "built with %s; %zu of %zu are left out: %s", version,
                     programs.unavailable, programs.count, programs.why);
        else
            ld_found(finding, LD_HEALTH_OK, "fixtures and upstreams: %zu, built with %s", programs.count, version);
    }
    json_decref(programs.root);
}

void ld_doctor_leak_profile(struct ld_finding *finding)
{
    struct programs programs = find_programs();
    char version[128];
    int minor = 0;
    if (!programs.first[0] || !go_version_of(programs.first, version, sizeof version))
        ld_found(finding, LD_HEALTH_MISSING, "no program is there to ask");
    else if (sscanf(version, "go1.%d", &minor) == 1 && minor >= GO_MINOR_PROFILE)
        ld_found(finding, LD_HEALTH_OK, "Go 1.%d has it", minor);
    else if (strstr(version, "goroutineleakprofile"))
        ld_found(finding, LD_HEALTH_OK, "the programs were built with GOEXPERIMENT=goroutineleakprofile");
    else
        ld_found(finding, LD_HEALTH_MISSING, "%s does not have it", version);
    json_decref(programs.root);
}

/* ---- what builds them */

/* The minor version of a Go and what it says, 0 when it is none. One that switches by itself to what it fetched before
 * is as good as that; nothing is fetched here. */
static int go_minor(const char *path, char *ret_said, unsigned room)
{
    char command[4200];
    int minor = 0;
    snprintf(command, sizeof command,
             "(cd '%s/fixtures-go' && GOPROXY=off GOTOOLCHAIN=auto '%s' version) 2>/dev/null || "
             "GOTOOLCHAIN=local '%s' version 2>/dev/null",
             strchr(LEAKDRILL_SOURCE_FOLDER, '\'') ? "" : LEAKDRILL_SOURCE_FOLDER, path, path);
    return !strchr(path, '\'') && ld_doctor_ask(command, ret_said, room) &&
                   sscanf(ret_said, "go version go1.%d", &minor) == 1
               ? minor
               : 0;
}

/* The same places as the build looks in. */
void ld_doctor_go(struct ld_finding *finding)
{
    glob_t others;
    char path[1024], said[200], best_said[200] = "";
    int best = 0, minor;
    if (ld_doctor_ask("command -v go", path, sizeof path))
        best = go_minor(path, best_said, sizeof best_said);
    int found = glob("/usr/local/go/bin/go", 0, NULL, &others);
    found = glob("/usr/lib/go-1.*/bin/go", found ? 0 : GLOB_APPEND, NULL, &others) == 0 || !found;
    for (size_t i = 0; found && i < others.gl_pathc; i++) {
        minor = go_minor(others.gl_pathv[i], said, sizeof said);
        if (minor > best) {
            best = minor;
            memcpy(best_said, said, sizeof said);
        }
    }
    globfree(&others);
    const char *version = best ? best_said + strlen("go version ") : "";
    if (best >= GO_MINOR_BUILDS)
        ld_found(finding, LD_HEALTH_OK, "%s", version);
    else if (best >= GO_MINOR_SWITCHES)
        ld_found(finding, LD_HEALTH_DEGRADED, "%s: older than 1.%d, it has to fetch a newer one from the network",
                 version, GO_MINOR_BUILDS);
    else if (best)
        ld_found(finding, LD_HEALTH_MISSING, "%s is too old: 1.%d is needed", version, GO_MINOR_BUILDS);
    else
        ld_found(finding, LD_HEALTH_MISSING, "neither on PATH nor in /usr/local/go or /usr/lib/go-1.*");
}

/* Builds and starts the smallest program there is: sanitizers of older compilers do not survive newer kernels. */
void ld_doctor_sanitizer(struct ld_finding *finding)
{
    static const char *const compilers[] = {"gcc", "clang"}; /* Go takes no other names for -asan */
    char folder[1024], command[2600], said[200];
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/leakdrill-doctor-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    if (strchr(folder, '\'') || !mkdtemp(folder)) {
        ld_found(finding, LD_HEALTH_MISSING, "cannot be tried: no temporary folder");
        return;
    }
    ld_found(finding, LD_HEALTH_MISSING, "neither gcc nor clang is installed");
    for (size_t i = 0; i < sizeof compilers / sizeof *compilers && finding->health != LD_HEALTH_OK; i++) {
        snprintf(command, sizeof command, "command -v %s", compilers[i]);
        if (!ld_doctor_ask(command, said, sizeof said))
            continue;
        snprintf(command, sizeof command,
                 "echo 'int main(void){return 0;}' | %s -x c -fsanitize=address -o '%s/a' - 2>/dev/null && '%s/a' "
                 "2>/dev/null && %s --version",
                 compilers[i], folder, folder, compilers[i]);
        if (ld_doctor_ask(command, said, sizeof said))
            ld_found(finding, LD_HEALTH_OK, "%s, with AddressSanitizer", said);
        else
            ld_found(finding, LD_HEALTH_DEGRADED, "%s is there, but programs with AddressSanitizer do not work",
                     compilers[i]);
    }
    ld_remove_tree(folder);
}

/* What `PROGRAM --version` says behind "version ", such as 2.42.0+ds. */
static const char *version_of(const char *program, char *ret_said, unsigned room)
{
    char command[4200];
    snprintf(command, sizeof command, "'%s' --version 2>&1", program);
    if (strchr(program, '\'') || !ld_doctor_ask(command, ret_said, room))
        return "of an unknown version";
    char *version = strstr(ret_said, "version ");
    if (!version)
        return ret_said;
    version += strlen("version ");
    version[strcspn(version, " ,")] = '\0';
    return version;
}

void ld_doctor_prometheus(struct ld_finding *finding)
{
    struct ld_prometheus_tools tools;
    struct ld_error error;
    char prometheus[200], alertmanager[200], path[PATH_MAX];
    if (ld_prometheus_tools_find(&tools, &error) != 0) {
        ld_found(finding, LD_HEALTH_MISSING, "%.300s", error.message);
        return;
    }
    const char *version = version_of(tools.prometheus, prometheus, sizeof prometheus);
    const char *other = version_of(tools.alertmanager, alertmanager, sizeof alertmanager);
    bool amtool = ld_amtool_find(path);
    if (tools.promtool[0] && amtool) {
        ld_found(finding, LD_HEALTH_OK, "Prometheus %s, Alertmanager %s, promtool, amtool", version, other);
        return;
    }
    ld_found(finding, LD_HEALTH_DEGRADED, "Prometheus %s, Alertmanager %s, but no %s", version, other,
             tools.promtool[0] ? "amtool"
             : amtool          ? "promtool"
                               : "promtool and no amtool");
    finding->lost = tools.promtool[0] ? "lint does not see a wrong matcher in routes; the run's detector then fails"
                                      : "lint does not see a mistake in an expression; the run's detector then fails";
}

/* ---- where they run */

void ld_doctor_temporary(struct ld_finding *finding)
{
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/')
        base = "/tmp";
    char folder[1024], linked[1100], size[32];
    struct statvfs room;
    snprintf(folder, sizeof folder, "%s/leakdrill-doctor-XXXXXX", base);
    if (!mkdtemp(folder) || statvfs(folder, &room) != 0) {
        ld_found(finding, LD_HEALTH_MISSING, "%s: %s", base, strerror(errno));
        return;
    }
    struct programs programs = find_programs();
    uint64_t megabytes = (uint64_t)room.f_bavail * room.f_frsize >> 20;
    ld_format_size(megabytes << 20, size, sizeof size);
    snprintf(linked, sizeof linked, "%s/a", folder);
    bool copied = programs.first[0] && link(programs.first, linked) != 0;
    const char *placing = !programs.first[0] ? "no programs to put there"
                          : !copied          ? "programs are linked into it"
                          : errno == EXDEV   ? "programs are copied into it, from another file system"
                                             : "programs are copied into it, for they may not be linked";
    if (room.f_flag & ST_NOEXEC) {
        ld_found(finding, LD_HEALTH_MISSING, "%s: mounted noexec, programs cannot be started from it; set TMPDIR",
                 base);
    } else if (megabytes << 20 < ROOM_GOOD) {
        ld_found(finding, LD_HEALTH_DEGRADED, "%s: only %s are free; %s", base, size, placing);
        finding->lost = "a large campaign fills it; what it writes then is lost, and its runs fail";
    } else {
        ld_found(finding, copied ? LD_HEALTH_DEGRADED : LD_HEALTH_OK, "%s: %s free; %s", base, size, placing);
        finding->lost = "time and room: each run copies its programs";
    }
    json_decref(programs.root);
    ld_remove_tree(folder);
}

void ld_doctor_libraries(struct ld_finding *finding)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    bool old = sqlite3_libversion_number() < SQLITE_VERSION_NUMBER || uv_version() < UV_VERSION_HEX ||
               curl->version_num < LIBCURL_VERSION_NUM;
    ld_found(finding, old ? LD_HEALTH_DEGRADED : LD_HEALTH_OK, "SQLite %s, libuv %s, libcurl %s%s",
             sqlite3_libversion(), uv_version_string(), curl->version, old ? "; one is older than at build time" : "");
}

void ld_doctor_terminal(struct ld_finding *finding)
{
    const char *term = getenv("TERM");
    struct ld_text_style style = ld_style_of(STDOUT_FILENO, false);
    if (!isatty(STDERR_FILENO))
        ld_found(finding, LD_HEALTH_OK, "stderr is no terminal: progress is one line for each run that ended");
    else
        ld_found(finding, !term || !*term || strcmp(term, "dumb") == 0 ? LD_HEALTH_DEGRADED : LD_HEALTH_OK,
                 "%s, %u columns, %s", term && *term ? term : "TERM is not set", ld_terminal_width(STDERR_FILENO),
                 style.utf8 ? "UTF-8" : "no UTF-8: ASCII is used");
}
