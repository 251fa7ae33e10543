/* The floor: what the machine itself asks for. One process, one epoll; it counts connections and
 * writes the new count to all of them: at once when it was quiet, at most ten times a second, and
 * never more than a quarter of the time. That is the blog's pace. It reads no request, holds no
 * slow reader's bytes and checks nothing. Usage: floor PORT HEAD MIDDLE TAIL (what is around the counts) */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20, PACE_US = 100000 };
static int connections[MOST], place_of[MOST], count; /* place_of: by descriptor */
static char text[4096], scratch[4096];

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int frame(const char *start, char **argv) {
    return snprintf(text, sizeof text, "%s%s%d%s%d\">%d %s%s", start, argv[2], count, argv[3], count,
                    count, count == 1 ? "reader online" : "readers online", argv[4]);
}

int main(int argc, char **argv) {
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[512];
    int64_t not_before = 0, began;
    int changed = 0;
    if (argc != 5) return 2;
    at.sin_port = htons(atoi(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) return perror("floor"), 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int64_t left_us = changed ? not_before - now_us() : -1000;
        int found = epoll_wait(poll, events, 512, left_us < 0 ? (changed ? 0 : -1) : left_us / 1000 + 1);
        for (int i = 0; i < found; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                while ((fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0) {
                    connections[place_of[fd] = count++] = fd;
                    event = (struct epoll_event){.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
                    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                    send(fd, text, frame("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                         "Cache-Control: no-store\r\n\r\n", argv), MSG_NOSIGNAL);
                    changed = 1;
                }
            } else if (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
                int last = connections[--count];
                connections[place_of[last] = place_of[fd]] = last;
                close(fd);
                changed = 1;
            } else {
                recv(fd, scratch, sizeof scratch, 0);
            }
        }
        if (changed && (began = now_us()) >= not_before) {
            int length = frame("", argv);
            for (int i = 0; i < count; i++) send(connections[i], text, length, MSG_NOSIGNAL);
            int64_t rest = 3 * (now_us() - began);
            not_before = now_us() + (rest > PACE_US ? rest : PACE_US);
            changed = 0;
        }
    }
}
