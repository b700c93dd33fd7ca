noinst_LIBRARIES += librun.a
librun_a_SOURCES = %D%/result.c %D%/result.h %D%/trace.c %D%/trace.h %D%/run_flow.c %D%/run_flow.h %D%/run_flow_chain.c %D%/run_reduced.c %D%/run_reduced.h %D%/forecast.c %D%/forecast.h %D%/run_forecast.c %D%/run_forecast.h %D%/reading.c %D%/reading.h \
  %D%/optimizer.c %D%/optimizer.h %D%/run_toy.c %D%/run_toy.h %D%/optimizer_loops.h %D%/train.c %D%/train.h %D%/train_step.c %D%/train_step.h %D%/measure.c %D%/measure.h \
  %D%/safetensors.c %D%/safetensors.h %D%/checkpoint.c %D%/checkpoint.h %D%/run_transformer.c %D%/run_transformer.h \
  %D%/run.c %D%/run.h %D%/recording.c %D%/recording.h %D%/run_request.h
librun_a_CFLAGS = $(AM_CFLAGS) -O3 $(loop_cflags)
%D%/librun_a-optimizer.$(OBJEXT): loop_cflags = $(LOOP_CFLAGS)
