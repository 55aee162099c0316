# What R says of small samples; run from the repository root: Rscript tests/oracles/small_samples.R
# Writes small_samples.json: signed ranks with ties and zeros (coin), directly standardised rates
# (epitools), and the power of the paired t test (stats).
suppressPackageStartupMessages({ library(coin); library(epitools); library(jsonlite) })
differences <- list(
  ties = c(1, 1, 1, 1, 1),
  zeros = c(1, 1, 2, -1, 0, 0, 3, -2, 1),
  many = c(0, 2, -1, 1, 3, 0, 0, 1, 1, -2, 4, 1, 0, 2, 2, -1, 1, 1, 0, 3))
signed <- function(d, zeros) pvalue(wilcoxsign_test(
  d ~ rep(0, length(d)), zero.method = zeros, distribution = "exact"))
p_values <- lapply(c(pratt = "Pratt", wilcox = "Wilcoxon"),
                   function(z) lapply(differences, function(d) as.numeric(signed(d, z))))
rates <- ageadjust.direct(c(3, 7, 0), c(100, 60, 40), stdpop = c(150, 100, 50))
power <- function(n, delta, alpha)
  power.t.test(n, delta, 1, alpha, type = "paired", strict = TRUE)$power
cases <- data.frame(n = c(6, 9, 17, 209), delta = c(1.147, 1.147, 1.147, 0.19),
                    alpha = c(0.05, 0.05, 1e-4, 0.05))
cases$power <- mapply(power, cases$n, cases$delta, cases$alpha)
write_json(list(differences = differences, signed_ranks = p_values, rates = as.list(rates),
                power = cases,
                versions = as.list(sapply(c("coin", "epitools"), function(p)
                  as.character(packageVersion(p)))), r = R.version.string),
           "tests/oracles/small_samples.json", auto_unbox = TRUE, digits = NA, pretty = TRUE)
