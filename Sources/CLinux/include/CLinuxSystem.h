// System calls and constants that the Glibc overlay lacks (epoll, eventfd, accept4, …).
#ifndef HEADWATER_CLINUX_SYSTEM_H
#define HEADWATER_CLINUX_SYSTEM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sys/epoll.h>
#include <sys/eventfd.h>

#endif
