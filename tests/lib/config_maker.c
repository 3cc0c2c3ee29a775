/* Settings for tests: see config_maker.h. */
#include "config_maker.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

struct config *config_make_from(struct props *props)
{
    struct buf problem, notes;
    struct config *config = NULL;
    buf_init(&problem);
    buf_init(&notes);
    int err = config_new(props, "s.properties", &problem, &notes, &config);
    if (err)
        fprintf(stderr, "# %s\n", buf_text(&problem));
    ASSERT(err == 0);
    buf_close(&problem);
    buf_close(&notes);
    props_close(props);
    return config;
}

struct config *config_make(const char *text)
{
    struct props props;
    int line;
    props_init(&props);
    int err = props_parse(&props, text, strlen(text), &line);
    ASSERT(err == 0);
    return config_make_from(&props);
}
