/* The client of a request, as subscriptions of client metrics choose by it. */
#ifndef BROKER_HANDLERS_TELEMETRY_CALLER_H
#define BROKER_HANDLERS_TELEMETRY_CALLER_H

#include "broker/net/request.h"
#include "broker/telemetry/telemetry.h"

/* Fills call->attributes with texts in the request's arena; false when its limit is reached. */
bool telemetry_caller_fill(struct request *request, struct telemetry_call *call) MUST_CHECK;

#endif
