# What clubSandwich says of few clusters; run from the repository root: Rscript tests/oracles/cr2.R
# Writes cr2_data.tsv (the input) and cr2.tsv.
suppressPackageStartupMessages(library(clubSandwich))
options(digits = 17)
set.seed(20240612)
sizes <- c(1, 2, 3, 5, 2, 4, 2, 1, 6, 2)
data <- data.frame(cluster = rep(letters[seq_along(sizes)], sizes))
n <- nrow(data)
data$exposed <- as.numeric(data$cluster %in% c("c", "f", "j"))
data$age <- round(rnorm(n), 3)
home <- rnorm(length(sizes))[match(data$cluster, letters)]
data$gaussian <- round(1 + 0.5 * data$age + home + rnorm(n), 3)
data$poisson <- rpois(n, exp(0.3 + 0.3 * data$age + 0.3 * home))
data$binomial <- rbinom(n, 1, plogis(0.2 + 0.5 * data$age + 0.4 * home))
families <- list(gaussian = gaussian, poisson = poisson, binomial = binomial)
table <- do.call(rbind, lapply(names(families), function(f) {
  formula <- as.formula(paste(f, "~ exposed + age"))
  fit <- if (f == "gaussian") lm(formula, data) else
    glm(formula, families[[f]], data, control = glm.control(epsilon = 1e-14, maxit = 100))
  found <- coef_test(fit, vcov = "CR2", cluster = data$cluster, test = "Satterthwaite")
  data.frame(family = f, coefficient = c("Intercept", "exposed", "age"), estimate = found$beta,
             std_error = found$SE, df = found$df, p_value = found$p_Satt)
}))
write.table(data, "tests/oracles/cr2_data.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
write.table(format(table, digits = 14), "tests/oracles/cr2.tsv", sep = "\t", quote = FALSE, row.names = FALSE)
