/* Providers. Happy path: each reference in a value names a provider, which finds the text. Failure
 * modes: a class that is none of Kafka's three, a path or a name that its provider may not read, a
 * file or a key that is not there. */
#include "config/config_providers.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"

enum {
    PROVIDERS_FILE_MAX = 1 << 20,
    PROVIDERS_TEXT_MAX = 1 << 16, /* of one value: no setting is nearly as long */
    PROVIDERS_MAX = 100,          /* references in one value */
    PROVIDERS_PATH_MAX = 4096
};

#define PROVIDERS_PREFIX "config.providers."
#define PROVIDERS_KAFKA  "org.apache.kafka.common.config.provider."

enum providers_kind { PROVIDERS_FILE, PROVIDERS_DIRECTORY, PROVIDERS_ENV, PROVIDERS_KINDS };

static const char *const providers_classes[PROVIDERS_KINDS] = {
    [PROVIDERS_FILE] = PROVIDERS_KAFKA "FileConfigProvider",
    [PROVIDERS_DIRECTORY] = PROVIDERS_KAFKA "DirectoryConfigProvider",
    [PROVIDERS_ENV] = PROVIDERS_KAFKA "EnvVarConfigProvider",
};

/* One look-up under way. Nothing in it is the caller's. */
STATIC_ASSERT(PROVIDERS_TEXT_MAX >= PROVIDERS_PATH_MAX, "a path can be provided");
STATIC_ASSERT(PROVIDERS_FILE_MAX > PROVIDERS_TEXT_MAX, "a file holds a value");
struct providers_look {
    struct env *env;
    const char *file; /* the settings */
    const struct props *props;
    const struct props_entry *entry;
    struct buf *problem;
    char *name, *path, *key; /* of the reference */
    enum providers_kind kind;
};

bool config_providers_owns(const char *name)
{
    ASSERT(name != NULL);
    return strncmp(name, PROVIDERS_PREFIX, strlen(PROVIDERS_PREFIX)) == 0;
}

static const char *providers_names(const struct props *props)
{
    return props_get(props, config_row(CONFIG_CONFIG_PROVIDERS)->name);
}

static int providers_refuse(struct providers_look *look, int err, const char *format, ...)
    PRINTF_LIKE(3, 4);

static int providers_refuse(struct providers_look *look, int err, const char *format, ...)
{
    ASSERT(err < 0);
    ASSERT(look->entry != NULL);
    va_list args;
    if (look->entry->line > 0)
        buf_printf(look->problem, "%s line %d: ", look->file, look->entry->line);
    else
        buf_printf(look->problem, "--override (of %s): ", look->file);
    buf_printf(look->problem, "the value of %s: ", look->entry->key);
    va_start(args, format);
    buf_vprintf(look->problem, format, args);
    va_end(args);
    return err;
}

/* A setting of the provider; NULL. */
static const char *providers_param(const struct providers_look *look, const char *what)
{
    char name[PROVIDERS_PATH_MAX];
    int len = snprintf(name, sizeof(name), PROVIDERS_PREFIX "%s.%s", look->name, what);
    ASSERT(look->name != NULL);
    return len > 0 && (size_t)len < sizeof(name) ? props_get(look->props, name) : NULL;
}

static int providers_find(struct providers_look *look)
{
    const char *list = providers_names(look->props), *element;
    size_t len;
    bool listed = false;
    ASSERT(look->name != NULL);
    while (!listed && list && config_next_element(&list, &element, &len))
        listed = len == strlen(look->name) && memcmp(element, look->name, len) == 0;
    if (!listed)
        return providers_refuse(look, ERR_INVALID, "config.providers names no provider %s",
                                look->name);
    const char *class = providers_param(look, "class");
    if (!class)
        return providers_refuse(look, ERR_INVALID,
                                "the provider %s needs " PROVIDERS_PREFIX "%s.class", look->name,
                                look->name);
    look->kind = 0;
    while (look->kind < PROVIDERS_KINDS && !config_is_word(class, providers_classes[look->kind]))
        look->kind++;
    ASSERT(look->kind <= PROVIDERS_KINDS);
    return look->kind < PROVIDERS_KINDS
               ? 0
               : providers_refuse(look, ERR_UNSUPPORTED,
                                  "no Java class can be loaded here: the class of the provider %s "
                                  "may be " PROVIDERS_KAFKA
                                  "FileConfigProvider, DirectoryConfigProvider or "
                                  "EnvVarConfigProvider",
                                  look->name);
}

