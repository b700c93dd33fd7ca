/* For builds without oneDNN. */
#include "onednn.h"

enum status onednn_override(struct kernels *kernels)
{
    (void)kernels;
    return error_set(ERR_INPUT, "backend=onednn: this program was built without oneDNN; use backend=auto, or install "
                                "libdnnl-dev and build again");
}
