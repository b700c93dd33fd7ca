/* Reads JSON, one object a line, from standard input. Exit 0 if every line parses and none has a key twice; else 1,
 * with the reason. With arguments: every object must have these members. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

int main(int argc, char **argv)
{
    char *line = NULL;
    size_t allocated = 0, n = 0;
    ssize_t length;
    while ((length = getline(&line, &allocated, stdin)) >= 0) {
        json_error_t error;
        json_t *object = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, &error);
        n++;
        if (!json_is_object(object)) {
            fprintf(stderr, "line %zu: %s\n", n, object ? "not an object" : error.text);
            return 1;
        }
        for (int i = 1; i < argc; i++) {
            if (!json_object_get(object, argv[i])) {
                fprintf(stderr, "line %zu: no member %s\n", n, argv[i]);
                return 1;
            }
        }
        json_decref(object);
    }
    free(line);
    return n > 0 ? 0 : 1;
}
