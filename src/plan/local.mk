noinst_LIBRARIES += libplan.a
libplan_a_SOURCES = %D%/past.c %D%/past.h %D%/expect.c %D%/expect.h %D%/rate.c %D%/rate.h %D%/plan.c %D%/plan_text.c %D%/plan.h %D%/design.c %D%/design.h
