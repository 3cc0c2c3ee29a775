/* millrace service install|remove|status: a broker that starts with the machine, under systemd or
 * under SysV's init.
 *
 * Happy path: the settings tell where the data is; that directory is made and given to the user;
 * unit and script, which lie beside the programs (share/millrace, or deploy/service in the tree),
 * are filled in and put into /etc; both always, since systemd leaves alone a script that it has a
 * unit for. Then the system that runs is told: systemctl, update-rc.d or chkconfig. With --root
 * nothing is told: the files are for an image or another root.
 *
 * Failure modes: no such user or settings file, data in /tmp, a file of the same name that somebody
 * else wrote, no permission. All is checked before anything is written. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tools/report.h"
#include "tools/server.h"
#include "tools/text_file.h"
#include "tools/tools.h"

#define SERVICE_USER    "millrace"
#define SERVICE_MARK    "millrace service install" /* in every file that this tool writes */
#define SERVICE_PACKAGE "/lib/systemd/system/millrace.service" /* it has its own unit */
#define SERVICE_UNIT    "/etc/systemd/system/millrace.service"
#define SERVICE_WANTS   "/etc/systemd/system/multi-user.target.wants/millrace.service"
#define SERVICE_SCRIPT  "/etc/init.d/millrace"
#define SERVICE_SYSTEMD "/run/systemd/system" /* there while systemd is the init */
#define SERVICE_PLAIN   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+:=-"

enum {
    SERVICE_DIRS_MAX = 32,
    SERVICE_STOPPED = 3,
    SERVICE_UNKNOWN = 4,
    SERVICE_TOLD_MAX = 65536 /* of what a status says; a page of it is usual */
};

static const struct option_row service_options[] = {
    OPTION_LETTER_WITH("install", 'p', "prefix", "DIR",
                       "install: where the programs are, DIR/bin (default: this one's)."),
    OPTION_LETTER_WITH("install", 'u', "user", "NAME",
                       "install: who runs it (default " SERVICE_USER ")."),
    OPTION_LETTER_WITH(
        "install", 'c', "config", "FILE",
        "install: settings (default PREFIX/etc/millrace/server.properties; /etc for /usr)."),
    OPTION_LETTER('r', "root", "DIR",
                  "Another root, such as an image's: files only, nothing is started."),
    OPTION_WITH("status", "format", "json|table",
                "status: one JSON object, or a table, instead of what the system's tool prints."),
    TOOL_LAST_OPTIONS,
};

/* What is put where. */
static const struct {
    const char *source, *path;
    mode_t mode;
} service_files[] = {
    {"millrace.service", SERVICE_UNIT, 0644},
    {"millrace.init", SERVICE_SCRIPT, 0755},
};

struct service {
    struct tool_run *run;
    const char *root; /* "" = this machine's */
    char *bin, *doc, *config;
    const char *user;
    uid_t uid;
    gid_t gid;
    char *dirs[SERVICE_DIRS_MAX]; /* of the data */
    int dir_count;
};

/* A path below the root; the caller's to mem_free. */
static char *service_path(const struct service *service, const char *path)
{
    return mem_printf("%s%s", service->root, path);
}

static bool service_there(const struct service *service, const char *path)
{
    char *full = service_path(service, path);
    bool there = access(full, F_OK) == 0;
    mem_free(full);
    return there;
}

/* ---- where things are ---- */

/* Unit and script have no room for blanks and quotes. */
static int service_check_path(const struct service *service, const char *what, const char *path)
{
    if (path[0] != '/')
        return tool_misuse(service->run, "%s %s: write the whole path, from / on", what, path);
    if (path[strspn(path, SERVICE_PLAIN)] != '\0')
        return tool_fail(service->run,
                         "%s %s: a service's paths have letters, digits and /._+:=- only", what,
                         path);
    return 0;
}

