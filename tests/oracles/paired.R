# What R says of pair differences; run from the repository root after lmer.R:
# Rscript tests/oracles/paired.R. Reads lmer_data.tsv, writes paired_expected.tsv.
options(digits = 17)
people <- read.delim("tests/oracles/lmer_data.tsv")
sets <- split(people, people$household_id)
sets <- Filter(function(h) nrow(h) == 2 && length(unique(h$group)) == 2, sets)
number <- function(h, column) {
  value <- if (column == "female") as.numeric(h$sex == "female") else h[[column]]
  value[h$group == "MS"] - value[h$group == "control"]
}
of_case <- function(h, column) h[[column]][h$group == "MS"]
rows <- list()
add <- function(method, feature, estimate, low, high, p, df = NA, std_error = NA)
  rows[[length(rows) + 1]] <<- data.frame(method, feature, estimate, std_error, low, high, df,
                                          p_value = p)
for (f in c("middle", "small", "high", "sited", "gaps")) {
  d <- data.frame(y = sapply(sets, number, f), age = sapply(sets, number, "age"),
                  bmi = sapply(sets, number, "bmi"), female = sapply(sets, number, "female"),
                  site = sapply(sets, of_case, "site"), own_sex = sapply(sets, of_case, "sex"))
  from_lm <- function(method, fit, row) {
    s <- coef(summary(fit))[row, ]; ci <- confint(fit)[row, ]
    add(method, f, s[[1]], ci[[1]], ci[[2]], s[[4]], fit$df.residual, s[[2]])
  }
  from_lm("adjusted", lm(y ~ female + age + bmi, d), "(Intercept)")
  from_lm("between", lm(y ~ own_sex + site + age, d), "own_sexmale")
  w <- wilcox.test(d$y, conf.int = TRUE, exact = TRUE)
  add("wilcoxon", f, w$estimate[[1]], w$conf.int[1], w$conf.int[2], w$p.value)
}
expected <- do.call(rbind, rows)
digits <- sapply(expected, is.numeric)
expected[digits] <- lapply(expected[digits], function(x) sprintf("%.15g", x))
write.table(expected, "tests/oracles/paired_expected.tsv", sep = "\t", quote = FALSE,
            row.names = FALSE)
