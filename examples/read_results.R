#!/usr/bin/env Rscript
# Reads runs exported by `plateau export F.db --format csv` with base R: a power law for each momentum, with 95 % intervals.
#
#     Rscript read_results.R momentum.csv
#
# Columns are named as the keys; what does not apply or is not known is empty (NA).
runs <- read.csv(commandArgs(trailingOnly = TRUE)[1])
emerged <- runs[runs$status == "emerged", ]
for (momentum in sort(unique(emerged$momentum))) {
    rows <- emerged[emerged$momentum == momentum, ]
    law <- lm(log(plateau) ~ log(d) + log(T), data = rows)
    value <- unname(coef(law))
    cat(sprintf("momentum %g: %d runs, plateau = %.2f d^%.2f T^%.2f\n", momentum, nrow(rows), exp(value[1]), value[2], value[3]))
    interval <- confint(law)
    cat(sprintf("  d %.2f .. %.2f, T %.2f .. %.2f\n", interval[2, 1], interval[2, 2], interval[3, 1], interval[3, 2]))
}
