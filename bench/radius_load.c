/* A load generator for RADIUS over UDP that is faster than the servers it measures.
 *
 * Not a client: it knows nothing of attributes. It sends whole requests from a file, each with the
 * identifier it was signed with, and proves every reply: Response Authenticator, and
 * Message-Authenticator where there is one (RFC 2865 section 3, RFC 3579 section 3.2).
 * The rule to keep: nothing is made while the clock runs, and an answer that is not proved is none.
 *
 *   radius_load closed PORT SECRET FILE CODE OUTSTANDING WARM_UP SECONDS
 *   radius_load paced  PORT SECRET FILE CODE RATE        WARM_UP SECONDS
 *   radius_load echo   PORT           answer whatever comes with itself, until killed
 *
 * CODE is what a good answer has; 0: the answer is the request itself, from an echo server.
 * Packet i of FILE goes out on socket i mod 8. Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 8          /* connected, 256 identifiers each */
#define IDENTIFIERS 256
#define BATCH 64           /* datagrams a system call */
#define PACKET_MAX 4096    /* RFC 2865 section 3 */
#define RESEND_NS 2000000000LL /* as access points do */
#define TRIES_MAX 4        /* once, and three times again */
#define BUFFER_OCTETS (4 << 20)
#define SECOND_NS 1000000000LL
#define WARM_UP_NS (10 * SECOND_NS) /* then it counts, however few were answered */

typedef unsigned char octet;

