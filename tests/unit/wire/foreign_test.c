/* Clients of other protocols, by their first bytes. */
#include "../tap.h"

#include "wire/foreign.h"

static void check_name(const char *bytes, size_t len, const char *name)
{
    const char *found = foreign_name((const uint8_t *)bytes, len);
    CHECK_STR(found ? found : "", name);
}

static void first_bytes_tell(void)
{
    check_name("\x16\x03\x01\x02", 4, "TLS");
    check_name("\x16\x03\x03\x00\xf8", 5, "TLS");
    check_name("GET / HTTP/1.1", 14, "HTTP");
    check_name("POST", 4, "HTTP");
    check_name("SSH-2.0", 7, "SSH");
    check_name("PROXY TCP4", 10, "the PROXY protocol");
    check_name("\x16\x03\x01", 3, "");
    check_name("\x00\x00\x00\x20", 4, "");
    check_name("\x16\x03\x04\x00", 4, "");
    check_name("GETS", 4, "");
    CHECK(foreign_name(NULL, 0) == NULL);
}

TAP_MAIN(TAP_TEST(first_bytes_tell))
