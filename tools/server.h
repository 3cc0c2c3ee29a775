/* What starting and stopping a local server share. */
#ifndef TOOLS_SERVER_H
#define TOOLS_SERVER_H

/* The path of millrace-server beside this program, the caller's to mem_free; NULL without /proc. */
char *server_path(void);

#endif
