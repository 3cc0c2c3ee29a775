/* /dev/null in the place of stdin, stdout and stderr; std_fds.h is the contract.
 *
 * Happy path: all three are open, and the one descriptor that is opened is closed again. Failure
 * mode: without /dev/null things stay as they are. */
#include "base/std_fds.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"

void std_fds_open(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDONLY); /* children that are started get it, too: no O_CLOEXEC */
    while (fd >= 0 && fd <= STDERR_FILENO);
    ASSERT(fd < 0 || fd > STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}
