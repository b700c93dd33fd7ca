# The kernels twice, once for each element type (real.h); their vector loops need no errno and raise no traps.
noinst_LIBRARIES += libtensor.a libtensor_bf16.a
tensor_loops = %D%/reference.c %D%/reference.h %D%/vector.c %D%/vector.h %D%/blas.c %D%/blas.h
libtensor_a_SOURCES = %D%/kernels.c %D%/kernels.h %D%/real.h %D%/self_test.c %D%/self_test.h $(tensor_loops)
if ONEDNN
libtensor_a_SOURCES += %D%/onednn.c %D%/onednn.h %D%/onednn_version.h
endif
libtensor_a_CFLAGS = $(AM_CFLAGS) -O3 $(LOOP_CFLAGS)
libtensor_bf16_a_SOURCES = $(tensor_loops)
libtensor_bf16_a_CPPFLAGS = $(AM_CPPFLAGS) -DELEMENT_IS_BF16
libtensor_bf16_a_CFLAGS = $(libtensor_a_CFLAGS)
libtensor = libtensor.a libtensor_bf16.a libtensor.a
