// A client that sends requests at a fixed rate, whatever the server does, and tells how long each
// answer took from the moment its request was due: a server that stands still for a moment is
// charged for all that were due meanwhile. Which server answers faster does not change the load.
//
//   paced PORT RATE SECONDS CONNECTIONS KEYS    four GET to one SET, values of 32 bytes
//
// Prints the count of requests and the latencies p50, p99, p99.9 and the longest in microseconds.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MICROSECONDS_MAX = 2000000, DUE_MAX = 1 << 14, CONNECTIONS_MAX = 1024 };

struct connection {
    int descriptor;
    // When the requests without an answer were due, in nanoseconds, oldest first.
    uint64_t due[DUE_MAX];
    unsigned first, last;
};

static struct connection connections[CONNECTIONS_MAX];
static uint32_t counts[MICROSECONDS_MAX + 1];
static uint64_t answered, longest;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void note(struct connection *connection, uint64_t time) {
    if (connection->first == connection->last) fail("an answer nobody asked for");
    uint64_t took = (time - connection->due[connection->first++ % DUE_MAX]) / 1000;
    if (took > longest) longest = took;
    counts[took < MICROSECONDS_MAX ? took : MICROSECONDS_MAX]++;
    answered++;
}

// Answers are "+OK", "$-1" or "$32" with a line that begins with a digit: each has one line that
// begins with '+' or '$'.
static void take(struct connection *connection) {
    char bytes[65536];
    ssize_t length = recv(connection->descriptor, bytes, sizeof bytes, 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) fail("recv");
    uint64_t time = now();
    for (ssize_t at = 0; at < length; at++) {
        if (bytes[at] == '-' && (at == 0 || bytes[at - 1] == '\n')) fail("an error came back");
        if (bytes[at] == '+' || bytes[at] == '$') note(connection, time);
    }
}

static void ask(struct connection *connection, uint64_t due, uint32_t draw, uint32_t keys) {
    char request[160];
    int length;
    if (draw % 5) {
        length = sprintf(request, "*2\r\n$3\r\nGET\r\n$16\r\nkey:%012u\r\n", draw / 5 % keys);
    } else {
        length = sprintf(
            request, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012u\r\n$32\r\n%032u\r\n", draw / 5 % keys,
            draw);
    }
    if (connection->last - connection->first == DUE_MAX) fail("the server is far behind");
    connection->due[connection->last++ % DUE_MAX] = due;
    // A request is small: the kernel takes it whole or the server is far behind.
    if (send(connection->descriptor, request, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
}

static uint64_t percentile(double share) {
    uint64_t seen = 0, wanted = (uint64_t)((double)answered * share);
    for (uint64_t microseconds = 0; microseconds < MICROSECONDS_MAX; microseconds++) {
        seen += counts[microseconds];
        if (seen > wanted) return microseconds;
    }
    return MICROSECONDS_MAX;
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    double rate = atof(arguments[2]), seconds = atof(arguments[3]);
    int connection_count = atoi(arguments[4]), loop = epoll_create1(0), on = 1;
    uint32_t keys = (uint32_t)atoi(arguments[5]), draw = 1;
    if (connection_count < 1 || connection_count > CONNECTIONS_MAX || keys < 1) return 2;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1])),
        .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (int index = 0; index < connection_count; index++) {
        int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) fail("connect");
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        fcntl(descriptor, F_SETFL, O_NONBLOCK);
        connections[index].descriptor = descriptor;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[index]};
        epoll_ctl(loop, EPOLL_CTL_ADD, descriptor, &event);
    }
    uint64_t start = now(), total = (uint64_t)(rate * seconds), sent = 0;
    struct epoll_event events[256];
    while (answered < total) {
        uint64_t due = start + (uint64_t)((double)sent / rate * 1e9);
        if (sent < total && due <= now()) {
            draw = draw * 1664525u + 1013904223u;
            ask(&connections[sent % (uint64_t)connection_count], due, draw >> 3, keys);
            sent++;
        } else {
            int ready = epoll_wait(loop, events, 256, 0);
            for (int index = 0; index < ready; index++) take(events[index].data.ptr);
        }
        if (now() - start > (uint64_t)((seconds + 10) * 1e9)) fail("answers are missing");
    }
    printf(
        "%llu %llu %llu %llu %llu\n", (unsigned long long)answered,
        (unsigned long long)percentile(0.5), (unsigned long long)percentile(0.99),
        (unsigned long long)percentile(0.999), (unsigned long long)longest);
    return 0;
}
