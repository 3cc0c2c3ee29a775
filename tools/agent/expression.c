/* Regular expressions, by PCRE2.
 *
 * Happy path: compiled once, also to machine code where that works. Failure modes: what is no
 * expression is told with the place; one that takes too many steps on a text does not match it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "tools/agent/expression.h"

#include "base/mem.h"

enum { EXPRESSION_STEPS_MAX = 1000000 }; /* for one text: an expression may be a trap */

struct expression {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

STATIC_ASSERT(sizeof(PCRE2_SIZE) == sizeof(size_t), "groups are told as size_t");

struct expression *expression_new(const struct part *part, const char *key, const char *text,
                                  bool whole, struct buf *problems)
{
    int code;
    PCRE2_SIZE at;
    uint32_t flags = whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, flags, &code, &at, NULL);
    if (!compiled) {
        PCRE2_UCHAR reason[160];
        pcre2_get_error_message(code, reason, sizeof(reason));
        ASSERT(problems);
        part_complain(part, key, problems, "\"%s\" is no regular expression: %s at letter %zu",
                      text, (const char *)reason, (size_t)at + 1);
        return NULL;
    }
    struct expression *expression = mem_alloc(sizeof(*expression));
    expression->code = compiled;
    expression->match = pcre2_match_data_create_from_pattern(compiled, NULL);
    expression->context = pcre2_match_context_create(NULL);
    ASSERT(expression->match && expression->context);
    pcre2_set_match_limit(expression->context, EXPRESSION_STEPS_MAX);
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* it is slower without */
    return expression;
}

void expression_free(struct expression *expression)
{
    if (!expression)
        return;
    pcre2_match_context_free(expression->context);
    pcre2_match_data_free(expression->match);
    pcre2_code_free(expression->code);
    mem_free(expression);
}

size_t expression_groups(struct expression *expression, const void *text, size_t len, size_t from,
                         const size_t **ends)
{
    int count =
        pcre2_match(expression->code, text, len, from, 0, expression->match, expression->context);
    *ends = pcre2_get_ovector_pointer(expression->match);
    return count > 0 ? (size_t)count : 0;
}

bool expression_finds(struct expression *expression, const void *text, size_t len)
{
    const size_t *ends;
    return expression_groups(expression, text, len, 0, &ends) > 0;
}
