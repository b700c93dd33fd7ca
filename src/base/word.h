/* Texts as values of keys. A key's value is a number (keys.h); that of a text is made of the text's hash, so it is the
 * same in every process. A table of this process keeps the texts it has met; it is not shared between threads. */
#ifndef WORD_H
#define WORD_H
#include "base/error.h"

/* Text -> its number, never 0: a whole number that a double holds. key: for the message. ERR_INPUT if another text has
 * that number; ERR_MEMORY. */
enum status word_value(const char *key, const char *text, double *value);
/* The text of a number that word_value gave in this process, borrowed for good; NULL for any other number. */
const char *word_text(double value);

#endif
