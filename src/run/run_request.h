/* What a training run may be given besides its keys. All may be NULL. */
#ifndef RUN_REQUEST_H
#define RUN_REQUEST_H
#include <stdbool.h>

struct run_transformer_report;
struct run_request {
    const char *resume;       /* a checkpoint to go on from */
    const char *checkpoint;   /* where to save: every checkpoint_every steps, when stopped, and at the end */
    const char *folder;       /* of checkpoint, in a sweep: made when it is missing */
    bool transient;           /* save only when the run is stopped, not when it ends */
    const volatile int *stop; /* not 0: save and end as interrupted */
    void (*report)(void *context, const struct run_transformer_report *report); /* a Transformer's, after an evaluation
                                                                                   */
    void *context;
};

#endif
