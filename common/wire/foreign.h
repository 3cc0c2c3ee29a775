/* Clients of other protocols on one of our ports, named by the first bytes that they send. */
#ifndef WIRE_FOREIGN_H
#define WIRE_FOREIGN_H

#include <stddef.h>
#include <stdint.h>

/* "TLS", "HTTP", "SSH", "the PROXY protocol"; NULL when it is none that is known, or there are
 * fewer than 4 bytes. As the size of a frame all of them are above 200 MiB. */
const char *foreign_name(const uint8_t *bytes, size_t len);

#endif
