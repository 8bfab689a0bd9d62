/* The system calls that may fail for want of something, through a seam: a build with KEEPER_FAULTS lets the environment
 * say which of them fails, when and how. Otherwise each is just the call. */
#ifndef KEEPER_CALLS_H
#define KEEPER_CALLS_H

#ifdef KEEPER_FAULTS

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

/* Reads KEEPER_FAULTS from the environment: `call:nth:errno`, several with commas between them; nth 0 is every time.
 * What fails is noted, a line each, in the file that KEEPER_FAULTS_LOG names. */
void keeper_faults_begin(void);

/* Whether this call is to fail; errno says how. */
bool keeper_fault(const char *_Nonnull call);

#define CALL(name, ...) (keeper_fault(#name) ? -1 : name(__VA_ARGS__))
#define CALL_PLAIN(name, ...) (keeper_fault(#name) ? -errno : name(__VA_ARGS__))
#define CALL_MEMORY(failure, name, ...) (keeper_fault(#name) ? (failure) : name(__VA_ARGS__))

#else

#define keeper_faults_begin() ((void)0)
#define CALL(name, ...) name(__VA_ARGS__)
/* For those that return -errno. */
#define CALL_PLAIN(name, ...) name(__VA_ARGS__)
/* For those that return a pointer. */
#define CALL_MEMORY(failure, name, ...) name(__VA_ARGS__)

#endif
#endif
