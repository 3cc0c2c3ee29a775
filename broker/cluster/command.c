/* Commands. Happy path: packed and sent by the channel, answered, applied here, finished. Failure
 * modes: no controller in time (outcome unknown), a refusal, a broker that lags (finished without
 * the wait, since the command itself is committed), a broker that stops. */
#include "broker/cluster/command.h"

#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "broker/cluster/metadata.h"
#include "meta/channel.h"

enum { COMMAND_ENVELOPE = 64 /* tags and lengths of the frame around a command */ };

STATIC_ASSERT((int)COMMAND_ENVELOPE < (int)CHANNEL_COMMAND_MAX, "a command has room in its frame");
struct command {
    struct controller_channel *channel;
    struct controller_call call;
    struct metadata_wait wait;
    const struct command_events *events;
    void *data;
};

static void command_applied(struct metadata_wait *wait, int err)
{
    struct command *command = CONTAINER_OF(wait, struct command, wait);
    const struct command_events *events = command->events;
    void *data = command->data;
    ASSERT(err <= 0);
    mem_free(command);
    events->finish(data, err == ERR_BROKER_NOT_AVAILABLE ? err : 0);
}

static void command_failed(struct command *command, int err, const char *sentence)
{
    const struct command_events *events = command->events;
    void *data = command->data;
    ASSERT(err < 0);
    ASSERT(sentence != NULL);
    events->result(data, err, sentence, NULL);
    mem_free(command);
    events->finish(data, err);
}

static void command_answered(struct controller_call *call, int err, const Meta__CommandReply *reply)
{
    struct command *command = CONTAINER_OF(call, struct command, call);
    ASSERT(err <= 0);
    ASSERT(err || reply);
    if (err) {
        bool said = reply && reply->message && reply->message[0];
        command_failed(command, err, said ? reply->message : err_text(err));
        return;
    }
    command->events->result(command->data, 0, "", reply);
    metadata_wait(controller_channel_metadata(command->channel), &command->wait, reply->index,
                  COMMAND_APPLY_MS, command_applied);
}

static int64_t command_timeout(int64_t timeout_ms)
{
    if (timeout_ms < COMMAND_TIMEOUT_MIN_MS)
        return COMMAND_TIMEOUT_MIN_MS;
    return timeout_ms < COMMAND_TIMEOUT_MAX_MS ? timeout_ms : COMMAND_TIMEOUT_MAX_MS;
}

void command_send(struct controller_channel *channel, struct command_origin origin,
                  Meta__Command *message, int64_t timeout_ms, const struct command_events *events,
                  void *data)
{
    ASSERT(origin.principal != NULL);
    ASSERT(events->result != NULL);
    ASSERT(events->finish != NULL);
    struct command *command = mem_alloc(sizeof(*command));
    command->channel = channel;
    command->events = events;
    command->data = data;
    char *client = wire_str_dup(origin.client_id);
    char *principal = mem_strdup(origin.principal); /* protobuf-c knows no const */
    message->principal = principal;
    if (client)
        message->client_id = client;
    if (meta__command__get_packed_size(message) > CHANNEL_COMMAND_MAX - COMMAND_ENVELOPE)
        command_failed(command, ERR_INVALID_REQUEST,
                       "The request is larger than a controller takes: split it.");
    else
        controller_channel_call(channel, &command->call, message, command_timeout(timeout_ms),
                                command_answered);
    mem_free(client);
    mem_free(principal);
}

/* ---- creating topics ---- */

struct command_creation {
    void (*done)(void *data, int err, const int *errors);
    void *data;
    size_t count;
    int errors[];
};

static void command_creation_result(void *data, int err, const char *sentence,
                                    const Meta__CommandReply *reply)
{
    struct command_creation *creation = data;
    ASSERT(creation->count > 0);
    (void)err;
    (void)sentence;
    for (size_t i = 0; reply && i < creation->count; i++) {
        int code = i < reply->n_topics ? err_from_wire((int16_t)reply->topics[i]->error)
                                       : ERR_UNKNOWN_SERVER_ERROR;
        creation->errors[i] = code == ERR_TOPIC_ALREADY_EXISTS ? 0 : code;
    }
}

