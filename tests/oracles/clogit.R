# Presence within pairs of association_data.tsv (consecutive rows; the first is the case) by
# survival::clogit, with the modified likelihood root from its likelihoods and variances;
# writes clogit_r.json. Run in this folder: Rscript clogit.R
suppressMessages(library(survival))
library(jsonlite)
data <- read.delim("association_data.tsv", row.names = 1)
data$pair <- rep(seq_len(nrow(data) / 2), each = 2)
data$case <- rep(c(1, 0), nrow(data) / 2)

answer_one <- function(feature) {
  data$present <- as.numeric(data[[feature]] > 0)
  control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
  full <- clogit(present ~ case + age + sex + strata(pair), data, control = control)
  without <- clogit(present ~ age + sex + strata(pair), data, control = control)
  estimate <- coef(full)[["case"]]
  r <- sign(estimate) * sqrt(2 * (full$loglik[2] - without$loglik[2]))
  q <- estimate * sqrt(det(vcov(without)) / det(vcov(full)))
  list(estimate = estimate, std_error = sqrt(vcov(full)["case", "case"]),
       statistic = r + log(q / r) / r)
}

features <- grep("^taxon", names(data), value = TRUE)
answer <- list(R = R.version.string, survival = as.character(packageVersion("survival")),
               fits = sapply(features, answer_one, simplify = FALSE))
write_json(answer, "clogit_r.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
