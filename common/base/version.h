/* The version that --version prints and that a client tells a broker. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define MILLRACE_VERSION "0.1.0"
/* By this name a broker tells its version among its settings, to who asks for it. */
#define MILLRACE_VERSION_KEY "millrace.version"

#endif
