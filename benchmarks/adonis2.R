# Rscript benchmarks/adonis2.R FOLDER FORMULA BY PERMUTATIONS STRATA: vegan::adonis2 on FOLDER/distances.bin
# (float64, n x n) and FOLDER/people.tsv; writes FOLDER/adonis2.tsv with sums of squares, F and
# seconds. Time is R's own, without start-up and reading. STRATA is a column, or "none".
suppressPackageStartupMessages(library(vegan))
arguments <- commandArgs(TRUE)
folder <- arguments[1]
people <- read.delim(file.path(folder, "people.tsv"), stringsAsFactors = TRUE)
n <- nrow(people)
distances <- as.dist(matrix(readBin(file.path(folder, "distances.bin"), "double", n * n), n))
formula <- as.formula(paste("distances ~", arguments[2]))
strata <- if (arguments[5] == "none") NULL else people[[arguments[5]]]
spent <- system.time(fit <- adonis2(formula, people, permutations = as.integer(arguments[4]),
                                    by = arguments[3], strata = strata))[["elapsed"]]
rows <- data.frame(term = rownames(fit), sum_of_squares = sprintf("%.15g", fit$SumOfSqs),
                   pseudo_f = sprintf("%.15g", fit$F), seconds = spent)
write.table(rows, file.path(folder, "adonis2.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
