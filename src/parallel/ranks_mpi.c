#include "parallel/ranks.h"
#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A message on its way; MPI reads it until the request is complete. */
struct outgoing {
    struct outgoing *next;
    MPI_Request request;
    char data[];
};
static struct outgoing *outbox; /* owned */

#ifdef WITH_SANITIZERS
#include <sanitizer/lsan_interface.h>
/* Open MPI and the libraries that it loads never free all that they allocate. The allocations of plugins that are
 * unloaded have no name by which they could be suppressed. So leak detection is off while MPI starts, and leaks are
 * looked for before MPI ends. */
#define OF_MPI(call) (__lsan_disable(), (call), __lsan_enable())
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmpi\nleak:libopen-\nleak:libpmix\nleak:libhwloc\nleak:libevent\nleak:libprrte\nleak:mca_\nleak:"
           "libucs\nleak:libfabric\n";
}
#else
#define OF_MPI(call) (call)
#endif

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* Frees messages that have been sent, and gives MPI the time that it needs for the others. */
static void clear_outbox(void)
{
    for (struct outgoing **p = &outbox, *o; (o = *p);) {
        int sent = 0;
        MPI_Test(&o->request, &sent, MPI_STATUS_IGNORE);
        if (sent) {
            *p = o->next;
            free(o);
        } else {
            p = &o->next;
        }
    }
}

enum status ranks_connect(size_t *count, size_t *number, size_t *here)
{
    int all, mine, near, rc;
    MPI_Comm machine;
    OF_MPI(rc = MPI_Init(NULL, NULL));
    if (rc != MPI_SUCCESS)
        return error_set(ERR_PROGRAM, "MPI does not start");
    MPI_Comm_size(MPI_COMM_WORLD, &all);
    MPI_Comm_rank(MPI_COMM_WORLD, &mine);
    OF_MPI(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, mine, MPI_INFO_NULL, &machine));
    MPI_Comm_size(machine, &near);
    MPI_Comm_free(&machine);
    *count = (size_t)all;
    *number = (size_t)mine;
    *here = (size_t)near;
    return OK;
}

enum status ranks_send(size_t to, int kind, const void *data, size_t bytes)
{
    struct outgoing *o = bytes <= INT_MAX ? malloc(sizeof *o + bytes) : NULL;
    if (!o)
        return error_set(ERR_MEMORY, "out of memory for a message of %zu bytes", bytes);
    if (bytes)
        memcpy(o->data, data, bytes);
    MPI_Isend(o->data, (int)bytes, MPI_BYTE, (int)to, kind, MPI_COMM_WORLD, &o->request);
    o->next = outbox;
    outbox = o;
    return OK;
}

enum status ranks_receive(struct ranks_message *m, bool *there)
{
    int found = 0, bytes, done = 0;
    MPI_Message message;
    MPI_Request request;
    MPI_Status status;
    clear_outbox();
    MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &message, &status);
    *there = found;
    if (!found)
        return OK;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    *m = (struct ranks_message){.from = (size_t)status.MPI_SOURCE, .kind = status.MPI_TAG, .bytes = (size_t)bytes};
    m->data = malloc(m->bytes + 1);
    if (!m->data)
        return error_set(ERR_MEMORY, "out of memory for a message of %zu bytes", m->bytes);
    MPI_Imrecv(m->data, bytes, MPI_BYTE, &message, &request);
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done)
        nap();
    return OK;
}

void ranks_disconnect(void)
{
    for (clear_outbox(); outbox; clear_outbox())
        nap();
#ifdef WITH_SANITIZERS
    __lsan_do_leak_check();
#endif
    MPI_Finalize();
}