static void command_creation_finish(void *data, int err)
{
    struct command_creation *creation = data;
    ASSERT(creation->done != NULL);
    ASSERT(err <= 0);
    creation->done(creation->data, err, err ? NULL : creation->errors);
    mem_free(creation);
}

static const struct command_events command_creation_events = {
    .result = command_creation_result,
    .finish = command_creation_finish,
};

/* Copies of the texts, since protobuf-c knows no const. False when memory is out. */
static bool command_fill_topic(struct arena *arena, Meta__CreateTopics__Topic *message,
                               const struct command_topic *topic)
{
    ASSERT(topic->name != NULL);
    message->name = arena_strndup(arena, topic->name, strlen(topic->name));
    message->partitions = topic->partitions;
    message->replication_factor = topic->replication_factor;
    message->configs =
        command_messages(arena, topic->setting_count, &meta__config_entry__descriptor);
    message->n_configs = topic->setting_count;
    if (!message->name || !message->configs)
        return false;
    for (size_t i = 0; i < topic->setting_count; i++) {
        const struct command_setting *setting = &topic->settings[i];
        message->configs[i]->key = arena_strndup(arena, setting->key, strlen(setting->key));
        message->configs[i]->value = arena_strndup(arena, setting->value, strlen(setting->value));
        if (!message->configs[i]->key || !message->configs[i]->value)
            return false;
    }
    return true;
}

void command_create_topics(struct controller_channel *channel, struct command_origin origin,
                           const struct command_topic *topics, size_t count, int64_t timeout_ms,
                           void (*done)(void *data, int err, const int *errors), void *data)
{
    ASSERT(count > 0);
    ASSERT(done != NULL);
    struct command_creation *creation =
        mem_try_alloc(sizeof(*creation) + count * sizeof(creation->errors[0]));
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    Meta__CreateTopics create = META__CREATE_TOPICS__INIT;
    create.topics = command_messages(&arena, count, &meta__create_topics__topic__descriptor);
    create.n_topics = count;
    bool filled = creation && create.topics;
    for (size_t i = 0; filled && i < count; i++)
        filled = command_fill_topic(&arena, create.topics[i], &topics[i]);
    if (filled) {
        *creation = (struct command_creation){.done = done, .data = data, .count = count};
        Meta__Command command = META__COMMAND__INIT;
        command.body_case = META__COMMAND__BODY_CREATE_TOPICS;
        command.create_topics = &create;
        command_send(channel, origin, &command, timeout_ms, &command_creation_events, creation);
    } else {
        mem_free(creation);
        done(data, ERR_NO_MEMORY, NULL);
    }
    arena_close(&arena);
}

/* ---- building ---- */

void *command_messages(struct arena *arena, size_t count,
                       const ProtobufCMessageDescriptor *descriptor)
{
    void **pointers = arena_alloc_array(arena, count, sizeof(void *));
    char *messages = arena_alloc_array(arena, count, descriptor->sizeof_message);
    if (!pointers || !messages)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        pointers[i] = messages + i * descriptor->sizeof_message;
        protobuf_c_message_init(descriptor, pointers[i]);
    }
    return pointers;
}

int command_text(struct arena *arena, struct wire_str str, char **text)
{
    size_t len = str.len > 0 ? (size_t)str.len : 0;
    ASSERT(text != NULL);
    if (len && memchr(str.data, 0, len))
        return ERR_INVALID;
    *text = arena_strndup(arena, len ? str.data : "", len);
    return *text ? 0 : ERR_NO_MEMORY;
}

struct wire_str command_keep(struct arena *arena, const char *text)
{
    if (!text || !text[0])
        return WIRE_STR_NULL;
    return wire_str_from(arena_strndup(arena, text, strlen(text)));
}
