# vegan::betadisper on the cohorts of adonis2_data.py: distances to the middle of the group
# and the F of their analysis of variance; p-values with the permutations of adonis2.R.
suppressPackageStartupMessages({ library(vegan); library(jsonlite) })

rows <- list(); tests <- list()
for (name in c("pairs", "uneven")) {
  metadata <- read.delim(sprintf("adonis2_%s_metadata.tsv", name), row.names = 1)
  distances <- as.dist(as.matrix(
    read.delim(sprintf("adonis2_%s_distances.tsv", name), row.names = 1)))
  for (column in c("group", "site")) for (type in c("median", "centroid")) {
    fit <- betadisper(distances, factor(metadata[[column]]), type = type)
    rows[[length(rows) + 1]] <- data.frame(
      cohort = name, column = column, kind = type, sample_id = rownames(metadata),
      distance = sprintf("%.15g", fit$distances))
    for (strata in c("free", "household_id")) {
      permutations <- as.matrix(read.delim(
        sprintf("adonis2_%s_permutations_%s.tsv", name, strata), header = FALSE))
      test <- permutest(fit, permutations = permutations)$tab
      tests[[length(tests) + 1]] <- data.frame(
        cohort = name, column = column, kind = type, strata = strata,
        f = sprintf("%.15g", test$F[1]), p_value = test$`Pr(>F)`[1])
    }
  }
}
save <- function(rows, file)
  write.table(do.call(rbind, rows), file, sep = "\t", quote = FALSE, row.names = FALSE)
save(rows, "betadisper_distances.tsv"); save(tests, "betadisper_tests.tsv")
versions <- list(R = R.version.string, vegan = as.character(packageVersion("vegan")))
write_json(versions, "betadisper_versions.json", auto_unbox = TRUE, pretty = TRUE)