static int service_find_programs(struct service *service)
{
    const char *prefix = options_get(service->run->options, "prefix");
    char *server = server_path();
    if (!server)
        return tool_fail(service->run, "/proc is not mounted");
    if (prefix) {
        service->bin = mem_printf("%s/bin", strcmp(prefix, "/") == 0 ? "" : prefix);
        service->doc = mem_printf("%s/share/doc/millrace", strcmp(prefix, "/") == 0 ? "" : prefix);
        mem_free(server);
    } else {
        *strrchr(server, '/') = '\0';
        service->bin = server;
        char *slash = strrchr(server, '/');
        service->doc = mem_printf("%.*s/share/doc/millrace", (int)(slash - server), server);
    }
    if (service_check_path(service, prefix ? "--prefix" : "the programs'", service->bin))
        return 1;
    char *path = mem_printf("%s/millrace-server", service->bin);
    int status =
        service_there(service, path)
            ? 0
            : tool_fail(service->run, "%s%s is not there: make install puts it below a --prefix",
                        service->root, path);
    mem_free(path);
    return status;
}

static int service_find_config(struct service *service)
{
    const char *config = options_get(service->run->options, "config");
    if (config) {
        service->config = mem_strdup(config);
    } else {
        int len = (int)(strrchr(service->bin, '/') - service->bin);
        bool usr = len == 4 && strncmp(service->bin, "/usr", 4) == 0;
        service->config =
            mem_printf("%.*s/etc/millrace/server.properties", usr ? 0 : len, service->bin);
    }
    return service_check_path(service, "--config", service->config);
}

/* From the root's own list of users. */
static int service_find_user(struct service *service)
{
    const char *name = options_get(service->run->options, "user");
    service->user = name ? name : SERVICE_USER;
    char *path = service_path(service, "/etc/passwd");
    FILE *file = service->root[0] ? fopen(path, "r") : NULL;
    const struct passwd *entry = service->root[0] ? NULL : getpwnam(service->user);
    while (file && (entry = fgetpwent(file)) && strcmp(entry->pw_name, service->user) != 0) {
    }
    if (entry) {
        service->uid = entry->pw_uid;
        service->gid = entry->pw_gid;
    }
    if (file)
        fclose(file);
    mem_free(path);
    if (entry)
        return 0;
    return tool_fail(service->run,
                     "there is no user %s%s%s: make it with useradd --system --user-group "
                     "--home-dir /var/lib/millrace --shell /usr/sbin/nologin %s, or name another "
                     "with --user",
                     service->user, service->root[0] ? " in " : "", service->root, service->user);
}

/* ---- the data ---- */

static int service_add_dir(struct service *service, const char *dir, size_t len)
{
    char *path = mem_printf("%.*s", (int)len, dir);
    if (service->dir_count == SERVICE_DIRS_MAX) {
        mem_free(path);
        return tool_fail(service->run, "%s: more than %d log directories", service->config,
                         SERVICE_DIRS_MAX);
    }
    service->dirs[service->dir_count++] = path;
    if (strncmp(path, "/tmp", 4) == 0 || strncmp(path, "/var/tmp", 8) == 0)
        return tool_fail(service->run,
                         "%s: log.dirs=%s is emptied when the machine starts: set log.dirs to a "
                         "directory that stays, such as /var/lib/millrace",
                         service->config, path);
    return service_check_path(service, "log.dirs", path);
}

static int service_read_dirs(struct service *service, const struct props *props)
{
    const char *metadata = props_get(props, "metadata.log.dir");
    const char *dirs = props_get(props, "log.dirs");
    if (!dirs)
        dirs = props_get(props, "log.dir");
    if (!dirs)
        dirs = "/tmp/kafka-logs"; /* Kafka's default */
    int status = 0;
    for (const char *at = dirs; status == 0 && *at;) {
        at += strspn(at, " ,");
        size_t len = strcspn(at, " ,");
        if (len > 0)
            status = service_add_dir(service, at, len);
        at += len;
    }
    if (status == 0 && metadata && metadata[0])
        status = service_add_dir(service, metadata, strlen(metadata));
    return status;
}

static int service_find_data(struct service *service)
{
    char *path = service_path(service, service->config);
    size_t len = 0;
    int line = 0, status;
    struct props props;
    char *text = text_file_read(path, &len);
    props_init(&props);
    if (!text)
        status = tool_fail(service->run, "%s can't be read (%s): name the settings with --config",
                           path, strerror(errno));
    else if (props_parse(&props, text, len, &line))
        status =
            tool_fail(service->run, "%s line %d: this is no setting: write name=value", path, line);
    else
        status = service_read_dirs(service, &props);
    props_close(&props);
    mem_free(text);
    mem_free(path);
    return status;
}

