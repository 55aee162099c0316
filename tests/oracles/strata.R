# Split plots by aov(... Error()) and restricted permutations by vegan (see tests/test_strata.py):
#   Rscript --vanilla strata.R
# One feature, so that distances are Euclidean in one column and pseudo-F is F.

suppressPackageStartupMessages(library(vegan))
options(digits = 15)

people <- read.delim("strata_samples.tsv", stringsAsFactors = TRUE)
rows <- list()
add <- function(model, fit) {
  for (stratum in names(fit)) {
    table <- fit[[stratum]][[1]]
    for (term in rownames(table)) {
      rows[[length(rows) + 1]] <<- data.frame(
        model = model, stratum = sub("Error: ", "", stratum), term = trimws(term),
        df = table[term, "Df"], sum_of_squares = table[term, "Sum Sq"],
        pseudo_f = if ("F value" %in% names(table)) table[term, "F value"] else NA)
    }
  }
}
pairs <- people[people$visit == "first", ]
add("pairs", summary(aov(y ~ site + age + group + sex + Error(household_id), pairs)))
add("pairs crossed", summary(aov(y ~ site * group + Error(household_id), pairs)))
add("visits", summary(
  aov(y ~ site + group + visit + group:visit + Error(household_id / participant_id), people)))
write.table(do.call(rbind, rows), "strata_aov.tsv", sep = "\t", quote = FALSE, row.names = FALSE)

# Swaps of partners: every one of the 2^8 permutations of the first eight pairs, in adonis2.
few <- pairs[pairs$household_id %in% sort(unique(pairs$household_id))[1:8], ]
few$household_id <- droplevels(few$household_id)
scheme <- how(within = Within(type = "free"), plots = Plots(strata = few$household_id, type = "none"),
              complete = TRUE, maxperm = 1000)
all <- allPerms(nrow(few), scheme)
d <- dist(as.matrix(few[, c("y", "z")]))
found <- adonis2(d ~ group, few, permutations = all)
out <- data.frame(
  kind = "within", n_permutations = nrow(all) + 1, p_value = found[1, "Pr(>F)"],
  sum_of_squares = found[1, "SumOfSqs"])
# Whole homes changing places: adonis2 of the homes' means.
homes <- aggregate(cbind(y, z, income) ~ household_id, few, mean)[1:6, ]
all <- allPerms(6, how(complete = TRUE, maxperm = 1000))
found <- adonis2(dist(as.matrix(homes[, c("y", "z")])) ~ income, homes, permutations = all)
out <- rbind(out, data.frame(
  kind = "between", n_permutations = nrow(all) + 1, p_value = found[1, "Pr(>F)"],
  sum_of_squares = 2 * found[1, "SumOfSqs"]))
write.table(out, "strata_adonis2.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
