# Rscript benchmarks/lmer.R FOLDER: fits each column of FOLDER/values.tsv with lme4, then with
# lmerTest (degrees of freedom too); writes FOLDER/lmer.tsv. Time is R's own, without start-up.
suppressPackageStartupMessages(library(lme4))
folder <- commandArgs(TRUE)[1]
people <- read.delim(file.path(folder, "people.tsv"), stringsAsFactors = TRUE)
values <- read.delim(file.path(folder, "values.tsv"), check.names = FALSE)
people$group <- relevel(people$group, "control")
people$household_id <- factor(people$household_id)
model <- y ~ group + site + age + bmi + sex + (1 | household_id)
fit_all <- function(lmer) do.call(rbind, lapply(names(values), function(name) {
  people$y <- values[[name]]
  coef(summary(lmer(model, people)))["groupMS", 1:2]
}))
fit_one_first <- suppressMessages(lmerTest::lmer(model, cbind(people, y = values[[1]])))
seconds <- function(lmer) system.time(found <<- fit_all(lmer))[["elapsed"]]
rows <- data.frame(peer = c("lme4", "lmerTest"), seconds = c(seconds(lme4::lmer), seconds(lmerTest::lmer)))
write.table(rows, file.path(folder, "seconds.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
write.table(format(found, digits = 15), file.path(folder, "lmer.tsv"), sep = "\t",
            row.names = FALSE, quote = FALSE)
