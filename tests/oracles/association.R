# Rank correlation, proportional odds and signed ranks of association_data.tsv by R;
# writes association_r.json. Run in this folder: Rscript association.R
suppressMessages(library(MASS))
library(jsonlite)
data <- read.delim("association_data.tsv", row.names = 1)
features <- grep("^taxon", names(data), value = TRUE)

partial <- function(feature) {
  used <- data[[feature]] > 0
  ranks <- sapply(data[used, c(feature, "msss", "age", "bmi")], rank)
  precision <- solve(cor(ranks))
  r <- -cov2cor(precision)[1, 2]
  df <- sum(used) - 2 - 2
  statistic <- r * sqrt(df / (1 - r^2))
  list(estimate = r, statistic = statistic, p_value = 2 * pt(-abs(statistic), df), n = sum(used))
}

ordinal <- function(feature) {
  data$value <- data[[feature]]
  fit <- polr(factor(edss) ~ value + age + sex, data, Hess = TRUE,
              control = list(reltol = 1e-14, maxit = 1000))
  row <- coef(summary(fit))["value", ]
  list(estimate = row[["Value"]], std_error = row[["Std. Error"]])
}

signed <- function(feature) {
  difference <- data[[feature]][seq(1, nrow(data), 2)] - data[[feature]][seq(2, nrow(data), 2)]
  fit <- suppressWarnings(wilcox.test(difference, conf.int = TRUE, exact = FALSE, correct = FALSE,
                                      digits.rank = 10, tol.root = 1e-10))
  list(estimate = fit$estimate[[1]], low = fit$conf.int[1], high = fit$conf.int[2],
       p_value = fit$p.value)
}

answer <- list(R = R.version.string, partial = lapply(features, partial),
               ordinal = lapply(features, ordinal), signed = lapply(features, signed))
write_json(answer, "association_r.json", digits = NA, auto_unbox = TRUE)
