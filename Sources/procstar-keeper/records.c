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

int records_write(int records, slot which, const struct record *record)
{
    const size_t length = offsetof(struct record, stat) + record->stat_length;
    size_t done = 0;
    while (done < length) {
        const ssize_t count =
            CALL(pwrite, records, (const char *)record + done, length - done, offset_of(which) + (off_t)done);
        if (count < 0 && errno != EINTR)
            return -errno;
        if (count > 0)
            done += (size_t)count;
    }
    return 0;
}

int records_read(int records, slot which, struct record *record)
{
    *record = (struct record){0};
    for (;;) {
        /* A memfd never gives less than is there. */
        const ssize_t count = CALL(pread, records, record, sizeof *record, offset_of(which));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        const size_t least = offsetof(struct record, stat);
        return (size_t)count >= least && record->stat_length <= (size_t)count - least ? 0 : -EIO;
    }
}

void records_discard(int records, slot which, const struct children *children)
{
    if (children->count == 0) {
        (void)ftruncate(records, 0);
        return;
    }
    const slot first = which - which % RECORDS_PER_PAGE;
    for (slot other = first; other < first + RECORDS_PER_PAGE; other++)
        if (other > 0 && other < children->slots_used && children->slots[other].is_recorded)
            return;
    (void)fallocate(records, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset_of(first),
                    (off_t)(RECORDS_PER_PAGE * sizeof(struct record)));
}
