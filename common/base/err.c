/* Errors: look-ups in the one list of err.h. */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>

#include "base/check.h"

struct err_row {
    int number;
    int16_t wire;
    const char *name;
    const char *sentence;
};

#define ERR_ROW(name, number, wire, sentence) {number, wire, #name, sentence},
static const struct err_row err_rows[] = {ERR_OWN_LIST(ERR_ROW) ERR_KAFKA_LIST(ERR_ROW)};

static const struct err_row *err_find(int err)
{
    for (size_t i = 0; i < ARRAY_LEN(err_rows); i++)
        if (err_rows[i].number == err)
            return &err_rows[i];
    return NULL;
}

const char *err_name(int err)
{
    if (err == 0)
        return "NONE";
    const struct err_row *row = err_find(err);
    return row ? row->name : "UNKNOWN";
}

const char *err_text(int err)
{
    if (err == 0)
        return "no error";
    const struct err_row *row = err_find(err);
    return row ? row->sentence : "unknown error";
}

int16_t err_to_wire(int err)
{
    if (err == 0)
        return 0;
    const struct err_row *row = err_find(err);
    return row ? row->wire : -1;
}

int err_from_wire(int16_t code)
{
    if (code == 0)
        return 0;
    if (code > 0 && err_find(-(1000 + code)))
        return -(1000 + code);
    return ERR_UNKNOWN_SERVER_ERROR;
}

int err_from_errno(int error_number)
{
    switch (error_number) {
    case EAGAIN:
    case EINTR:
        return ERR_AGAIN;
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return ERR_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return ERR_NO_SPACE;
    case EACCES:
    case EPERM:
        return ERR_ACCESS;
    case EROFS:
        return ERR_READ_ONLY;
    case ECONNREFUSED:
        return ERR_REFUSED;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
        return ERR_RESET;
    case ETIMEDOUT:
        return ERR_TIMED_OUT;
    case EADDRINUSE:
        return ERR_ADDRESS_IN_USE;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRNOTAVAIL:
        return ERR_UNREACHABLE;
    case ENOMEM:
        return ERR_NO_MEMORY;
    case EMFILE:
    case ENFILE:
        return ERR_TOO_MANY_FILES;
    case EISDIR:
        return ERR_NO_FILE;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
        return ERR_INVALID;
    default:
        return ERR_IO;
    }
}
