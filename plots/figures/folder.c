#include "plots/figures/folder.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h> /* macOS has getentropy here, the others in unistd.h */
#include <sys/stat.h>
#include <unistd.h>

static enum status failed(const struct folder *f, const char *name)
{
    const int why = errno;
    return error_set(ERR_IO, "%s/%s: cannot be written: %s", f->path.data ? f->path.data : "", name, strerror(why));
}

enum status folder_open(const char *path, struct folder *f)
{
    enum status rc = OK;
    *f = (struct folder){.fd = -1};
    TRY(text_make_folder(path));
    text_add(&f->path, path);
    TRY(text_status(&f->path));
    f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(f->fd >= 0, ERR_IO, "%s: cannot open this folder: %s", path, strerror(errno));
done:
    return rc;
}

void folder_close(struct folder *f)
{
    if (f->path.data && f->fd >= 0)
        close(f->fd);
    text_free(&f->path);
    *f = (struct folder){.fd = -1};
}

enum status folder_make(const struct folder *in, struct folder *scratch)
{
    enum status rc = OK;
    struct text path = {0};
    *scratch = (struct folder){.fd = -1};
    text_addf(&path, "%s/.figure-XXXXXX", in->path.data);
    TRY(text_status(&path));
    REQUIRE(mkdtemp(path.data), ERR_IO, "%s: cannot write into this folder: %s", in->path.data, strerror(errno));
    scratch->path = path;
    path = (struct text){0};
    scratch->fd = open(scratch->path.data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    REQUIRE(scratch->fd >= 0, ERR_IO, "%s: cannot open this folder: %s", scratch->path.data, strerror(errno));
done:
    text_free(&path);
    return rc;
}

void folder_each(const struct folder *f, folder_visit *visit, void *context)
{
    const int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..") && !visit(context, entry->d_name))
            break;
    }
    if (directory)
        closedir(directory);
    else if (fd >= 0)
        close(fd);
}

static bool remove_one(void *context, const char *name)
{
    const struct folder *f = context;
    unlinkat(f->fd, name, 0);
    return true;
}

void folder_remove(const struct folder *in, struct folder *scratch)
{
    if (!scratch->path.data)
        return;
    if (scratch->fd >= 0)
        folder_each(scratch, remove_one, scratch);
    unlinkat(in->fd, strrchr(scratch->path.data, '/') + 1, AT_REMOVEDIR);
    folder_close(scratch);
}

/* A new file with a random name, *fd open for writing. */
static enum status make_aside(const struct folder *f, const char *name, char aside[32], int *fd)
{
    unsigned long long number;
    *fd = -1;
    for (int attempt = 0; attempt < 100 && *fd < 0; attempt++) {
        if (getentropy(&number, sizeof number) != 0)
            return failed(f, name);
        snprintf(aside, 32, ".new-%016llx", number);
        *fd = openat(f->fd, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (*fd < 0 && errno != EEXIST)
            break;
    }
    return *fd < 0 ? failed(f, name) : OK;
}

enum status folder_write(const struct folder *f, const char *name, const struct text *content)
{
    enum status rc = text_status(content);
    char aside[32];
    int fd;
    if (rc != OK || (rc = make_aside(f, name, aside, &fd)) != OK)
        return rc;
    bool good = true;
    for (size_t done = 0; done < content->length && good;) {
        const ssize_t n = write(fd, content->data + done, content->length - done);
        good = n > 0 || (n < 0 && errno == EINTR);
        done += n > 0 ? (size_t)n : 0;
    }
    good = good && fsync(fd) == 0;
    const int why = errno;
    good = close(fd) == 0 && good;
    errno = good ? 0 : why;
    if (good && renameat(f->fd, aside, f->fd, name) == 0)
        return OK;
    rc = failed(f, name);
    unlinkat(f->fd, aside, 0);
    return rc;
}

enum status folder_read(const struct folder *f, const char *name, size_t limit, struct text *content, bool *there)
{
    char buffer[65536];
    struct stat info;
    const int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *there = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= (off_t)limit;
    for (ssize_t n = 1; *there && n > 0 && content->length <= limit;) {
        n = read(fd, buffer, sizeof buffer);
        *there = n >= 0;
        text_add_bytes(content, buffer, n > 0 ? (size_t)n : 0);
    }
    if (fd >= 0)
        close(fd);
    return text_status(content);
}

struct move {
    const struct folder *from, *to;
    enum status rc;
};

static bool move_one(void *context, const char *name)
{
    struct move *m = context;
    if (renameat(m->from->fd, name, m->to->fd, name) != 0)
        m->rc = failed(m->to, name);
    return true;
}

enum status folder_move(const struct folder *from, const struct folder *to)
{
    struct move m = {from, to, OK};
    folder_each(from, move_one, &m);
    return m.rc;
}

enum status folder_keep(const struct folder *f, const char *name, struct text *kept)
{
    for (int number = 1; number < 10000; number++) {
        text_clear(kept);
        text_addf(kept, number > 1 ? "%s.edited-%d" : "%s.edited", name, number);
        if (text_status(kept) != OK)
            return ERR_MEMORY;
        if (faccessat(f->fd, kept->data, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        if (renameat(f->fd, name, f->fd, kept->data) == 0)
            return OK;
        break;
    }
    return failed(f, name);
}
