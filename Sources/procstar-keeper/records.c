#define _GNU_SOURCE

#include "records.h"

#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS_PER_PAGE 4

_Static_assert(sizeof(struct record) * RECORDS_PER_PAGE == 4096, "records don't fill a page");

int records_open(void)
{
    const int fd = CALL(memfd_create, "procstar-keeper", MFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static off_t offset_of(slot which)
{
    return (off_t)which * (off_t)sizeof(struct record);
}

/* A record lies within a page, so it is written and read whole or not at all. */
int records_write(int records, slot which, const struct record *record)
{
    return CALL(pwrite, records, record, sizeof *record, offset_of(which)) < 0 ? -errno : 0;
}

int records_read(int records, slot which, struct record *record)
{
    return CALL(pread, records, record, sizeof *record, offset_of(which)) < 0 ? -errno : 0;
}

void records_discard(int records, slot which, const struct children *children)
{
    const slot first = which - which % RECORDS_PER_PAGE;
    for (slot other = first; other < first + RECORDS_PER_PAGE; other++)
        if (other > 0 && other < children->slots_used && children->slots[other].is_recorded)
            return;
    (void)fallocate(records, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(first),
                    (off_t)(RECORDS_PER_PAGE * sizeof(struct record)));
}
