/* Happy path: the command is carried out, and the answer says so. Whatever went wrong is an error
 * of the answer, with the controller's sentence. */
#include "broker/handlers/verdict.h"

#include "base/err.h"
#include "broker/broker.h"
#include "broker/cluster/command.h"
#include "broker/handlers/origin.h"

static void verdict_result(void *data, int err, const char *sentence,
                           const Meta__CommandReply *reply)
{
    struct verdict *verdict = data;
    (void)reply;
    *verdict->error_code = err_to_wire(err);
    *verdict->error_message = command_keep(&verdict->request->arena, sentence);
}

static void verdict_finish(void *data, int err)
{
    struct verdict *verdict = data;
    (void)err;
    request_reply(verdict->request, verdict->response, NULL);
}

void verdict_refuse(struct verdict *verdict, int err, const char *sentence)
{
    ASSERT(err != 0 && sentence);
    verdict_result(verdict, err, sentence, NULL);
    verdict_finish(verdict, 0);
}

bool verdict_text(struct verdict *verdict, struct wire_str str, char **text)
{
    struct request *request = verdict->request;
    int err = command_text(&request->arena, str, text);
    if (err == ERR_NO_MEMORY) {
        request_fail(request, err, "asks for more than fits in memory");
    } else if (err) {
        verdict_refuse(verdict, ERR_INVALID_REQUEST, "A text contains a NUL character.");
    }
    return err == 0;
}

void verdict_ask(struct verdict *verdict, Meta__Command *command, int64_t timeout_ms)
{
    static const struct command_events events = {.result = verdict_result,
                                                 .finish = verdict_finish};
    const struct request *request = verdict->request;
    command_send(request->broker->channel, origin_of(request), command, timeout_ms, &events,
                 verdict);
}
