/* Any protobuf message as JSON, by its descriptor: fields in the order of the .proto file, those at
 * their default too. Ids of 16 bytes are written as Kafka writes them, other bytes in hex. */
#ifndef TOOLS_PROTO_JSON_H
#define TOOLS_PROTO_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

json_t *proto_json(const ProtobufCMessage *message);

#endif
