# Firth's logistic regression (brglm2) with profile intervals of the penalised likelihood, and
# conditional logistic regression of matched sets (survival::clogit), on data drawn here;
# writes separation_data.tsv and separation_r.json. Run in this folder: Rscript separation.R
suppressMessages({library(brglm2); library(survival)})
library(jsonlite)
set.seed(7)
n <- 120
data <- data.frame(set = rep(seq_len(n / 4), each = 4), a = round(rnorm(n), 3),
                   income = round(exp(rnorm(n, 10, 0.5))))
data$b <- as.numeric(runif(n) < 0.2)
data$ill <- as.numeric(runif(n) < plogis(-1 + 0.6 * data$a + (data$income - 25000) / 3e4))
data$always <- ifelse(data$b == 1, 1, data$ill)

height <- function(x, y, beta) {
  p <- plogis(drop(x %*% beta))
  information <- crossprod(x, x * (p * (1 - p)))
  sum(dbinom(y, 1, p, log = TRUE)) + as.numeric(determinant(information)$modulus) / 2
}

profile_height <- function(x, y, place, value, start) {
  objective <- function(rest) -height(x, y, append(rest, value, place - 1))
  best <- optim(start[-place], objective, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000))
  -best$value
}

firth <- function(y, x) {
  fit <- brglmFit(x, y, family = binomial(),
                  control = list(type = "AS_mean", epsilon = 1e-12, maxit = 1000))
  beta <- coef(fit)
  top <- height(x, y, beta)
  answer <- sapply(seq_along(beta), function(place) {
    drop <- function(value) 2 * (top - profile_height(x, y, place, value, beta)) - qchisq(0.95, 1)
    low <- uniroot(drop, c(beta[place] - 12, beta[place]), tol = 1e-9)$root
    high <- uniroot(drop, c(beta[place], beta[place] + 12), tol = 1e-9)$root
    p <- pchisq(2 * (top - profile_height(x, y, place, 0, beta)), 1, lower.tail = FALSE)
    c(estimate = beta[[place]], low = low, high = high, p_value = p)
  })
  colnames(answer) <- colnames(x)
  as.list(as.data.frame(answer[, -1]))
}

x <- cbind(Intercept = 1, a = data$a, b = data$b)
matched <- function(y) {
  control <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
  fit <- summary(clogit(y ~ a + b + I(income / 1e4) + strata(set), data, method = "exact",
                        control = control))$coefficients
  list(estimate = unname(fit[, "coef"]), std_error = unname(fit[, "se(coef)"]))
}
answer <- list(R = R.version.string, brglm2 = as.character(packageVersion("brglm2")),
               survival = as.character(packageVersion("survival")),
               firth = suppressWarnings(firth(data$always, x)), clogit = matched(data$ill))
write.table(data, "separation_data.tsv", sep = "\t", row.names = FALSE, quote = FALSE)
write_json(answer, "separation_r.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
