/* Fault injection, in builds for tests alone. */
#define _GNU_SOURCE

#include "calls.h"

#ifdef KEEPER_FAULTS

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_LIMIT 16

static struct fault {
    char call[32];
    unsigned long nth;
    unsigned long calls;
    int error;
} faults[FAULT_LIMIT];
static size_t fault_count;
static const char *log_path;

void keeper_faults_begin(void)
{
    const char *at = getenv("KEEPER_FAULTS"); // NOLINT(concurrency-mt-unsafe)
    log_path = getenv("KEEPER_FAULTS_LOG");   // NOLINT(concurrency-mt-unsafe)
    while (at && fault_count < FAULT_LIMIT) {
        struct fault *fault = &faults[fault_count];
        if (sscanf(at, "%31[^:]:%lu:%d", fault->call, &fault->nth, &fault->error) == 3) // NOLINT(cert-err34-c)
            fault_count++;
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
}

static void note(const struct fault *fault)
{
    if (!log_path)
        return;
    char line[64];
    const int length = snprintf(line, sizeof line, "%s %lu %d\n", fault->call, fault->calls, fault->error);
    const int fd = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)!write(fd, line, (size_t)length);
    (void)close(fd);
}

bool keeper_fault(const char *call)
{
    for (size_t i = 0; i < fault_count; i++) {
        struct fault *fault = &faults[i];
        if (strcmp(fault->call, call) != 0)
            continue;
        fault->calls++;
        if (fault->nth != 0 && fault->nth != fault->calls)
            continue;
        note(fault);
        errno = fault->error;
        return true;
    }
    return false;
}

#endif
