# What glmmTMB and a marginal likelihood on a fine grid say; run from the repository root: Rscript tests/oracles/glmmtmb.R
# Writes glmmtmb_data.tsv (the input), glmmtmb_expected.tsv and glmmtmb_versions.txt beside itself.
suppressPackageStartupMessages(library(glmmTMB))
options(digits = 17)
set.seed(20261128)
folder <- "tests/oracles"

# Two designs: 60 pairs; 70 homes of one to four people.
draw_people <- function(design, sizes) {
  home <- rep(seq_along(sizes), sizes)
  n <- length(home)
  group <- ifelse(!duplicated(home), "MS", ifelse(runif(n) < 0.9, "control", "MS"))
  data.frame(design, household_id = sprintf("%s%02d", design, home), group,
             sex = ifelse(runif(n) < ifelse(group == "MS", 0.7, 0.3), "female", "male"),
             age = round(rep(rnorm(length(sizes), 48, 11), sizes) + rnorm(n, 0, 4), 1),
             depth = round(exp(rnorm(n, 9, 0.5))))
}
people <- rbind(draw_people("pairs", rep(2, 60)),
                draw_people("uneven", sample(1:4, 70, TRUE, c(.3, .5, .1, .1))))
people$sample_id <- sprintf("S%03d", seq_len(nrow(people)))
n <- nrow(people)
home <- match(people$household_id, unique(people$household_id))
shared <- function(sd) rnorm(max(home), 0, sd)[home]
draw <- function(rate, sd, theta, effect, extra = 0) {
  mean <- people$depth * exp(rate + shared(sd) + effect * (people$group == "MS") + 0.02 * (people$age - 48))
  rnbinom(n, mu = mean, size = theta) * (runif(n) > extra)
}
people$common <- draw(-4, 0.7, 1.5, 0.5)
people$rare <- draw(-8.5, 0.8, 0.8, 0)
people$shared <- draw(-6, 1.5, 2, -0.6)
people$apart <- draw(-5, 0, 1, 0.3)
people$holes <- draw(-5, 0.6, 1.5, 0.4, extra = 0.4)
people$sparse <- draw(-7, 0.8, 1.2, 0, extra = 0.3)
features <- c("common", "rare", "shared", "apart", "holes", "sparse")
write.table(people, file.path(folder, "glmmtmb_data.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
people$group <- factor(people$group, c("control", "MS"))
people$sex <- factor(people$sex, c("male", "female"))

# The marginal likelihood by the trapezoid rule on 201 points, maximised by BFGS.
by_hand <- function(data, y, inflated, start) {
  x <- model.matrix(~ group + sex + I((age - 48) / 10), data)
  grid <- seq(-9, 9, length.out = 201)
  deviance <- function(p) {
    sd <- abs(p[5]); theta <- exp(p[6]); extra <- if (inflated) plogis(p[7]) else 0
    mu <- exp(outer(drop(x %*% p[1:4]) + log(data$depth), sd * grid, "+"))
    cells <- log((1 - extra) * dnbinom(y, mu = mu, size = theta) + extra * (y == 0))
    joint <- rowsum(matrix(cells, length(y)), data$household_id)
    joint <- sweep(joint, 2, dnorm(grid, log = TRUE) + log(grid[2] - grid[1]), "+")
    top <- apply(joint, 1, max)
    -sum(top + log(rowSums(exp(joint - top))))
  }
  found <- optim(start, deviance, method = "BFGS", control = list(reltol = 1e-13, maxit = 300))
  curvature <- optimHess(found$par, deviance, control = list(ndeps = rep(1e-4, length(start))))
  data.frame(estimate = found$par[2], std_error = sqrt(solve(curvature)[2, 2]), sd = abs(found$par[5]),
             theta = exp(found$par[6]), extra = if (inflated) plogis(found$par[7]) else 0, likelihood = -found$value)
}

rows <- list()
for (design in c("pairs", "uneven")) for (feature in features) for (inflated in c(FALSE, TRUE)) {
  if (inflated && !(feature %in% c("holes", "sparse"))) next
  data <- droplevels(people[people$design == design, ])
  data$y <- data[[feature]]
  fit <- glmmTMB(y ~ group + sex + I((age - 48) / 10) + offset(log(depth)) + (1 | household_id), data,
                 family = nbinom2, ziformula = if (inflated) ~1 else ~0)
  table <- summary(fit)$coefficients$cond
  extra <- if (inflated) unname(plogis(fixef(fit)$zi)) else 0
  sd <- unname(attr(VarCorr(fit)$cond$household_id, "stddev"))
  common <- list(design = design, feature = feature, inflated = inflated)
  rows[[length(rows) + 1]] <- data.frame(common, program = "glmmTMB",
    estimate = table["groupMS", 1], std_error = table["groupMS", 2], sd = sd, theta = sigma(fit), extra = extra,
    likelihood = as.numeric(logLik(fit)), coefficients = paste(table[, 1], collapse = " "))
  if (feature %in% c("rare", "shared") || (feature == "holes" && inflated)) {
    start <- c(table[, 1], max(sd, 0.2), log(sigma(fit)), if (inflated) qlogis(extra))
    rows[[length(rows) + 1]] <- data.frame(common, program = "trapezoid", by_hand(data, data$y, inflated, start), coefficients = "")
  }
}
write.table(format(do.call(rbind, rows), digits = 12), file.path(folder, "glmmtmb_expected.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(R.version.string, paste("glmmTMB", packageVersion("glmmTMB"))), file.path(folder, "glmmtmb_versions.txt"))
