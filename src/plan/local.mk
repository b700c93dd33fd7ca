noinst_LIBRARIES += libplan.a
libplan_a_SOURCES = %D%/history.c %D%/history.h %D%/expected_steps.c %D%/expected_steps.h %D%/step_time.c %D%/step_time.h \
  %D%/plan.c %D%/plan_text.c %D%/plan.h %D%/budget.c %D%/budget.h
