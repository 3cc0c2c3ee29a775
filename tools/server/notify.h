/* Tells the service manager how this process does: systemd's protocol, one datagram a message to
 * the socket that $NOTIFY_SOCKET names (sd_notify(3)). Without that variable nothing is sent. */
#ifndef TOOLS_SERVER_NOTIFY_H
#define TOOLS_SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify;

struct notify *notify_new(void);
/* Closes the socket. */
void notify_free(struct notify *notify);
/* "READY=1", or several assignments with newlines between. What can't be delivered is dropped: the
 * manager then finds out by its timeouts. */
void notify_send(const struct notify *notify, const char *text);
/* Whether anybody listens. */
bool notify_wanted(const struct notify *notify);
/* Within how many microseconds a WATCHDOG=1 has to follow another; 0 = none is asked for. */
int64_t notify_watchdog_us(const struct notify *notify);

#endif
