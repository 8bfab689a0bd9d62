/* How children ended, in a memfd: so it costs the keeper no resident memory. A record per slot. */
#ifndef KEEPER_RECORDS_H
#define KEEPER_RECORDS_H

#include "CKeeper.h"
#include "children.h"

struct record {
    int32_t status;
    uint32_t stat_length;
    struct rusage usage;
    char stat[KEEPER_STAT_LIMIT];
};

/* Makes the memfd: its descriptor or -errno. */
int records_open(void);

/* 0 or -errno. */
int records_write(int records, slot which, const struct record *_Nonnull record);
int records_read(int records, slot which, struct record *_Nonnull record);

/* Gives back the memory of records that are no longer needed: of the page of this slot, if no other in it is needed;
 * of all, if there are no children. */
void records_discard(int records, slot which, const struct children *_Nonnull children);

#endif
