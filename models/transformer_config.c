#include "models/task.h"
#include "models/transformer.h"

struct transformer_config transformer_config(const struct keys *keys)
{
    const struct task_kind *kind = task_of(keys);
    struct transformer_config c = {
        .tokens = kind->tokens,
        .layers = (int)keys_integer(keys, KEY_layers),
        .heads = (int)keys_integer(keys, KEY_heads),
        .width = (int)keys_integer(keys, KEY_width),
        .head_dim = (int)keys_integer(keys, KEY_head_dim),
        .mlp = (int)keys_integer(keys, KEY_mlp),
        .skip = keys_integer(keys, KEY_skip) == CHOICE_YES,
        .norm = (enum norm)keys_integer(keys, KEY_norm),
        .activation = (enum activation)keys_integer(keys, KEY_activation),
        .mask = (enum mask)keys_integer(keys, KEY_mask),
        .readout = (enum readout)keys_integer(keys, KEY_readout),
    };
    kind->sizes(keys, &c.T, &c.inputs, &c.outputs);
    return c;
}
