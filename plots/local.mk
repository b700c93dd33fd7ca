# The figures and the report will be built here.