/* As mkdir -p. */
static int service_make_dirs(const struct service *service, const char *path, bool own)
{
    char *full = service_path(service, path);
    int err = 0;
    for (char *at = full + strlen(service->root) + 1; !err; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        if (mkdir(full, 0755) != 0 && errno != EEXIST)
            err = errno;
        *at = c;
        if (c == '\0')
            break;
    }
    if (!err && own && geteuid() == 0 && chown(full, service->uid, service->gid) != 0)
        err = errno;
    int status = err ? tool_fail(service->run, "%s can't be made (%s)%s", full, strerror(err),
                                 geteuid() == 0 ? "" : ": run this as root")
                     : 0;
    mem_free(full);
    return status;
}

/* ---- the files ---- */

/* The template's text, from beside the programs or from the tree. */
static char *service_template(const struct service *service, const char *name)
{
    static const char *const places[] = {"share/millrace", "deploy/service"};
    char *text = NULL, *server = server_path();
    size_t len;
    int dir = server ? (int)(strrchr(server, '/') - server) : 0;
    for (size_t i = 0; !text && i < ARRAY_LEN(places); i++) {
        char *path = mem_printf("%.*s/../%s/%s", dir, server ? server : "", places[i], name);
        text = text_file_read(path, &len);
        mem_free(path);
    }
    if (!text)
        tool_fail(service->run, "%s is not beside the programs: run make install", name);
    mem_free(server);
    return text;
}

/* The value of "@WORD@" at the text; NULL when it is none. The data's directories are a list. */
static const char *service_word(const struct service *service, const char *text, struct buf *data)
{
    const struct {
        const char *word, *value;
    } words[] = {{"@BIN@", service->bin},
                 {"@CONFIG@", service->config},
                 {"@USER@", service->user},
                 {"@DOC@", service->doc},
                 {"@DATA@", buf_text(data)}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strncmp(text, words[i].word, strlen(words[i].word)) == 0)
            return words[i].value;
    return NULL;
}

static void service_fill(const struct service *service, const char *text, struct buf *out)
{
    struct buf data;
    buf_init(&data);
    for (int i = 0; i < service->dir_count; i++)
        buf_printf(&data, "%s%s", i ? " " : "", service->dirs[i]);
    while (*text) {
        const char *value = *text == '@' ? service_word(service, text, &data) : NULL;
        if (value) {
            buf_printf(out, "%s", value);
            text = strchr(text + 1, '@') + 1;
        } else {
            buf_put(out, text++, 1);
        }
    }
    buf_close(&data);
}

/* Whole or not at all: a new file takes the name when it is written. */
static int service_write(const struct service *service, const char *path, mode_t mode,
                         struct buf *text)
{
    char *full = service_path(service, path);
    char *fresh = mem_printf("%s.new", full);
    bool good = false;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd >= 0) {
        size_t len = strlen(buf_text(text));
        good = write(fd, buf_text(text), len) == (ssize_t)len && fchmod(fd, mode) == 0;
        good = close(fd) == 0 && good && rename(fresh, full) == 0;
    }
    int status = 0;
    if (good)
        printf("installed %s\n", full);
    else
        status = tool_fail(service->run, "%s can't be written (%s)%s", full, strerror(errno),
                           geteuid() == 0 ? "" : ": run this as root");
    mem_free(fresh);
    mem_free(full);
    return status;
}

static int service_put(const struct service *service, size_t i)
{
    const char *path = service_files[i].path;
    char *dir = mem_printf("%.*s", (int)(strrchr(path, '/') - path), path);
    char *template = service_template(service, service_files[i].source);
    int status = template ? service_make_dirs(service, dir, false) : 1;
    struct buf text;
    buf_init(&text);
    if (status == 0) {
        service_fill(service, template, &text);
        status = service_write(service, path, service_files[i].mode, &text);
    }
    buf_close(&text);
    mem_free(template);
    mem_free(dir);
    return status;
}

