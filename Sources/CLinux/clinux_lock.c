#include "clinux.h"

#include <sys/file.h>

int clinux_lock(int fd, bool is_exclusive)
{
    return flock(fd, (is_exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0 ? -errno : 0;
}
