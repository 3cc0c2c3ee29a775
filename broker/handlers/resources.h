/* What has settings: the numbers of Kafka's ConfigResource types. */
#ifndef BROKER_HANDLERS_RESOURCES_H
#define BROKER_HANDLERS_RESOURCES_H

enum resources_type {
    RESOURCES_TOPIC = 2,
    RESOURCES_BROKER = 4,
    RESOURCES_BROKER_LOGGER = 8,
    RESOURCES_CLIENT_METRICS = 16,
    RESOURCES_GROUP = 32
};

#endif
