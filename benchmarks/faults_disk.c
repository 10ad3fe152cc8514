/* Between a program and its disk: records what it writes, kills it or fills the disk at a chosen operation.

   Compiled by faults_disk.py and loaded with LD_PRELOAD. Operations on files under FAULTS_ROOT are numbered from 1:
     FAULTS_LOG=FILE   each is appended to FILE when it is done: a line of tab-separated words, and after W its bytes
     FAULTS_KILL=N     the process dies by SIGKILL when it begins operation N, having done half of it if it is a write
     FAULTS_FULL=N     from operation N on nothing can grow or be made (ENOSPC); with FAULTS_COPIES=1 nothing be overwritten */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static const char *root;
static size_t root_length;
static int log_file = -1;
static long kill_at, full_at, copies, number;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long setting(const char *name) { const char *value = getenv(name); return value ? atol(value) : 0; }

__attribute__((constructor)) static void begin(void) {
    const char *log = getenv("FAULTS_LOG");
    root = getenv("FAULTS_ROOT");
    root_length = root ? strlen(root) : 0;
    kill_at = setting("FAULTS_KILL"); full_at = setting("FAULTS_FULL"); copies = setting("FAULTS_COPIES");
    if (log) log_file = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* For a process that has forked from one that is watched: its own settings, counted from now on. */
void faults_set(long kill_number, long full_number, long with_copies) {
    number = 0; kill_at = kill_number; full_at = full_number; copies = with_copies;
}

long faults_number(void) { return number; }

static int inside(const char *path) {
    return root && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The absolute name of what `path` means from the folder `at`. */
static int absolute(int at, const char *path, char *out) {
    char base[PATH_MAX] = "", link[64];
    if (path[0] != '/') {
        if (at == AT_FDCWD) { if (!getcwd(base, sizeof base)) return 0; }
        else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", at);
            ssize_t n = readlink(link, base, sizeof base - 1);
            if (n < 0) return 0;
            base[n] = 0;
        }
    }
    return snprintf(out, PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", path) < PATH_MAX && inside(out);
}

static int ours(int fd) {
    char path[PATH_MAX], link[64];
    if (!root || fd == log_file) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return inside(path);
}

static void record(const char *data, size_t length, const char *format, ...) {
    char line[2 * PATH_MAX + 100];
    va_list words;
    if (log_file < 0) return;
    va_start(words, format);
    int n = vsnprintf(line, sizeof line, format, words);
    va_end(words);
    if (REAL(write)(log_file, line, n) != n) abort();
    while (length) {
        ssize_t done = REAL(write)(log_file, data, length);
        if (done < 0) abort();
        data += done; length -= done;
    }
}

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

/* Counts an operation; whether it must fail because the disk is full. */
static int counted(int needs_space) {
    number++;
    if (number == kill_at) die();
    return full_at && number >= full_at && needs_space;
}

#define LOCKED(...) { int kept; pthread_mutex_lock(&turn); __VA_ARGS__; kept = errno; pthread_mutex_unlock(&turn); errno = kept; }

/* ---- data ---- */

static ssize_t put(int fd, const void *data, size_t length, off_t offset, int at_offset) {
    if (!ours(fd)) return at_offset ? REAL(pwrite)(fd, data, length, offset) : REAL(write)(fd, data, length);
    ssize_t done = -1;
    LOCKED({
        struct stat found;
        fstat(fd, &found);
        off_t start = at_offset ? offset : fcntl(fd, F_GETFL) & O_APPEND ? found.st_size : lseek(fd, 0, SEEK_CUR);
        int half = number + 1 == kill_at;
        size_t some = length;
        if (half) some = length / 2;
        else if (counted(copies || start + (off_t)length > found.st_size)) {
            some = number == full_at ? length / 2 : 0;  /* what still fits */
        }
        if (some || !length) done = at_offset ? REAL(pwrite)(fd, data, some, offset) : REAL(write)(fd, data, some);
        else errno = ENOSPC;
        if (half) die();
        if (done > 0)
            record(data, done, "W\t%llu\t%lld\t%zd\n", (unsigned long long)found.st_ino, (long long)start, done);
    })
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return put(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return put(fd, data, length, offset, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { return put(fd, data, length, offset, 1); }

int ftruncate(int fd, off_t size) {
    if (!ours(fd)) return REAL(ftruncate)(fd, size);
    int done = -1;
    LOCKED({
        struct stat found;
        fstat(fd, &found);
        if (counted(size > found.st_size)) errno = ENOSPC;
        else if (!(done = REAL(ftruncate)(fd, size)))
            record(0, 0, "T\t%llu\t%lld\n", (unsigned long long)found.st_ino, (long long)size);
    })
    return done;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int synced(int fd, int data_only) {
    if (!ours(fd)) return data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd);
    int done = -1;
    LOCKED({
        struct stat found;
        fstat(fd, &found);
        counted(0);
        if (!(done = data_only ? REAL(fdatasync)(fd) : REAL(fsync)(fd)))
            record(0, 0, "%c\t%llu\n", S_ISDIR(found.st_mode) ? 'D' : 'S', (unsigned long long)found.st_ino);
    })
    return done;
}
int fsync(int fd) { return synced(fd, 0); }
int fdatasync(int fd) { return synced(fd, 1); }

/* ---- names ---- */

static int opened(int at, const char *path, int flags, mode_t mode) {
    char name[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !absolute(at, path, name)) return REAL(openat)(at, path, flags, mode);
    int fd = -1;
    LOCKED({
        struct stat found;
        int there = !stat(name, &found), made = !there && flags & O_CREAT, cut = there && flags & O_TRUNC && found.st_size;
        if ((made || cut) && counted(made)) errno = ENOSPC;
        else if ((fd = REAL(openat)(at, path, flags, mode)) >= 0 && (made || cut)) {
            fstat(fd, &found);
            if (made) record(0, 0, "C\t%llu\t%s\n", (unsigned long long)found.st_ino, name);
            else record(0, 0, "T\t%llu\t0\n", (unsigned long long)found.st_ino);
        }
    })
    return fd;
}

#define MODE mode_t mode = 0; if (flags & O_CREAT) { va_list words; va_start(words, flags); mode = va_arg(words, mode_t); va_end(words); }
int open(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return opened(at, path, flags, mode); }

static int renamed(int old_at, const char *old, int new_at, const char *new) {
    char from[PATH_MAX], to[PATH_MAX];
    if (!absolute(old_at, old, from) || !absolute(new_at, new, to)) return REAL(renameat)(old_at, old, new_at, new);
    int done = -1;
    LOCKED({ counted(0); if (!(done = REAL(renameat)(old_at, old, new_at, new))) record(0, 0, "R\t%s\t%s\n", from, to); })
    return done;
}
int rename(const char *old, const char *new) { return renamed(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int old_at, const char *old, int new_at, const char *new) { return renamed(old_at, old, new_at, new); }

static int linked(int old_at, const char *old, int new_at, const char *new, int flags) {
    char from[PATH_MAX], to[PATH_MAX];
    if (!absolute(old_at, old, from) || !absolute(new_at, new, to)) return REAL(linkat)(old_at, old, new_at, new, flags);
    int done = -1;
    LOCKED({
        if (counted(1)) errno = ENOSPC;
        else if (!(done = REAL(linkat)(old_at, old, new_at, new, flags))) record(0, 0, "L\t%s\t%s\n", from, to);
    })
    return done;
}
int link(const char *old, const char *new) { return linked(AT_FDCWD, old, AT_FDCWD, new, 0); }
int linkat(int old_at, const char *old, int new_at, const char *new, int flags) { return linked(old_at, old, new_at, new, flags); }

static int removed(int at, const char *path, int flags) {
    char name[PATH_MAX];
    if (!absolute(at, path, name)) return REAL(unlinkat)(at, path, flags);
    struct stat found;
    if (lstat(name, &found)) return REAL(unlinkat)(at, path, flags);
    int done = -1;
    LOCKED({
        counted(0);
        if (!(done = REAL(unlinkat)(at, path, flags))) record(0, 0, "%c\t%s\n", flags & AT_REMOVEDIR ? 'X' : 'U', name);
    })
    return done;
}
int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int rmdir(const char *path) { return removed(AT_FDCWD, path, AT_REMOVEDIR); }

static int folder(int at, const char *path, mode_t mode) {
    char name[PATH_MAX];
    struct stat found;
    if (!absolute(at, path, name) || !stat(name, &found)) return REAL(mkdirat)(at, path, mode);
    int done = -1;
    LOCKED({
        if (counted(1)) errno = ENOSPC;
        else if (!(done = REAL(mkdirat)(at, path, mode))) {
            stat(name, &found);
            record(0, 0, "M\t%llu\t%s\n", (unsigned long long)found.st_ino, name);
        }
    })
    return done;
}
int mkdir(const char *path, mode_t mode) { return folder(AT_FDCWD, path, mode); }
int mkdirat(int at, const char *path, mode_t mode) { return folder(at, path, mode); }
