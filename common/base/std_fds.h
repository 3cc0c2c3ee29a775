/* The descriptors 0, 1 and 2, which a program that starts others may have closed. */
#ifndef BASE_STD_FDS_H
#define BASE_STD_FDS_H

/* Puts /dev/null in the place of those that are closed, so that no file or socket that is opened
 * later takes it: what is printed would be written there. Reading finds the end, and writing fails
 * as before. The first thing a program does. */
void std_fds_open(void);

#endif
