/* A settings file from a text, and what was said of it. */
#ifndef TESTS_UNIT_CONFIG_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_CONFIG_FIXTURE_H

#include "../tap.h"

#include "base/err.h"
#include "config/config.h"

struct fixture {
    struct props props;
    struct buf problem;
    struct buf notes;
    struct config *config;
    int err;
};

static inline void load(struct fixture *f, const char *text)
{
    int line;
    props_init(&f->props);
    buf_init(&f->problem);
    buf_init(&f->notes);
    f->config = NULL;
    CHECK_INT(props_parse(&f->props, text, strlen(text), &line), 0);
    f->err = config_new(&f->props, "s.properties", &f->problem, &f->notes, &f->config);
    if (f->err)
        CHECK(f->config == NULL);
}

static inline void unload(struct fixture *f)
{
    config_free(f->config);
    props_close(&f->props);
    buf_close(&f->problem);
    buf_close(&f->notes);
}

static inline void check_ok(struct fixture *f, const char *text)
{
    load(f, text);
    CHECK_STR(buf_text(&f->problem), "");
    CHECK_INT(f->err, 0);
}

static inline void check_problem(const char *text, int err, const char *sentence)
{
    struct fixture f;
    load(&f, text);
    CHECK_STR(buf_text(&f.problem), sentence);
    CHECK_INT(f.err, err);
    unload(&f);
}

#endif
