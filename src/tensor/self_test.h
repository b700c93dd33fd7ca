/* A backend is trusted when it has shown that it works here: a library may crash, hang or compute wrong products on a
 * processor that is younger than the library.
 *
 * The test runs every kind of product that a training step makes (few and odd rows, transposed, strided, batched,
 * added, with bias, with packed weights), norms, softmax and activations, and compares them with the reference backend.
 * It does so in a child process, which may die without harm. It takes 10 to 40 ms. */
#ifndef SELF_TEST_H
#define SELF_TEST_H
#include "tensor/kernels.h"

/* OK, or ERR_PROGRAM with what failed: "oneDNN 3.6.2, amx: a product of 5 x 7 x 3 is wrong", ".. died of signal 11". */
enum status self_test_run(const struct kernels *kernels);

#endif