/* ---- files ---- */

/* Without . and .. and double slashes: by the text alone, as in Kafka. False: it is not absolute,
 * or too long. */
static bool providers_normal(const char *path, size_t len, char out[PROVIDERS_PATH_MAX])
{
    size_t to = 0;
    if (len == 0 || path[0] != '/' || len >= PROVIDERS_PATH_MAX - 1)
        return false;
    for (size_t at = 0; at < len;) {
        const char *step = path + at + 1;
        const char *slash = memchr(step, '/', len - at - 1);
        size_t width = (size_t)((slash ? slash : path + len) - step);
        at += width + 1;
        if (width == 0 || (width == 1 && step[0] == '.'))
            continue;
        if (width == 2 && memcmp(step, "..", 2) == 0) {
            while (to > 0 && out[--to] != '/')
                ;
            continue;
        }
        out[to++] = '/';
        memcpy(out + to, step, width);
        to += width;
    }
    ASSERT(to <= len);
    ASSERT(to < PROVIDERS_PATH_MAX);
    out[to] = '\0';
    return true;
}

/* Below one of allowed.paths, if there are any. */
static bool providers_is_allowed(const struct providers_look *look, const char *path)
{
    const char *allowed = providers_param(look, "param.allowed.paths"), *element;
    char above[PROVIDERS_PATH_MAX];
    size_t len;
    bool any = false;
    while (allowed && config_next_element(&allowed, &element, &len)) {
        any = true;
        if (!providers_normal(element, len, above))
            continue;
        len = strlen(above);
        if (strncmp(path, above, len) == 0 && (path[len] == '/' || path[len] == '\0'))
            return true;
    }
    return !any;
}

static int providers_load(struct providers_look *look, const char *path, char **text, size_t *len)
{
    int err = env_file_load(look->env, path, PROVIDERS_FILE_MAX, text, len);
    ASSERT(path[0] == '/' || path[0] == '\0');
    return err ? providers_refuse(look, ERR_NOT_FOUND, "the file %s can't be read: %s", path,
                                  err_text(err))
               : 0;
}

/* Both kinds of files. */
static int providers_path(struct providers_look *look, char path[PROVIDERS_PATH_MAX])
{
    ASSERT(look->path != NULL);
    if (!providers_normal(look->path, strlen(look->path), path))
        return providers_refuse(look, ERR_INVALID, "%s is no absolute path", look->path);
    if (!providers_is_allowed(look, path))
        return providers_refuse(look, ERR_INVALID,
                                "%s is not below " PROVIDERS_PREFIX "%s.param.allowed.paths", path,
                                look->name);
    return 0;
}

static int providers_from_file(struct providers_look *look, char **value)
{
    char path[PROVIDERS_PATH_MAX], *text;
    struct props props;
    size_t len;
    int line = 0, err = providers_path(look, path);
    ASSERT(look->kind == PROVIDERS_FILE);
    ASSERT(look->key != NULL);
    if (err || (err = providers_load(look, path, &text, &len)))
        return err;
    props_init(&props);
    err = props_parse(&props, text, len, &line);
    const char *found = err ? NULL : props_get(&props, look->key);
    if (err)
        err = providers_refuse(look, ERR_INVALID, "line %d of %s is no setting", line, path);
    else if (!found)
        err = providers_refuse(look, ERR_NOT_FOUND, "there is no %s in %s", look->key, path);
    else
        *value = mem_strdup(found);
    props_close(&props);
    mem_free(text);
    return err;
}

