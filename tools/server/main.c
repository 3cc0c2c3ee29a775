/* millrace-server: a node without an agent inside; node.h says how it gets one. */
#include "tools/server/node.h"

int main(int argc, char **argv)
{
    return node_main(argc, argv, NULL);
}
