/* AlterUserScramCredentials (KIP-554): refused, since nobody logs in here yet, and credentials that
 * are kept and not looked at would be a false promise. What is to be deleted is not there, which is
 * told as Kafka does. */
#include "broker/handlers/handlers.h"

#include "base/err.h"
#include "base/map.h"
#include "broker/net/request.h"
#include "kafka/messages/alter_user_scram_credentials.h"

typedef struct alter_user_scram_credentials_response_alter_user_scram_credentials_result
    scram_result;

#define SCRAM_REFUSED                                                                              \
    "SCRAM credentials can't be kept: authentication (SASL) is not available yet. Let only "       \
    "trusted hosts reach the listeners."
#define SCRAM_ABSENT "Attempt to delete a user credential that does not exist"

struct scram_answer {
    struct map users; /* that have a result */
    struct alter_user_scram_credentials_response response;
};

/* One result for each user, of what is asked first; there is room. */
static void scram_add(struct scram_answer *answer, struct wire_str user, int err,
                      const char *sentence)
{
    scram_result *result = &answer->response.results.items[answer->response.results.count];
    if (map_get(&answer->users, user.data, (size_t)user.len))
        return;
    result->user = user;
    result->error_code = err_to_wire(err);
    result->error_message = wire_str_from(sentence);
    map_put(&answer->users, user.data, (size_t)user.len, result);
    answer->response.results.count++;
}

void handle_alter_user_scram_credentials(struct request *request)
{
    const struct alter_user_scram_credentials_request *body = request->body;
    struct scram_answer answer;
    wire_defaults(&alter_user_scram_credentials_response_desc, &answer.response);
    if (!WIRE_ARRAY(
            &request->arena, &answer.response.results,
            body->upsertions.count + body->deletions.count,
            &alter_user_scram_credentials_response_alter_user_scram_credentials_result_desc)) {
        request_fail(request, ERR_NO_MEMORY, "names more users than fit in memory");
        return;
    }
    map_init(&answer.users);
    answer.response.results.count = 0;
    for (int32_t i = 0; i < body->upsertions.count; i++)
        scram_add(&answer, body->upsertions.items[i].name, ERR_SECURITY_DISABLED, SCRAM_REFUSED);
    for (int32_t i = 0; i < body->deletions.count; i++)
        scram_add(&answer, body->deletions.items[i].name, ERR_RESOURCE_NOT_FOUND, SCRAM_ABSENT);
    map_close(&answer.users);
    request_reply(request, &answer.response, NULL);
}
