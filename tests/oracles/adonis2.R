# vegan::adonis2 on the cohorts of adonis2_data.py: sums of squares, R2, F and p-values,
# with the permutations used, so that p-values can be compared exactly.
suppressPackageStartupMessages({ library(vegan); library(jsonlite) })

read_cohort <- function(name) {
  metadata <- read.delim(sprintf("adonis2_%s_metadata.tsv", name), row.names = 1)
  metadata$group <- factor(metadata$group, c("control", "MS"))
  metadata$sex <- factor(metadata$sex, c("male", "female"))
  distances <- read.delim(sprintf("adonis2_%s_distances.tsv", name), row.names = 1)
  list(name = name, metadata = metadata, distances = as.dist(as.matrix(distances)))
}

formulas <- c(
  "group", "site + age + bmi + sex + group", "group + sex + bmi + age + site",
  "site * group + age", "country + site + group", "age + age_months + group", "household_id"
)

draw <- function(cohort, strata) {
  set.seed(1)
  block <- if (strata == "") NULL else cohort$metadata[[strata]]
  control <- if (is.null(block)) how(nperm = 199) else how(nperm = 199, blocks = factor(block))
  shuffleSet(nrow(cohort$metadata), 199, control)
}

run <- function(cohort, text, by, strata, permutations) {
  formula <- as.formula(paste("cohort$distances ~", text))
  fit <- adonis2(formula, data = cohort$metadata, permutations = permutations,
                 by = if (by == "model") NULL else by)
  data.frame(cohort = cohort$name, formula = text, by = by, strata = strata,
             term = rownames(fit), df = fit$Df, sum_of_squares = fit$SumOfSqs,
             r2 = fit$R2, pseudo_f = fit$F, p_value = fit$`Pr(>F)`)
}

rows <- list()
for (name in c("pairs", "uneven")) {
  cohort <- read_cohort(name)
  for (strata in c("", "household_id", "site")) {
    permutations <- draw(cohort, strata)
    write.table(as.matrix(permutations), row.names = FALSE, col.names = FALSE, sep = "\t",
                file = sprintf("adonis2_%s_permutations_%s.tsv", name,
                               if (strata == "") "free" else strata))
    for (text in formulas) for (by in c("terms", "margin", "model"))
      rows[[length(rows) + 1]] <- run(cohort, text, by, strata, permutations)
  }
}
table <- do.call(rbind, rows)
numbers <- sapply(table, is.numeric)
table[numbers] <- lapply(table[numbers], function(x) sprintf("%.15g", x))
write.table(table, "adonis2.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
versions <- list(R = R.version.string, vegan = as.character(packageVersion("vegan")),
                 permute = as.character(packageVersion("permute")))
write_json(versions, "adonis2_versions.json", auto_unbox = TRUE, pretty = TRUE)