static int providers_from_directory(struct providers_look *look, char **value)
{
    char path[PROVIDERS_PATH_MAX], *text;
    size_t len;
    int err = providers_path(look, path);
    ASSERT(look->kind == PROVIDERS_DIRECTORY);
    ASSERT(look->key != NULL);
    if (err)
        return err;
    if (!look->key[0] || look->key[0] == '.' || strchr(look->key, '/') ||
        strlen(path) + strlen(look->key) + 2 > sizeof(path))
        return providers_refuse(look, ERR_INVALID, "%s is not the name of a file in %s", look->key,
                                path);
    size_t end = strlen(path);
    snprintf(path + end, sizeof(path) - end, "/%s", look->key);
    err = providers_load(look, path, &text, &len);
    if (err)
        return err;
    while (len > 0 && strchr("\r\n", text[len - 1])) /* an editor's */
        len--;
    bool whole = !memchr(text, '\0', len);
    *value = whole ? mem_strndup(text, len) : NULL;
    mem_free(text);
    return whole ? 0 : providers_refuse(look, ERR_INVALID, "the file %s is no text", path);
}

/* ---- the environment ---- */

/* allowlist.pattern, which the whole name has to match. */
static int providers_check_env(struct providers_look *look)
{
    const char *pattern = providers_param(look, "param.allowlist.pattern");
    ASSERT(look->key != NULL);
    regex_t compiled;
    if (!pattern)
        return 0;
    char *whole = mem_printf("^(%s)$", pattern);
    int bad = regcomp(&compiled, whole, REG_EXTENDED | REG_NOSUB);
    mem_free(whole);
    if (bad)
        return providers_refuse(look, ERR_INVALID,
                                PROVIDERS_PREFIX "%s.param.allowlist.pattern is no extended "
                                                 "regular expression",
                                look->name);
    bool allowed = regexec(&compiled, look->key, 0, NULL, 0) == 0;
    regfree(&compiled);
    return allowed ? 0
                   : providers_refuse(look, ERR_INVALID,
                                      "%s does not match " PROVIDERS_PREFIX
                                      "%s.param.allowlist.pattern",
                                      look->key, look->name);
}

static int providers_from_env(struct providers_look *look, char **value)
{
    int err;
    ASSERT(look->kind == PROVIDERS_ENV);
    ASSERT(look->key != NULL);
    if (look->path[0])
        return providers_refuse(look, ERR_INVALID, "write ${%s:NAME}, without a path", look->name);
    err = providers_check_env(look);
    if (err)
        return err;
    const char *found = getenv(look->key);
    if (!found)
        return providers_refuse(look, ERR_NOT_FOUND, "there is no variable %s in the environment",
                                look->key);
    *value = mem_strdup(found);
    return 0;
}

/* ---- references ---- */

static int providers_get(struct providers_look *look, char **value)
{
    static int (*const from[PROVIDERS_KINDS])(struct providers_look *, char **) = {
        [PROVIDERS_FILE] = providers_from_file,
        [PROVIDERS_DIRECTORY] = providers_from_directory,
        [PROVIDERS_ENV] = providers_from_env,
    };
    int err = providers_find(look);
    ASSERT(err || look->kind < PROVIDERS_KINDS);
    return err ? err : from[look->kind](look, value);
}

static void providers_keep(struct config_providers *providers, const char *reference, size_t len,
                           char *value)
{
    ASSERT(value != NULL);
    ASSERT(len > 0);
    providers->provided =
        mem_realloc(providers->provided, (providers->count + 1) * sizeof(*providers->provided));
    providers->provided[providers->count++] =
        (struct config_provided){mem_strndup(reference, len), value};
}

