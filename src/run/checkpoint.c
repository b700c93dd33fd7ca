#include "run/checkpoint.h"
#include "run/safetensors.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(real) == sizeof(float), "checkpoints hold the parameters of Transformers in single precision");
enum { EXTRA = 5 }; /* tensors beside the parameters: target, first, second, state, trace */

static enum safetensors_type type_of(size_t bytes)
{
    return bytes == sizeof(float) ? SAFETENSORS_F32 : SAFETENSORS_F64;
}

/* A parameter in a block of numbers of `bytes` bytes. */
static struct safetensors_tensor parameter(const struct transformer_tensor *t, void *block, size_t bytes)
{
    struct safetensors_tensor out = {
        .name = t->name, .type = type_of(bytes), .rank = t->rank, .data = (char *)block + t->offset * bytes};
    for (int k = 0; k < t->rank; k++)
        out.shape[k] = (size_t)t->shape[k];
    return out;
}

/* ---- notes: "step", "library", "numerics_revision", and the hashed keys under their names ---- */

struct notes {
    struct safetensors_note list[KEY_COUNT + 3];
    size_t n;
    char text[KEY_COUNT + 3][SCHEDULE_TEXT];
};

static void add_note(struct notes *notes, const char *name, const char *text)
{
    snprintf(notes->text[notes->n], sizeof notes->text[0], "%s", text);
    notes->list[notes->n] = (struct safetensors_note){name, notes->text[notes->n]};
    notes->n++;
}

static void add_key(struct notes *notes, const struct keys *keys, enum key key)
{
    char buffer[32];
    add_note(notes, keys_name(key), keys_text(key, keys->value[key], buffer));
}

/* The notes that must be the same when the run goes on. */
static void identity(const struct keys *keys, struct notes *notes)
{
    char buffer[32];
    notes->n = 0;
    snprintf(buffer, sizeof buffer, "%d", KEYS_NUMERICS_REVISION);
    add_note(notes, "numerics_revision", buffer);
    add_key(notes, keys, KEY_model); /* which says what other keys there are */
    for (int key = 0; key < KEY_COUNT; key++) {
        if (key != KEY_model && keys_is_hashed((enum key)key) && !isnan(keys->value[key]))
            add_key(notes, keys, (enum key)key);
    }
}

static enum status check_identity(const struct safetensors *file, const struct keys *keys)
{
    struct notes notes;
    identity(keys, &notes);
    for (size_t i = 0; i < notes.n; i++) {
        const char *name = notes.list[i].name, *found = safetensors_note(file, name);
        if (!found && i > 0) /* the first is the revision, the others are keys */
            found = keys_absent(keys_find(name));
        if (found && i == 0 && strcmp(found, notes.list[i].text))
            return error_set(ERR_INPUT,
                             "the checkpoint's numerics are of revision %.30s, those of this plateau of %s: go on with "
                             "the plateau that made it, or train without --resume",
                             found, notes.list[i].text);
        if (!found)
            return error_set(ERR_INPUT, "not a checkpoint of `plateau train`: it says nothing about %s", name);
        if (strcmp(found, notes.list[i].text))
            return error_set(
                ERR_INPUT,
                "the checkpoint is of a run with %s=%s, not %s: give the same keys, or train without --resume", name,
                found, notes.list[i].text);
    }
    return OK;
}

/* ---- writing ---- */

enum status checkpoint_write(const struct run_request *request, const struct checkpoint *c)
{
    enum status rc = OK;
    struct notes notes;
    char step[32];
    const struct optimizer_state *o = c->optimizer;
    const enum safetensors_type type = type_of(o->size);
    const double d = keys_real(c->keys, KEY_d);
    size_t n = 0;
    struct safetensors_tensor *tensors = NULL;
    if (!request->checkpoint)
        return OK;
    if (request->folder)
        TRY(text_make_folder(request->folder));
    REQUIRE(tensors = calloc((size_t)c->tensors + EXTRA, sizeof *tensors), ERR_MEMORY,
            "out of memory for a checkpoint");
    for (; n < (size_t)c->tensors; n++)
        tensors[n] = parameter(&c->tensor[n], c->parameters, o->size);
    if (c->target)
        tensors[n++] = (struct safetensors_tensor){"task.target", type, 2, {(size_t)d, (size_t)d}, c->target};
    if (o->first)
        tensors[n++] = (struct safetensors_tensor){"optimizer.first", type, 1, {o->count}, o->first};
    if (o->second)
        tensors[n++] = (struct safetensors_tensor){"optimizer.second", type, 1, {o->count}, o->second};
    tensors[n++] = (struct safetensors_tensor){c->state_name, SAFETENSORS_F64, 1, {c->states}, c->state};
    tensors[n++] = (struct safetensors_tensor){
        "run.trace", SAFETENSORS_F64, 2, {c->trace->length, (size_t)c->trace->columns}, c->trace->rows};
    identity(c->keys, &notes);
    snprintf(step, sizeof step, "%" PRId64, o->step);
    add_note(&notes, "step", step);
    if (c->library && *c->library)
        add_note(&notes, "library", c->library);
    TRY(safetensors_write(request->checkpoint, tensors, n, notes.list, notes.n));
done:
    free(tensors);
    return rc;
}

/* ---- reading ---- */

