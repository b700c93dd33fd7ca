# The kernels twice, once for each element type (real.h); their vector loops need no errno and raise no traps.
noinst_LIBRARIES += libtensor.a libtensor_bf16.a
tensor_loops = %D%/reference.c %D%/reference.h
tensor_flags = -O3 -fno-math-errno -fno-trapping-math
libtensor_a_SOURCES = %D%/kernels.c %D%/kernels.h %D%/real.h $(tensor_loops)
libtensor_a_CFLAGS = $(AM_CFLAGS) $(tensor_flags)
libtensor_bf16_a_SOURCES = $(tensor_loops)
libtensor_bf16_a_CPPFLAGS = $(AM_CPPFLAGS) -DELEMENT_IS_BF16
libtensor_bf16_a_CFLAGS = $(libtensor_a_CFLAGS)