static void fail(const char *what) {
    fprintf(stderr, "radius_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* --- MD5 (RFC 1321) and HMAC-MD5 (RFC 2104) ---------------------------------------------------- */

typedef struct { uint32_t word[4]; uint64_t octets; octet rest[64]; } Md5;

static const octet ROTATE[16] = {7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21};
static const uint32_t SINE[64] = { /* floor(2^32 * |sin(i)|), RFC 1321 section 3.4 */
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(uint32_t word[4], const octet *block) {
    uint32_t m[16], a = word[0], b = word[1], c = word[2], d = word[3];
    memcpy(m, block, 64); /* this generator runs where words are little-endian */
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f, at;
        switch (i / 16) {
        case 0: f = d ^ (b & (c ^ d)); at = i; break;
        case 1: f = c ^ (d & (b ^ c)); at = (5 * i + 1) % 16; break;
        case 2: f = b ^ c ^ d; at = (3 * i + 5) % 16; break;
        default: f = c ^ (b | ~d); at = (7 * i) % 16;
        }
        unsigned turn = ROTATE[i / 16 * 4 + i % 4];
        f += a + SINE[i] + m[at];
        a = d, d = c, c = b;
        b += f << turn | f >> (32 - turn);
    }
    word[0] += a, word[1] += b, word[2] += c, word[3] += d;
}

static void md5_start(Md5 *md5) {
    *md5 = (Md5){.word = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

static void md5_add(Md5 *md5, const octet *data, size_t count) {
    size_t held = md5->octets % 64;
    md5->octets += count;
    if (held + count < 64) {
        memcpy(md5->rest + held, data, count);
        return;
    }
    size_t fits = 64 - held;
    memcpy(md5->rest + held, data, fits);
    md5_block(md5->word, md5->rest);
    for (data += fits, count -= fits; count >= 64; data += 64, count -= 64)
        md5_block(md5->word, data);
    memcpy(md5->rest, data, count);
}

static void md5_end(Md5 *md5, octet digest[16]) {
    static const octet padding[64] = {0x80};
    uint64_t bits = md5->octets * 8;
    md5_add(md5, padding, 1 + (119 - md5->octets % 64) % 64);
    md5_add(md5, (octet *)&bits, 8);
    memcpy(digest, md5->word, 16);
}

typedef struct { const octet *octets; size_t count; Md5 inner, outer; } Secret;

/* Longer keys would have to be hashed first; a shared secret is not that long. */
static Secret secret_of(const char *text) {
    Secret secret = {.octets = (const octet *)text, .count = strlen(text)};
    octet inner[64], outer[64];
    if (secret.count > 64) { errno = EINVAL; fail("the secret is too long"); }
    for (size_t i = 0; i < 64; i++) {
        octet key = i < secret.count ? secret.octets[i] : 0;
        inner[i] = key ^ 0x36, outer[i] = key ^ 0x5c;
    }
    md5_start(&secret.inner), md5_add(&secret.inner, inner, 64);
    md5_start(&secret.outer), md5_add(&secret.outer, outer, 64);
    return secret;
}

static void hmac_md5(const Secret *secret, const octet *data, size_t count, octet proof[16]) {
    Md5 inner = secret->inner, outer = secret->outer;
    octet digest[16];
    md5_add(&inner, data, count), md5_end(&inner, digest);
    md5_add(&outer, digest, 16), md5_end(&outer, proof);
}

/* --- the proof of a reply ---------------------------------------------------------------------- */

enum { CODE_ACCOUNTING = 5, MESSAGE_AUTHENTICATOR = 80, HEADER = 20 };

/* Return where the proof's value stands, 0 without one, -1 for attributes that do not fit. */
static int find_proof(const octet *reply, int length) {
    int found = 0;
    for (int at = HEADER; at < length; at += reply[at + 1]) {
        if (at + 2 > length || reply[at + 1] < 2 || at + reply[at + 1] > length) return -1;
        if (reply[at] == MESSAGE_AUTHENTICATOR && reply[at + 1] == 18) found = at + 2;
    }
    return found;
}

static int is_proved(octet *reply, int length, const octet *request, const Secret *secret) {
    octet given[16], hash[16], proof[16];
    if (length < HEADER || (reply[2] << 8 | reply[3]) != length) return 0;
    memcpy(given, reply + 4, 16);
    memcpy(reply + 4, request + 4, 16);
    Md5 md5;
    md5_start(&md5), md5_add(&md5, reply, length);
    md5_add(&md5, secret->octets, secret->count), md5_end(&md5, hash);
    if (memcmp(hash, given, 16)) return 0;
    int at = find_proof(reply, length);
    if (at <= 0 || reply[0] == CODE_ACCOUNTING) return at >= 0;
    memcpy(given, reply + at, 16);
    memset(reply + at, 0, 16);
    hmac_md5(secret, reply, length, proof);
    return !memcmp(proof, given, 16);
}

/* --- sending and receiving --------------------------------------------------------------------- */

typedef struct {
    const octet *request; /* NULL: the identifier is free */
    int64_t due, sent;    /* when it should have gone out, and when it last did */
    int tries, counts;
} Slot;

typedef struct {
    int paced, code, socket[SOCKETS];
    double rate;
    int64_t limit, warm_up, window, first;
    Secret secret;
    const octet **packet;
    int64_t packets, next;
    Slot slot[SOCKETS][IDENTIFIERS];
    int64_t outstanding, began, ended;
    float *latency; /* in ms, of `timed` answers; `answered` of them came within the window */
    int64_t timed, answered, sent, lost, resent, refused, forged, unproven, stray, skipped;
} Run;

static int length_of(const octet *packet) { return packet[2] << 8 | packet[3]; }

static void transmit(Run *run, int which, Slot *slot) {
    slot->sent = now_ns();
    slot->tries++;
    /* A full buffer is a lost datagram: it is sent again like any other. */
    if (send(run->socket[which], slot->request, length_of(slot->request), 0) < 0 &&
        errno != EAGAIN && errno != ENOBUFS)
        fail("send");
}

/* The identifier is part of the signed packet: while it waits for an answer, its next is passed
 * over, and said. */
static void send_next(Run *run, int64_t due) {
    int which = run->next % SOCKETS;
    const octet *request = run->packet[run->next];
    Slot *slot = &run->slot[which][request[1]];
    int64_t now = now_ns();
    int counts = run->next++ >= run->warm_up || now - run->first > WARM_UP_NS;
    if (counts && !run->began) run->began = now;
    if (slot->request) { run->skipped++; return; }
    *slot = (Slot){request, due, 0, 0, counts};
    run->outstanding++, run->sent++;
    transmit(run, which, slot);
}

static void set_free(Run *run, Slot *slot) {
    slot->request = NULL;
    run->outstanding--;
}

static void take(Run *run, int which, octet *reply, int length) {
    Slot *slot = length < HEADER ? NULL : &run->slot[which][reply[1]];
    if (!slot || !slot->request) { run->stray++; return; }
    int good = reply[0] == run->code, bare = reply[0] != CODE_ACCOUNTING && run->code;
    if (run->code == 0) {
        good = length == length_of(slot->request);
        if (!good || memcmp(reply, slot->request, length)) { run->forged++; return; }
    } else if (!is_proved(reply, length, slot->request, &run->secret)) {
        run->forged++;
        return;
    }
    run->unproven += bare && find_proof(reply, length) == 0;
    run->refused += !good;
    int64_t now = now_ns();
    if (slot->counts) {
        run->latency[run->timed++] = (now - slot->due) / 1e6f;
        if (now - run->began <= run->window) run->answered++, run->ended = now;
    }
    set_free(run, slot);
}

static void receive(Run *run, int which) {
    static octet data[BATCH][PACKET_MAX];
    static struct iovec place[BATCH];
    static struct mmsghdr message[BATCH];
    for (int i = 0; i < BATCH; i++) {
        place[i] = (struct iovec){data[i], PACKET_MAX};
        message[i].msg_hdr = (struct msghdr){.msg_iov = &place[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(run->socket[which], message, BATCH, MSG_DONTWAIT, NULL);
    if (count < 0 && errno != EAGAIN && errno != ECONNREFUSED) fail("recvmmsg");
    for (int i = 0; i < count; i++) take(run, which, data[i], message[i].msg_len);
}

static void look_for_lost(Run *run, int64_t now) {
    for (int which = 0; which < SOCKETS; which++)
        for (int id = 0; id < IDENTIFIERS; id++) {
            Slot *slot = &run->slot[which][id];
            if (!slot->request || now - slot->sent < RESEND_NS) continue;
            if (slot->tries < TRIES_MAX) { run->resent++; transmit(run, which, slot); continue; }
            run->lost++;
            set_free(run, slot);
        }
}

static int64_t due_next(const Run *run) {
    return run->first + (int64_t)(run->next * (SECOND_NS / run->rate));
}

/* Return whether there is more to send now or later; send what is due. */
static int send_due(Run *run, int64_t now) {
    int64_t over = run->began ? run->began + run->window : INT64_MAX;
    while (run->next < run->packets && now < over) {
        int64_t due = run->paced ? due_next(run) : now;
        if (run->paced ? due > now : run->outstanding >= run->limit) return 1;
        send_next(run, due);
        now = now_ns();
    }
    return 0;
}

static void drive(Run *run) {
    struct pollfd readable[SOCKETS];
    for (int i = 0; i < SOCKETS; i++) readable[i] = (struct pollfd){run->socket[i], POLLIN, 0};
    int64_t looked = run->first = now_ns();
    for (;;) {
        int64_t now = now_ns();
        int more = send_due(run, now);
        if (!more && !run->outstanding) return;
        struct timespec wait = {0, 50000000};
        if (run->paced && more) {
            int64_t ns = due_next(run) - now_ns();
            wait.tv_nsec = ns < 0 ? 0 : ns < 50000000 ? ns : 50000000;
        }
        if (ppoll(readable, SOCKETS, &wait, NULL) < 0 && errno != EINTR) fail("ppoll");
        for (int i = 0; i < SOCKETS; i++)
            if (readable[i].revents) receive(run, i);
        now = now_ns();
        if (now - looked > SECOND_NS / 10) look_for_lost(run, now), looked = now;
    }
}

/* --- beginning and end ------------------------------------------------------------------------- */

static struct sockaddr_in loopback(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int open_socket(void) {
    int one = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER_OCTETS;
    if (one < 0) fail("socket");
    setsockopt(one, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(one, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return one;
}

static void read_packets(Run *run, const char *name) {
    FILE *file = fopen(name, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(name);
    long size = ftell(file);
    octet *all = malloc(size);
    rewind(file);
    if (!all || fread(all, 1, size, file) != (size_t)size) fail(name);
    fclose(file);
    run->packet = malloc(size / HEADER * sizeof *run->packet);
    for (octet *at = all; at < all + size; at += length_of(at)) {
        if (length_of(at) < HEADER) { errno = EINVAL; fail(name); }
        run->packet[run->packets++] = at;
    }
    run->latency = malloc(run->packets * sizeof *run->latency);
}

static int by_size(const void *left, const void *right) {
    float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static double percentile_ms(const Run *run, double percent) {
    if (!run->timed) return 0;
    int64_t at = run->timed * percent / 100;
    return run->latency[at < run->timed ? at : run->timed - 1];
}

static double cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(Run *run, double cpu, double wall) {
    double seconds = run->ended > run->began ? (run->ended - run->began) / 1e9 : 0;
    qsort(run->latency, run->timed, sizeof *run->latency, by_size);
    printf("{\"seconds\": %.3f, \"answered\": %ld, \"rate\": %.1f, \"cpu_percent\": %.1f, ",
           seconds, run->answered, seconds ? run->answered / seconds : 0, 100 * cpu / wall);
    printf("\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, ", percentile_ms(run, 50),
           percentile_ms(run, 99), percentile_ms(run, 100));
    printf("\"sent\": %ld, \"lost\": %ld, \"resent\": %ld, \"refused\": %ld, \"forged\": %ld, ",
           run->sent, run->lost, run->resent, run->refused, run->forged);
    printf("\"unproven\": %ld, \"stray\": %ld, \"skipped\": %ld}\n", run->unproven, run->stray,
           run->skipped);
}

static void echo(const char *port) {
    static octet data[BATCH][PACKET_MAX];
    struct sockaddr_in here = loopback(port), from[BATCH];
    struct iovec place[BATCH];
    struct mmsghdr message[BATCH];
    int one = open_socket();
    if (bind(one, (struct sockaddr *)&here, sizeof here)) fail("bind");
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            place[i] = (struct iovec){data[i], PACKET_MAX};
            message[i].msg_hdr = (struct msghdr){&from[i], sizeof from[i], &place[i], 1, 0, 0, 0};
        }
        int count = recvmmsg(one, message, BATCH, MSG_WAITFORONE, NULL);
        if (count < 0) fail("recvmmsg");
        for (int i = 0; i < count; i++) place[i].iov_len = message[i].msg_len;
        for (int sent = 0; sent < count;) {
            int more = sendmmsg(one, message + sent, count - sent, 0);
            if (more < 0) fail("sendmmsg");
            sent += more;
        }
    }
}

int main(int count, char **word) {
    static Run run;
    if (count == 3 && !strcmp(word[1], "echo")) echo(word[2]);
    if (count != 9) {
        fprintf(stderr, "radius_load: its words stand at the beginning of radius_load.c\n");
        return 2;
    }
    run.paced = !strcmp(word[1], "paced");
    run.secret = secret_of(word[3]);
    run.code = atoi(word[5]);
    run.rate = atof(word[6]), run.limit = atol(word[6]);
    run.warm_up = atol(word[7]);
    run.window = (int64_t)(atof(word[8]) * 1e9);
    read_packets(&run, word[4]);
    struct sockaddr_in there = loopback(word[2]);
    for (int i = 0; i < SOCKETS; i++) {
        run.socket[i] = open_socket();
        if (connect(run.socket[i], (struct sockaddr *)&there, sizeof there)) fail("connect");
    }
    double cpu = cpu_s();
    int64_t began = now_ns();
    drive(&run);
    report(&run, cpu_s() - cpu, (now_ns() - began) / 1e9);
    return 0;
}
