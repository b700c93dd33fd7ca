noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = %D%/clones.h %D%/cgroup.c %D%/cgroup.h %D%/byte_order.h %D%/data.c %D%/data.h %D%/program.c %D%/program.h %D%/sort.c %D%/sort.h %D%/error.c %D%/error.h %D%/hash.c %D%/hash.h %D%/list.c %D%/list.h %D%/text.c %D%/text.h %D%/keys.c %D%/keys_json.c %D%/keys.h %D%/keys.def \
  %D%/csv.c %D%/csv.h %D%/sheet.c %D%/sheet.h %D%/word.c %D%/word.h %D%/schedule.c %D%/schedule.h %D%/clamp.c %D%/clamp.h \
  %D%/random.c %D%/random.h %D%/room.c %D%/room.h %D%/progress.c %D%/progress.h
libbase_a_CFLAGS = $(AM_CFLAGS) -O3 $(loop_cflags)
%D%/libbase_a-random.$(OBJEXT): loop_cflags = $(LOOP_CFLAGS)