/* "${provider:path:key}" or "${provider:key}", of `len` bytes. */
static int providers_replace(struct config_providers *providers, struct providers_look *look,
                             const char *reference, size_t len, struct buf *out)
{
    const char *first = reference + 2, *end = reference + len - 1;
    const char *colon = memchr(first, ':', (size_t)(end - first));
    const char *second = memchr(colon + 1, ':', (size_t)(end - colon - 1));
    char *value = NULL;
    ASSERT(colon != NULL);
    ASSERT(*end == '}');
    look->name = mem_strndup(first, (size_t)(colon - first));
    look->path = mem_strndup(colon + 1, second ? (size_t)(second - colon - 1) : 0);
    const char *key = second ? second + 1 : colon + 1;
    look->key = mem_strndup(key, (size_t)(end - key));
    ASSERT(key <= end);
    int err = providers_get(look, &value);
    if (!err) {
        buf_printf(out, "%s", value);
        providers_keep(providers, reference, len, value);
    }
    mem_free(look->name);
    mem_free(look->path);
    mem_free(look->key);
    return err;
}

/* The next reference from `at` on, and its length; NULL when there is none. */
static const char *providers_next(const char *at, size_t *len)
{
    while ((at = strstr(at, "${"))) {
        const char *end = strchr(at, '}');
        if (!end)
            return NULL;
        ASSERT(end > at + 1);
        *len = (size_t)(end - at) + 1;
        if (memchr(at, ':', *len))
            return at;
        at += 2;
    }
    return NULL;
}

static int providers_resolve_entry(struct config_providers *providers, struct providers_look *look,
                                   struct props_entry *entry)
{
    const char *at = entry->value, *next;
    struct buf out;
    size_t len;
    int err = 0, count = 0;
    look->entry = entry;
    buf_init(&out);
    while (!err && (next = providers_next(at, &len))) {
        buf_printf(&out, "%.*s", (int)(next - at), at);
        err = providers_replace(providers, look, next, len, &out);
        at = next + len;
        if (!err && (++count > PROVIDERS_MAX || out.len > PROVIDERS_TEXT_MAX))
            err = providers_refuse(look, ERR_INVALID, "what is provided is too much");
    }
    if (!err && count > 0) {
        buf_printf(&out, "%s", at);
        mem_free(entry->value);
        entry->value = mem_strdup(buf_text(&out));
    }
    buf_close(&out);
    return err;
}

int config_providers_resolve(struct config_providers *providers, struct env *env, const char *file,
                             struct props *props, struct buf *problem)
{
    struct providers_look look = {.env = env, .file = file, .props = props, .problem = problem};
    const char *names = providers_names(props);
    int err = 0;
    ASSERT(props != NULL);
    *providers = (struct config_providers){NULL, 0};
    if (!names || config_is_word(names, ""))
        return 0;
    for (size_t i = 0; !err && i < props->count; i++)
        if (!config_providers_owns(props->entries[i].key))
            err = providers_resolve_entry(providers, &look, &props->entries[i]);
    return err;
}

void config_providers_hide(const struct config_providers *providers, struct buf *text)
{
    for (size_t i = 0; i < providers->count; i++) {
        const struct config_provided *one = &providers->provided[i];
        const char *at = buf_text(text), *found;
        ASSERT(one->value != NULL);
        ASSERT(one->reference != NULL);
        struct buf hidden;
        if (!one->value[0] || !strstr(at, one->value))
            continue;
        buf_init(&hidden);
        for (; (found = strstr(at, one->value)); at = found + strlen(one->value))
            buf_printf(&hidden, "%.*s%s", (int)(found - at), at, one->reference);
        buf_printf(&hidden, "%s", at);
        buf_close(text);
        *text = hidden;
    }
}

void config_providers_close(struct config_providers *providers)
{
    for (size_t i = 0; i < providers->count; i++) {
        mem_free(providers->provided[i].reference);
        mem_free(providers->provided[i].value);
    }
    mem_free(providers->provided);
}