static enum status copy_weights(const struct safetensors *file, const struct transformer_tensor *tensor, int n,
                                void *block, size_t bytes)
{
    enum status rc = OK;
    for (int i = 0; i < n && rc == OK; i++) {
        struct safetensors_tensor t = parameter(&tensor[i], block, bytes);
        rc = safetensors_copy(file, t.name, t.type, t.rank, t.shape, (char *)block + tensor[i].offset * bytes);
    }
    return rc;
}

double checkpoint_step(const char *path)
{
    struct safetensors file = {0};
    double step = 0;
    if (access(path, R_OK) == 0 && safetensors_read(path, &file) == OK) {
        const char *note = safetensors_note(&file, "step");
        if (!note || !text_to_real(note, &step))
            step = 0;
    }
    safetensors_free(&file);
    return step;
}

enum status checkpoint_read_weights(const char *path, struct transformer *model)
{
    struct safetensors file;
    enum status rc = safetensors_read(path, &file);
    if (rc == OK && (rc = copy_weights(&file, model->tensor, model->tensors, model->parameters, sizeof(real))) != OK)
        error_prefix(rc, "%.150s", path);
    safetensors_free(&file);
    return rc;
}

static enum status copy_trace(const struct safetensors *file, struct trace *trace)
{
    enum status rc = OK;
    const struct safetensors_tensor *t = safetensors_find(file, "run.trace");
    const size_t least = (size_t)trace_least_columns(trace), most = (size_t)trace->columns;
    const bool fits = t && t->rank == 2 && t->shape[1] >= least && t->shape[1] <= most;
    const size_t columns = fits ? t->shape[1] : most, length = fits ? t->shape[0] : 0; /* so its file holds them */
    double *rows = malloc((length + 1) * columns * sizeof *rows);
    REQUIRE(rows, ERR_MEMORY, "out of memory for a trace of %zu rows", length);
    TRY(safetensors_copy(file, "run.trace", SAFETENSORS_F64, 2, (size_t[]){length, columns}, rows));
    TRY(trace_fill(trace, rows, length, columns));
done:
    free(rows);
    return rc;
}

/* A run that goes on with another library, or on another processor, has not the bits of either: both are named. */
static void join_library(const struct safetensors *file, char *library)
{
    char now[RESULT_LIBRARY];
    const char *before = safetensors_note(file, "library");
    const size_t n = before ? strlen(before) : 0, m = strlen(library);
    if (!n)
        return;
    snprintf(now, sizeof now, "%s", library);
    const bool last = n >= m && !strcmp(before + n - m, now);
    if (last && (n == m || (n > m + 1 && before[n - m - 2] == ';'))) /* "A" or "B; A"; "B + A" is another one */
        snprintf(library, RESULT_LIBRARY, "%s", before);
    else
        snprintf(library, RESULT_LIBRARY, "%.62s; %.62s", before, now);
}

static enum status copy_all(const struct safetensors *file, struct checkpoint *c)
{
    enum status rc = OK;
    struct optimizer_state *o = c->optimizer;
    const enum safetensors_type type = type_of(o->size);
    const char *step = safetensors_note(file, "step");
    double value;
    REQUIRE(step && text_to_real(step, &value) && value >= 0 && value <= 1e9 && value == rint(value), ERR_INPUT,
            "step=%.30s: not a step", step ? step : "(none)");
    TRY(copy_weights(file, c->tensor, c->tensors, c->parameters, o->size));
    if (o->first)
        TRY(safetensors_copy(file, "optimizer.first", type, 1, &o->count, o->first));
    if (o->second)
        TRY(safetensors_copy(file, "optimizer.second", type, 1, &o->count, o->second));
    TRY(safetensors_copy(file, c->state_name, SAFETENSORS_F64, 1, &c->states, c->state));
    TRY(copy_trace(file, c->trace));
    if (c->library)
        join_library(file, c->library);
    o->step = (int64_t)value;
done:
    return rc;
}

enum status checkpoint_read(const struct run_request *request, struct checkpoint *c)
{
    struct safetensors file;
    enum status rc = safetensors_read(request->resume, &file);
    const bool readable = rc == OK, opened = file.stream != NULL;
    bool remedy = false;
    if (readable && (rc = check_identity(&file, c->keys)) != OK)
        remedy = true; /* which it says */
    else if (readable)
        rc = copy_all(&file, c);
    if (readable && rc != OK)
        error_prefix(rc, "%.150s", request->resume);
    if (rc == ERR_INPUT && opened && !remedy && !request->folder)
        error_set(rc, "%s; the file is damaged: train without --resume", error_message());
    safetensors_free(&file);
    return opened ? checkpoint_damage(request, rc) : rc;
}

enum status checkpoint_damage(const struct run_request *request, enum status rc)
{
    return rc == ERR_INPUT && request->folder ? ERR_DAMAGED : rc;
}

enum status checkpoint_set_aside(const struct run_request *request)
{
    struct text aside = {0};
    text_addf(&aside, "%s.damaged", request->resume);
    enum status rc = text_status(&aside);
    if (rc == OK && rename(request->resume, aside.data) != 0)
        rc = error_set(ERR_IO, "%s: cannot be renamed to .damaged: %s", request->resume, strerror(errno));
    if (rc == OK)
        fprintf(stderr, "plateau: %s; the checkpoint is now %s, and its run begins anew\n", error_message(),
                aside.data);
    text_free(&aside);
    return rc;
}
