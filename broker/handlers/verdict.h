/* Commands whose whole answer to the client is an error code and a sentence. */
#ifndef BROKER_HANDLERS_VERDICT_H
#define BROKER_HANDLERS_VERDICT_H

#include "broker/net/request.h"
#include "common/meta/channel.pb-c.h"

/* In the request's arena, beside the response, whose defaults are set. */
struct verdict {
    struct request *request;
    void *response;
    int16_t *error_code; /* both of the response */
    struct wire_str *error_message;
};

/* *text = the string with a NUL ("" for null). False: the request has been answered, since the
 * string contains one, or ended. */
bool verdict_text(struct verdict *verdict, struct wire_str str, char **text) MUST_CHECK;
/* Answers with the error and a sentence, which is borrowed. */
void verdict_refuse(struct verdict *verdict, int err, const char *sentence);
/* As command_send: the command is borrowed until this returns. The request is answered once. */
void verdict_ask(struct verdict *verdict, Meta__Command *command, int64_t timeout_ms);

#endif
