// The limit that client and kernel set: answers each RESP request array with +OK and does nothing
// else. One thread, epoll, 64 KB reads, one write a turn and connection.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char input[65536], output[65536 * 2];

// Counts the requests in a read: redis-benchmark sends whole batches, each request begins with '*'
// at the start of a line, and its values hold no line that begins so.
static size_t requests(const char *bytes, size_t length) {
    size_t count = 0;
    const char *at = bytes, *end = bytes + length;
    while (at < end) {
        if (*at == '*') count++;
        const char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line) break;
        at = line + 1;
    }
    return count;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(arguments[1])),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 511)) {
        perror("listen");
        return 1;
    }
    int loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(loop, events, 256, -1);
        for (int index = 0; index < ready; index++) {
            int descriptor = events[index].data.fd;
            if (descriptor == listener) {
                int client = accept4(listener, NULL, NULL, 0);
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                event.events = EPOLLIN;
                event.data.fd = client;
                epoll_ctl(loop, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            ssize_t got = read(descriptor, input, sizeof input);
            if (got <= 0) {
                close(descriptor);
                continue;
            }
            size_t replies = requests(input, (size_t)got);
            for (size_t reply = 0; reply < replies; reply++) memcpy(output + reply * 5, "+OK\r\n", 5);
            if (write(descriptor, output, replies * 5) < 0) close(descriptor);
        }
    }
}
