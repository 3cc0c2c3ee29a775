/* millrace-server: a node without an agent inside; node.h says how it gets one. */
#include "base/std_fds.h"
#include "tools/server/node.h"

int main(int argc, char **argv)
{
    std_fds_open();
    return node_main(argc, argv, NULL);
}
