# Rscript benchmarks/glmmtmb.R FOLDER: fits each column of FOLDER/counts.tsv with glmmTMB (nbinom2);
# writes FOLDER/glmmtmb.tsv and FOLDER/seconds.tsv. Time is R's own, without start-up.
suppressPackageStartupMessages(library(glmmTMB))
folder <- commandArgs(TRUE)[1]
people <- read.delim(file.path(folder, "people.tsv"), stringsAsFactors = TRUE)
counts <- read.delim(file.path(folder, "counts.tsv"), check.names = FALSE)
people$group <- relevel(people$group, "control")
people$depth <- log(rowSums(counts))
model <- y ~ group + sex + age + bmi + site + offset(depth) + (1 | household_id)
fit <- function(name) {
  people$y <- counts[[name]]
  summary(glmmTMB(model, people, family = nbinom2))$coefficients$cond["groupMS", 1:2]
}
asked <- readLines(file.path(folder, "asked.txt"))
first <- fit(asked[1])
spent <- system.time(found <- do.call(rbind, lapply(asked, fit)))[["elapsed"]]
write.table(data.frame(peer = "glmmTMB", seconds = spent), file.path(folder, "seconds.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
write.table(format(found, digits = 15), file.path(folder, "glmmtmb.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