/* A file of this name that is not ours stays as it is. */
static int service_check_ours(const struct service *service)
{
    int status = 0;
    if (service_there(service, SERVICE_PACKAGE))
        return tool_fail(service->run, "the Debian package has the service already: use apt and "
                                       "systemctl, or service millrace");
    for (size_t i = 0; status == 0 && i < ARRAY_LEN(service_files); i++) {
        size_t len;
        char *path = service_path(service, service_files[i].path);
        char *text = text_file_read(path, &len);
        if (text && !strstr(text, SERVICE_MARK))
            status = tool_fail(service->run, "%s was not written by this tool: move it away first",
                               path);
        mem_free(text);
        mem_free(path);
    }
    return status;
}

/* ---- the system that runs ---- */

/* Reads all that the other end writes. */
static void service_read(int fd, struct buf *out)
{
    char bytes[512];
    ssize_t len;
    while ((len = read(fd, bytes, sizeof(bytes))) > 0 || (len < 0 && errno == EINTR))
        if (len > 0 && out->len < SERVICE_TOLD_MAX)
            buf_put(out, bytes, (size_t)len);
}

/* Runs it and waits; `out`, if it is not NULL, gets its stdout. Its exit status, or 1 with the
 * message printed. */
static int service_capture(const struct service *service, const char *const *argv, struct buf *out)
{
    int status = 0, ends[2] = {-1, -1};
    fflush(stdout);
    if (out && pipe2(ends, O_CLOEXEC) != 0)
        return tool_fail(service->run, "no pipe can be made: %s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        if (out)
            dup2(ends[1], STDOUT_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        fprintf(stderr, "%s can't be run: %s\n", argv[0], strerror(errno));
        _exit(1);
    }
    if (out) {
        close(ends[1]);
        service_read(ends[0], out);
        close(ends[0]);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return tool_fail(service->run, "%s can't be run: %s", argv[0], strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int service_command(const struct service *service, const char *const *argv)
{
    return service_capture(service, argv, NULL);
}

static bool service_is_systemd(const struct service *service)
{
    return !service->root[0] && access(SERVICE_SYSTEMD, F_OK) == 0;
}

/* The program that links a script into the run levels: its path, or NULL. */
static const char *service_linker(void)
{
    static const char *const programs[] = {"/usr/sbin/update-rc.d", "/sbin/update-rc.d",
                                           "/usr/sbin/chkconfig", "/sbin/chkconfig"};
    for (size_t i = 0; i < ARRAY_LEN(programs); i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    return NULL;
}

/* With `on`, registers the script, else takes it out. */
static int service_link_script(const struct service *service, bool on)
{
    const char *program = service_linker();
    if (!program) {
        printf("There is no update-rc.d and no chkconfig here: link " SERVICE_SCRIPT
               " into the run levels by hand.\n");
        return 0;
    }
    bool debian = strstr(program, "update-rc.d") != NULL;
    const char *const update[] = {program, SERVICE_USER, on ? "defaults" : "remove", NULL};
    const char *const chkconfig[] = {program, on ? "--add" : "--del", SERVICE_USER, NULL};
    return service_command(service, debian ? update : chkconfig);
}

/* What `systemctl enable` does, for this root or another. */
static int service_enable_unit(const struct service *service)
{
    int status = service_make_dirs(service, "/etc/systemd/system/multi-user.target.wants", false);
    char *path = service_path(service, SERVICE_WANTS);
    if (status == 0 && symlink(SERVICE_UNIT, path) != 0 && errno != EEXIST)
        status = tool_fail(service->run, "%s can't be made: %s", path, strerror(errno));
    mem_free(path);
    return status;
}

static int service_register(const struct service *service)
{
    static const char *const reload[] = {"systemctl", "daemon-reload", NULL};
    int status = service_enable_unit(service);
    if (status || service->root[0])
        return status;
    bool systemd = service_is_systemd(service);
    status = systemd ? service_command(service, reload) : service_link_script(service, true);
    if (status == 0)
        printf("It starts with the machine from now on; start it now with: %s\n",
               systemd ? "systemctl start millrace" : SERVICE_SCRIPT " start");
    return status;
}

/* ---- the three commands ---- */

static int service_install(struct service *service)
{
    int status = service_check_ours(service);
    if (status == 0)
        status = service_find_programs(service);
    if (status == 0)
        status = service_find_config(service);
    if (status == 0)
        status = service_find_user(service);
    if (status == 0)
        status = service_find_data(service);
    for (size_t i = 0; status == 0 && i < ARRAY_LEN(service_files); i++)
        status = service_put(service, i);
    for (int i = 0; status == 0 && i < service->dir_count; i++)
        status = service_make_dirs(service, service->dirs[i], true);
    return status ? status : service_register(service);
}

static bool service_is_installed(const struct service *service)
{
    bool installed = false;
    for (size_t i = 0; i < ARRAY_LEN(service_files); i++)
        installed = installed || service_there(service, service_files[i].path);
    return installed;
}

static int service_unlink(const struct service *service, const char *path)
{
    char *full = service_path(service, path);
    int status = 0;
    if (unlink(full) == 0)
        printf("removed %s\n", full);
    else if (errno != ENOENT)
        status = tool_fail(service->run, "%s can't be removed (%s)%s", full, strerror(errno),
                           geteuid() == 0 ? "" : ": run this as root");
    mem_free(full);
    return status;
}

/* Stopped first: a service that runs without its files could be stopped by hand only. */
static int service_remove(struct service *service)
{
    static const char *const reload[] = {"systemctl", "daemon-reload", NULL};
    static const char *const disable[] = {"systemctl", "disable", "--now", SERVICE_USER, NULL};
    char *script = service_path(service, SERVICE_SCRIPT);
    const char *const stop[] = {script, "stop", NULL};
    bool systemd = service_is_systemd(service);
    int status = service_check_ours(service);
    if (status == 0 && !service_is_installed(service))
        status = tool_fail(service->run, "no service is installed%s%s",
                           service->root[0] ? " in " : "", service->root);
    else if (status == 0 && systemd)
        status = service_command(service, disable);
    else if (status == 0 && access(script, X_OK) == 0)
        status = service_command(service, stop);
    for (size_t i = 0; status == 0 && i < ARRAY_LEN(service_files); i++)
        status = service_unlink(service, service_files[i].path);
    if (status == 0)
        status = service_unlink(service, SERVICE_WANTS);
    if (status == 0 && systemd)
        status = service_command(service, reload);
    else if (status == 0 && !service->root[0])
        status = service_link_script(service, false);
    if (status == 0)
        printf("Settings, logs and data are kept.\n");
    mem_free(script);
    return status;
}

/* ---- the status for programs ---- */

struct service_state {
    const char *system; /* "systemd", "sysv"; NULL: it is not installed */
    const char *state;
    int64_t pid;  /* 0 = none */
    bool enabled; /* it starts with the machine */
};

/* The number behind a word of the text; 0 when it is not there. */
static int64_t service_number(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at ? strtoll(at + strlen(word), NULL, 10) : 0;
}

static int service_ask_systemd(const struct service *service, struct service_state *found)
{
    static const char *const show[] = {
        "systemctl", "show", SERVICE_USER, "--property", "ActiveState,MainPID,UnitFileState", NULL};
    struct buf told;
    buf_init(&told);
    int status = service_capture(service, show, &told);
    const char *text = buf_text(&told);
    bool active = strstr(text, "ActiveState=active") || strstr(text, "ActiveState=reloading");
    found->state = active                                     ? "running"
                   : strstr(text, "ActiveState=failed")       ? "failed"
                   : strstr(text, "ActiveState=activating")   ? "starting"
                   : strstr(text, "ActiveState=deactivating") ? "stopping"
                                                              : "stopped";
    found->pid = service_number(text, "MainPID=");
    found->enabled = strstr(text, "UnitFileState=enabled") != NULL;
    buf_close(&told);
    return status ? status : active ? 0 : SERVICE_STOPPED;
}

/* Whether the script is linked into the run level that Debian and others boot. */
static bool service_is_linked(const struct service *service)
{
    char *pattern = service_path(service, "/etc/rc[2-5].d/S[0-9][0-9]" SERVICE_USER);
    glob_t found;
    bool linked = glob(pattern, 0, NULL, &found) == 0;
    globfree(&found);
    mem_free(pattern);
    return linked;
}

static int service_ask_script(const struct service *service, const char *const *argv,
                              struct service_state *found)
{
    struct buf told;
    buf_init(&told);
    int status = service_capture(service, argv, &told);
    found->state = status == 0 ? "running" : "stopped";
    found->pid = service_number(buf_text(&told), "(pid ");
    found->enabled = service_is_linked(service);
    buf_close(&told);
    return status;
}

static void service_print_state(const struct service *service, const struct service_state *found)
{
    static const struct report_column columns[] = {
        {.name = "service"}, {.name = "installed"}, {.name = "system"}, {.name = "state"},
        {.name = "pid"},     {.name = "enabled"},   REPORT_END};
    struct report *report = report_new(NULL);
    report_columns(report, columns);
    report_text(report, SERVICE_USER);
    report_flag(report, found->system != NULL);
    report_text(report, found->system);
    report_text(report, found->state);
    report_number_unless(report, found->pid, 0);
    if (found->system)
        report_flag(report, found->enabled);
    else
        report_none(report);
    report_print(report, report_format(service->run), stdout);
    report_free(report);
}

static int service_status_report(const struct service *service, bool installed,
                                 const char *const *script)
{
    struct service_state found = {0};
    bool systemd = service_is_systemd(service);
    int status = SERVICE_UNKNOWN;
    if (installed) {
        found.system = systemd ? "systemd" : "sysv";
        status = systemd ? service_ask_systemd(service, &found)
                         : service_ask_script(service, script, &found);
    }
    service_print_state(service, &found);
    return status;
}

/* The status is that of the system's own tool: 0 runs, 3 does not. */
static int service_status(struct service *service)
{
    static const char *const systemctl[] = {"systemctl", "--no-pager", "status", SERVICE_USER,
                                            NULL};
    char *script = service_path(service, SERVICE_SCRIPT);
    const char *const init[] = {script, "status", NULL};
    bool installed = service_is_installed(service) || service_there(service, SERVICE_PACKAGE);
    int status;
    if (report_format(service->run) != REPORT_KAFKA) {
        status = service_status_report(service, installed, init);
    } else if (!installed) {
        tool_fail(service->run, "no service is installed%s%s: millrace service install",
                  service->root[0] ? " in " : "", service->root);
        status = SERVICE_UNKNOWN;
    } else {
        status = service_command(service, service_is_systemd(service) ? systemctl : init);
    }
    mem_free(script);
    return status;
}

static int service_run(struct tool_run *run)
{
    static const struct {
        const char *name;
        int (*run)(struct service *service);
    } actions[] = {
        {"install", service_install}, {"remove", service_remove}, {"status", service_status}};
    const char *action = options_positional(run->options, 0);
    const char *root = options_get(run->options, "root");
    struct service service = {.run = run, .root = root && strcmp(root, "/") != 0 ? root : ""};
    struct stat stat_root;
    int status = -1;
    for (size_t i = 0; action && status < 0 && i < ARRAY_LEN(actions); i++) {
        if (strcmp(action, actions[i].name) != 0)
            continue;
        status = tool_check_command(run, action);
        if (status == 0 && root && (stat(root, &stat_root) != 0 || !S_ISDIR(stat_root.st_mode)))
            status = tool_fail(run, "--root %s: this is no directory", root);
        if (status == 0)
            status = actions[i].run(&service);
    }
    if (status < 0)
        status = tool_misuse(run, "%s%sthe commands are install, remove, status",
                             action ? action : "", action ? " is none of them: " : "");
    for (int i = 0; i < service.dir_count; i++)
        mem_free(service.dirs[i]);
    mem_free(service.bin);
    mem_free(service.doc);
    mem_free(service.config);
    return status;
}

const struct tool tool_service = {
    .name = "service",
    .synopsis = "install|remove|status [--prefix DIR] [--user NAME] [--config FILE] [--root DIR]",
    .summary = "Let a broker start with the machine, by systemd or SysV's init.",
    .options = service_options,
    .positional = 1,
    .commands = "install|remove|status",
    .run = service_run,
};
