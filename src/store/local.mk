noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = %D%/store.c %D%/store.h %D%/store_sql.c %D%/store_sql.h %D%/store_check.c %D%/store_migrate.c %D%/store_read.c %D%/store_copy.c %D%/store_forget.c \
  %D%/save_queue.c %D%/save_queue.h %D%/lease.c %D%/lease.h %D%/import.c %D%/import.h %D%/import_columns.c %D%/import_columns.h %D%/import_curves.c %D%/import_curves.h %D%/import_expect.c %D%/import_expect.h %D%/import_outcome.c %D%/import_outcome.h %D%/export.c %D%/export.h %D%/archive.c %D%/archive.h %D%/agree.c %D%/agree.h %D%/merge.c %D%/merge.h %D%/record.c %D%/record.h
