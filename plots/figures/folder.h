/* A folder of pictures or of a report, held open. What is made in it gets a random name first and its own when it is
 * whole; a link in it is replaced and never followed, so that nothing outside is written; and only what this process
 * made is removed. */
#ifndef FOLDER_H
#define FOLDER_H
#include "base/error.h"
#include "base/text.h"

struct folder {
    int fd;           /* owned */
    struct text path; /* owned: for programs that take a name */
};

/* Opens the folder, made with its parents if it is missing. ERR_IO. Release with folder_close, also after an error. */
enum status folder_open(const char *path, struct folder *f);
void folder_close(struct folder *f);
/* A new folder inside, .figure-XXXXXX. ERR_IO. Release with folder_remove. */
enum status folder_make(const struct folder *in, struct folder *scratch);
/* Removes the scratch folder and the files in it, and closes it. A zeroed struct is accepted. Keeps the message of the
 * error that led here. */
void folder_remove(const struct folder *in, struct folder *scratch);
/* `name` in the folder holds the old or the whole new content, never a part. ERR_IO. */
enum status folder_write(const struct folder *f, const char *name, const struct text *content);
/* The content of `name`, appended; a link or anything else that is no file is not there. *there: it was read. */
enum status folder_read(const struct folder *f, const char *name, size_t limit, struct text *content, bool *there);
/* Every file of `from` into `to`, in the place of what has its name. ERR_IO. */
enum status folder_move(const struct folder *from, const struct folder *to);
/* Gives `name` the first free name of NAME.edited, NAME.edited-2, ..; overwrites *kept with that. ERR_IO. */
enum status folder_keep(const struct folder *f, const char *name, struct text *kept);
/* For each file: visit, until it returns false. */
typedef bool folder_visit(void *context, const char *name);
void folder_each(const struct folder *f, folder_visit *visit, void *context);

#endif
