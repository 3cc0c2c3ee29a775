/* Clients of other protocols: the beginnings of what they send. */
#include "wire/foreign.h"

#include <string.h>

#include "base/check.h"

static const struct {
    const char *start; /* 4 bytes */
    const char *name;
} foreign_starts[] = {
    {"\x16\x03\x00", "TLS"}, /* the record of a ClientHello, by its version */
    {"\x16\x03\x01", "TLS"},
    {"\x16\x03\x02", "TLS"},
    {"\x16\x03\x03", "TLS"},
    {"GET ", "HTTP"},
    {"POST", "HTTP"},
    {"PUT ", "HTTP"},
    {"HEAD", "HTTP"},
    {"DELE", "HTTP"},
    {"OPTI", "HTTP"},
    {"PATC", "HTTP"},
    {"CONN", "HTTP"},
    {"PRI ", "HTTP"},
    {"SSH-", "SSH"},
    {"PROX", "the PROXY protocol"},
    {"\r\n\r\n", "the PROXY protocol"},
};

const char *foreign_name(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; len >= 4 && i < ARRAY_LEN(foreign_starts); i++)
        if (memcmp(bytes, foreign_starts[i].start, bytes[0] == 0x16 ? 3 : 4) == 0)
            return foreign_starts[i].name;
    return NULL;
}
