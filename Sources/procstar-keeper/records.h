/* How children ended, in a memfd: so it costs the keeper no resident memory. A record per slot. */
#ifndef KEEPER_RECORDS_H
#define KEEPER_RECORDS_H

#include "CKeeper.h"
#include "children.h"

struct record {
    struct keeper_outcome outcome;
    char stat[KEEPER_STAT_LIMIT];
};

/* Makes the memfd: its descriptor or -errno. */
int records_open(void);

/* 0 or -errno. */
int records_write(int records, slot which, const struct record *_Nonnull record);
int records_read(int records, slot which, struct record *_Nonnull record);

/* Gives back the memory of a record that is no longer needed, when no other in its page is. */
void records_discard(int records, slot which, const struct children *_Nonnull children);

#endif
