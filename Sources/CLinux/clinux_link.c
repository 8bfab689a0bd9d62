/* Apart from clinux_sockets.c, since glibc's netinet/tcp.h has an older tcp_info and can't stand beside the kernel's. */
#define _GNU_SOURCE

#include "clinux_sockets.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>

int clinux_measure_link(int fd, struct clinux_link *out)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return -errno;
    /* An older kernel writes less. */
    if (len < offsetof(struct tcp_info, tcpi_delivery_rate) + sizeof info.tcpi_delivery_rate)
        return -ENOSYS;
    out->round_trip_us = info.tcpi_min_rtt;
    out->delivery_rate = info.tcpi_delivery_rate;
    out->sender_limited = info.tcpi_delivery_rate_app_limited;
    return 0;
}
