/* The JSON lines of kafka-verifiable-producer and -consumer: an object for each event, which begins
 * with its time and its name. */
#ifndef TOOLS_VERIFIABLE_H
#define TOOLS_VERIFIABLE_H

#include <jansson.h>
#include <librdkafka/rdkafka.h>

/* The lines are Kafka's own, with and without the option; a table would have no end. */
#define VERIFIABLE_FORMAT OPTION("format", "json", "One JSON object a line, as without the option.")

/* An event as it begins. */
json_t *verifiable_event(const char *name);
/* Bytes of a record as text; null for NULL. */
json_t *verifiable_text(const void *data, size_t len);
/* Prints the line at once, and gives the event back to jansson. */
void verifiable_print(json_t *event);
/* The class of Java's clients for the error, as their exceptions print it. */
const char *verifiable_exception(rd_kafka_resp_err_t err);

#endif
