# What lme4 and lmerTest say; run from the repository root: Rscript tests/oracles/lmer.R
# Writes lmer_data.tsv (the input), lmer_expected.tsv, lmer_terms.tsv and lmer_versions.txt beside itself.
suppressPackageStartupMessages({ library(lme4); library(lmerTest) })
options(digits = 17)
set.seed(20240611)
folder <- "tests/oracles"

# 70 households: 52 pairs, 15 people alone, two households of three, one of four.
sizes <- c(rep(2, 52), rep(1, 15), 3, 3, 4)
household <- rep(sprintf("H%02d", seq_along(sizes)), sizes)
n <- length(household)
first <- !duplicated(household)
people <- data.frame(
  sample_id = sprintf("S%03d", seq_len(n)), household_id = household,
  group = ifelse(first, ifelse(runif(n) < 0.9, "MS", "control"), ifelse(runif(n) < 0.85, "control", "MS")),
  site = rep(sample(c("Boston", "Edinburgh", "New York", "San Sebastian"), length(sizes), TRUE,
                    c(.4, .1, .3, .2)), sizes),
  age = round(rep(rnorm(length(sizes), 48, 12), sizes) + rnorm(n, 0, 4), 1),
  bmi = round(rnorm(n, 26, 5), 1))
people$sex <- ifelse(runif(n) < ifelse(people$group == "MS", 0.7, 0.3), "female", "male")
people$country <- c(Boston = "US", Edinburgh = "UK", `New York` = "US",
                    `San Sebastian` = "Spain")[people$site]

shared <- function(sd) rnorm(length(sizes), 0, sd)[match(household, unique(household))]
within <- function(x) x - ave(x, household)
ms <- as.numeric(people$group == "MS")
by_site <- rnorm(4, 0, 0.8)[match(people$site, unique(people$site))]
people$middle <- 5 + 0.5 * ms + shared(0.8) + rnorm(n, 0, 1)
people$small <- -2 + shared(0.35) + rnorm(n, 0, 1)
people$high <- 0.02 * people$age + shared(3) + rnorm(n, 0, 0.6)
people$unlike <- 0.3 * ms + within(rnorm(n)) + rnorm(n, 0, 0.1)
people$tiny <- 1e-4 * (1 + 0.3 * ms + shared(0.6) + rnorm(n, 0, 1))
people$sparse <- asin(sqrt(pmax(0, 0.02 * exp(shared(0.9) + rnorm(n, 0, 1)) - 0.02)))
people$sited <- 3 + by_site + 0.4 * ms + shared(0.7) + rnorm(n, 0, 1)
people$gaps <- people$middle + rnorm(n, 0, 0.5)
people$gaps[sample(n, 13)] <- NA
features <- c("middle", "small", "high", "unlike", "tiny", "sparse", "sited", "gaps")
for (f in features) people[[f]] <- as.numeric(sprintf("%.9g", people[[f]]))

written <- people
for (f in features) written[[f]] <- sprintf("%.9g", people[[f]])
write.table(written, file.path(folder, "lmer_data.tsv"), sep = "\t", quote = FALSE,
            row.names = FALSE, na = "")
people$group <- factor(people$group, levels = c("control", "MS"))
people$sex <- factor(people$sex, levels = c("male", "female"))
pairs <- people[people$household_id %in% names(which(tapply(
  people$group, people$household_id, function(g) length(g) == 2 && g[1] != g[2]))), ]

control <- lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
  check.rankX = "message+drop.cols",
  optCtrl = list(ftol_abs = 1e-12, xtol_abs = 1e-12, ftol_rel = 1e-15, xtol_rel = 1e-12, maxeval = 1e5))
ours <- function(names) {
  names <- sub("^\\(Intercept\\)$", "Intercept", names)
  gsub("(group|site|sex|country)([A-Z]|female|male)([A-Za-z ]*)", "\\1[\\2\\3]", names)
}
fit_one <- function(label, data, fixed, feature, random = "(1 | household_id)", contrast = NULL) {
  fit <- suppressMessages(lmer(as.formula(paste(feature, "~", fixed, "+", random)), data,
                               control = control))
  table <- coef(summary(fit))
  parts <- as.data.frame(VarCorr(fit))
  variance <- function(group) { v <- parts$vcov[parts$grp == group]; if (length(v)) v else NA }
  base <- data.frame(model = label, fixed = fixed, feature = feature,
    coefficient = ours(rownames(table)), estimate = table[, "Estimate"],
    std_error = table[, "Std. Error"], df = table[, "df"], statistic = table[, "t value"],
    p_value = table[, "Pr(>|t|)"])
  if (!is.null(contrast)) {
    weights <- setNames(rep(0, nrow(table)), rownames(table))
    weights[names(contrast)] <- contrast
    out <- contest1D(fit, weights)
    base <- rbind(base, data.frame(model = label, fixed = fixed, feature = feature,
      coefficient = "contrast", estimate = out$Estimate, std_error = out$`Std. Error`,
      df = out$df, statistic = out$`t value`, p_value = out$`Pr(>|t|)`))
  }
  cbind(base, household_variance = variance("household_id"), site_variance = variance("site"),
        residual_variance = variance("Residual"), reml_criterion = REMLcrit(fit),
        singular = isSingular(fit, tol = 1e-6), n = nobs(fit), row.names = NULL)
}
both <- "(1 | household_id) + (1 | site)"
expected <- do.call(rbind, c(
  lapply(features, function(f) fit_one("adjusted", people, "group + site + age + bmi + sex", f,
    contrast = c(`siteNew York` = 1, siteEdinburgh = -1))),
  lapply(features, function(f) fit_one("interaction", people, "group * sex + age", f)),
  lapply(features, function(f) fit_one("collinear", people, "group + site + country + age", f)),
  lapply(features, function(f) fit_one("pairs", pairs, "group", f)),
  lapply(features, function(f) fit_one("site", people, "group + age + sex", f, both))))
digits <- sapply(expected, is.numeric)
expected[digits] <- lapply(expected[digits], function(x) sprintf("%.15g", x))
write.table(expected, file.path(folder, "lmer_expected.tsv"), sep = "\t", quote = FALSE,
            row.names = FALSE)
joint <- do.call(rbind, lapply(features, function(f) {
  fit <- lmer(as.formula(paste(f, "~ group + site + age + bmi + sex + (1 | household_id)")), people,
              control = control)
  found <- anova(fit, type = "III", ddf = "Satterthwaite")
  data.frame(feature = f, term = rownames(found), n_coefficients = found$NumDF, df = found$DenDF,
             statistic = found$`F value`, p_value = found$`Pr(>F)`)
}))
digits <- sapply(joint, is.numeric)
joint[digits] <- lapply(joint[digits], function(x) sprintf("%.15g", x))
write.table(joint, file.path(folder, "lmer_terms.tsv"), sep = "\t", quote = FALSE, row.names = FALSE)
writeLines(c(R.version.string, paste("lme4", packageVersion("lme4")),
             paste("lmerTest", packageVersion("lmerTest"))), file.path(folder, "lmer_versions.txt"))
