/* Levels of the areas. What is in force is worked out when a level changes, so that asking is one
 * load. */
#include "base/logger_levels.h"

#include <string.h>

#include "base/err.h"

enum { LEVEL_ABOVE = -1 };

static const char *const level_words[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

static const struct {
    const char *name;
    enum logger_area above;
} level_areas[LOGGER_AREAS] = {
#define LOGGER_AREA_ROW(id, area_name, area_above) [LOGGER_##id] = {area_name, LOGGER_##area_above},
    LOGGER_AREA_LIST(LOGGER_AREA_ROW)
#undef LOGGER_AREA_ROW
};

/* An area stands behind the one above it, so one pass does. */
static void logger_levels_settle(struct logger_levels *levels)
{
    for (int i = 0; i < LOGGER_AREAS; i++) {
        ASSERT(i == LOGGER_ROOT || (int)level_areas[i].above < i);
        unsigned char level = levels->own[i] == LEVEL_ABOVE
                                  ? atomic_load(&levels->in_force[level_areas[i].above])
                                  : (unsigned char)levels->own[i];
        atomic_store(&levels->in_force[i], level);
    }
}

/* Clients of either loop may ask for it. */
static void logger_levels_change(struct logger_levels *levels, enum logger_area area,
                                 signed char own)
{
    while (atomic_flag_test_and_set(&levels->changing))
        ;
    levels->own[area] = own;
    logger_levels_settle(levels);
    atomic_flag_clear(&levels->changing);
}

void logger_levels_init(struct logger_levels *levels, enum logger_level level)
{
    atomic_flag_clear(&levels->changing);
    for (int i = 0; i < LOGGER_AREAS; i++)
        levels->own[i] = i == LOGGER_REQUEST ? LOGGER_WARN : LEVEL_ABOVE;
    logger_levels_set(levels, LOGGER_ROOT, level);
}

void logger_levels_set(struct logger_levels *levels, enum logger_area area, enum logger_level level)
{
    ASSERT(area < LOGGER_AREAS);
    ASSERT(level <= LOGGER_FATAL);
    logger_levels_change(levels, area, (signed char)level);
}

void logger_levels_unset(struct logger_levels *levels, enum logger_area area)
{
    ASSERT(area < LOGGER_AREAS);
    ASSERT(area != LOGGER_ROOT);
    logger_levels_change(levels, area, LEVEL_ABOVE);
}

/* ---- names ---- */

const char *logger_area_name(enum logger_area area)
{
    ASSERT(area < LOGGER_AREAS);
    return level_areas[area].name;
}

static bool level_is(const char *known, const char *text, size_t len)
{
    return strlen(known) == len && memcmp(known, text, len) == 0;
}

bool logger_area_find(const char *name, size_t len, enum logger_area *area)
{
    for (int i = 0; i < LOGGER_AREAS; i++) {
        if (!level_is(level_areas[i].name, name, len))
            continue;
        *area = (enum logger_area)i;
        return true;
    }
    return false;
}

const char *logger_level_word(enum logger_level level)
{
    ASSERT(level <= LOGGER_FATAL);
    return level_words[level];
}

bool logger_level_find(const char *word, size_t len, enum logger_level *level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_words); i++) {
        if (!level_is(level_words[i], word, len))
            continue;
        *level = (enum logger_level)i;
        return true;
    }
    return false;
}

/* ---- as a setting ---- */

/* Takes the blanks off both ends. */
static const char *level_strip(const char *text, size_t *len)
{
    for (; *len && (*text == ' ' || *text == '\t'); (*len)--)
        text++;
    while (*len && (text[*len - 1] == ' ' || text[*len - 1] == '\t'))
        (*len)--;
    return text;
}

static int level_read_one(struct logger_levels *levels, const char *text, size_t len,
                          struct buf *problem)
{
    enum logger_area area;
    enum logger_level level;
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    const char *word = equals ? equals + 1 : "";
    size_t word_len = equals ? len - name_len - 1 : 0;
    const char *name = level_strip(text, &name_len);
    word = level_strip(word, &word_len);
    if (!equals || !logger_level_find(word, word_len, &level)) {
        buf_printf(problem, "%.*s: write it as area=LEVEL, where LEVEL is one of", (int)len, text);
        for (size_t i = 0; i < ARRAY_LEN(level_words); i++)
            buf_printf(problem, " %s", level_words[i]);
        return ERR_INVALID;
    }
    if (!logger_area_find(name, name_len, &area)) {
        buf_printf(problem, "%.*s is no area: those are", (int)name_len, name);
        for (int i = 0; i < LOGGER_AREAS; i++)
            buf_printf(problem, " %s", level_areas[i].name);
        return ERR_INVALID;
    }
    logger_levels_set(levels, area, level);
    return 0;
}

int logger_levels_read(struct logger_levels *levels, const char *text, struct buf *problem)
{
    int err = 0;
    while (!err && *text) {
        size_t all = strcspn(text, ","), len = all;
        const char *one = level_strip(text, &len);
        if (len > 0)
            err = level_read_one(levels, one, len, problem);
        text += all + (text[all] == ',');
    }
    return err;
}
