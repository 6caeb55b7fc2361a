/* Preloaded into the one process that works on a store: writes down, in their order and with their bytes, all calls
 * that change or sync a file of one folder, and lets calls fail that it is told to.
 *
 * DASHSHARE_CUT_FOLDER  the folder (an absolute path without links)
 * DASHSHARE_CUT_LOG     the file to append the log to, outside of the folder; without it nothing is written down
 *
 * What the process writes to a file named `control` in the folder is not written but obeyed:
 *   fail WHICH N LAST ERRNO TORN   WHICH: 1 writes, 2 syncs, 4 truncations, 8 removals, added up; the calls N to LAST
 *                                  of them from now on fail, and if TORN is 1 half of the bytes are written before
 *   ask                            the numbers of calls counted and failed since are put into the file
 *
 * An entry of the log: operation, length of the name, offset, length of the data (64 bits each, as the machine has
 * them), the name, the data. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#undef pwrite64
#undef ftruncate64

enum { WRITE = 1, SYNC = 2, TRUNCATE = 3, UNLINK = 4, RENAME = 5, SYNC_FOLDER = 6 };

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off64_t);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static size_t folder_length;
static int log_file = -1;
static long which, first, last, counted, failed, torn;
static int failure;

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_rename = dlsym(RTLD_NEXT, "rename");
    folder = getenv("DASHSHARE_CUT_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
    const char *log = getenv("DASHSHARE_CUT_LOG");
    if (log) log_file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The name of a path in the folder, "" for the folder itself; NULL for any other. */
static const char *name_in_folder(const char *path) {
    if (!folder || strncmp(path, folder, folder_length) != 0) return NULL;
    if (path[folder_length] == 0) return path + folder_length;
    return path[folder_length] == '/' ? path + folder_length + 1 : NULL;
}

/* The same of an open file, in a buffer of the caller's. */
static const char *name_of(int file, char *buffer, size_t size) {
    char link[64];
    if (!folder) return NULL;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, buffer, size - 1);
    if (length < 0) return NULL;
    buffer[length] = 0;
    return name_in_folder(buffer);
}

static void put(const void *data, size_t length) {
    for (const char *at = data; length > 0;) {
        ssize_t done = real_write(log_file, at, length);
        if (done <= 0) _exit(99); /* a log with a hole proves nothing */
        at += done;
        length -= (size_t)done;
    }
}

static void note(uint64_t operation, const char *name, uint64_t offset, const void *data, uint64_t length) {
    if (log_file < 0) return;
    uint64_t header[4] = {operation, strlen(name), offset, length};
    put(header, sizeof header);
    put(name, strlen(name));
    put(data, length);
}

/* Whether this call is to fail. Only those on the database and its companions are. */
static int fails(long kind, const char *name) {
    if (!(which & kind) || strncmp(name, "store.db", 8) != 0) return 0;
    counted++;
    if (counted < first || counted > last) return 0;
    failed++;
    errno = failure;
    return 1;
}

static void obey(int file, const char *data, size_t length) {
    char text[128];
    if (length >= sizeof text) length = sizeof text - 1;
    memcpy(text, data, length);
    text[length] = 0;
    if (strncmp(text, "ask", 3) == 0) {
        int answer = snprintf(text, sizeof text, "%ld %ld\n", counted, failed);
        real_ftruncate(file, 0);
        real_pwrite(file, text, (size_t)answer, 0);
    } else if (sscanf(text, "fail %ld %ld %ld %d %ld", &which, &first, &last, &failure, &torn) == 5) {
        counted = failed = 0;
    }
}

/* An offset below 0: wherever the file stands. */
static ssize_t write_at(int file, const void *data, size_t length, off64_t offset) {
    char buffer[4096];
    const char *name = name_of(file, buffer, sizeof buffer);
    if (!name) return offset < 0 ? real_write(file, data, length) : real_pwrite(file, data, length, offset);
    pthread_mutex_lock(&turn);
    ssize_t done;
    if (strcmp(name, "control") == 0) {
        obey(file, data, length);
        done = (ssize_t)length;
    } else {
        int is_to_fail = fails(1, name), kept = errno;
        size_t part = !is_to_fail ? length : torn ? length / 2 : 0;
        off64_t at = offset < 0 ? lseek64(file, 0, SEEK_CUR) : offset;
        done = offset < 0 ? real_write(file, data, part) : real_pwrite(file, data, part, offset);
        if (done > 0) note(WRITE, name, (uint64_t)at, data, (uint64_t)done);
        if (is_to_fail) {
            errno = kept;
            done = -1;
        }
    }
    pthread_mutex_unlock(&turn);
    return done;
}

ssize_t write(int file, const void *data, size_t length) { return write_at(file, data, length, -1); }
ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return write_at(file, data, length, offset);
}
ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    return write_at(file, data, length, offset);
}

static int sync_with(int (*real)(int), int file) {
    char buffer[4096];
    const char *name = name_of(file, buffer, sizeof buffer);
    if (!name) return real(file);
    pthread_mutex_lock(&turn);
    int is_to_fail = name[0] && fails(2, name);
    int result = is_to_fail ? -1 : real(file);
    if (result == 0) note(name[0] ? SYNC : SYNC_FOLDER, name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int fsync(int file) { return sync_with(real_fsync, file); }
int fdatasync(int file) { return sync_with(real_fdatasync, file); }

static int truncate_to(int file, off64_t length) {
    char buffer[4096];
    const char *name = name_of(file, buffer, sizeof buffer);
    if (!name) return real_ftruncate(file, length);
    pthread_mutex_lock(&turn);
    int result = fails(4, name) ? -1 : real_ftruncate(file, length);
    if (result == 0) note(TRUNCATE, name, (uint64_t)length, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int ftruncate(int file, off_t length) { return truncate_to(file, length); }
int ftruncate64(int file, off64_t length) { return truncate_to(file, length); }

int unlink(const char *path) {
    const char *name = name_in_folder(path);
    if (!name) return real_unlink(path);
    pthread_mutex_lock(&turn);
    int result = fails(8, name) ? -1 : real_unlink(path);
    if (result == 0) note(UNLINK, name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

/* SQLite renames none of its files; should it begin to, the log says so and the test fails. */
int rename(const char *from, const char *to) {
    const char *name = name_in_folder(from);
    if (name) note(RENAME, name, 0, "", 0);
    return real_rename(from, to);
}
