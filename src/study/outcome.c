#include "study/outcome.h"
#include <string.h>

enum status outcome_make(struct run_context *context, const struct keys *keys, bool with_curve, struct text *bytes)
{
    enum status rc = OK;
    struct result result;
    struct trace curve = {0};
    TRY(run_any(context, keys, &result, with_curve ? &curve : NULL));
    REQUIRE(result.state != RUN_INTERRUPTED, ERR_INTERRUPTED, "interrupted");
    text_add_bytes(bytes, (const char *)&result, sizeof result);
    text_add_bytes(bytes, (const char *)&curve, sizeof curve);
    text_add_bytes(bytes, (const char *)curve.rows, curve.length * (size_t)curve.columns * sizeof *curve.rows);
done:
    trace_free(&curve);
    return rc;
}

void outcome_read(const void *bytes, struct result *result, struct trace *curve)
{
    const char *next = bytes;
    memcpy(result, next, sizeof *result);
    next += sizeof *result;
    memcpy(curve, next, sizeof *curve);
    next += sizeof *curve;
    curve->rows = (void *)next;
}
